"""A dashboard over a small world, as a page in this process and as a server for a browser."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from leap_assets.settings import PROJECT_DIR

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_S = 60


@contextlib.contextmanager
def serve(data_dir: Path) -> Iterator[str]:
    """The address of a dashboard over a data folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "leap_assets/dashboard/app.py",
        "--server.port",
        str(port),
    ]
    server = subprocess.Popen(
        command,
        cwd=PROJECT_DIR,
        env={**os.environ, "LEAP_DATA_DIR": str(data_dir)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health") as answer:
                if answer.status == 200:
                    break
            assert server.poll() is None, "the dashboard ended"
            assert time.monotonic() < deadline, f"the dashboard did not start within {START_S} s"
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the test is skipped where there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not found:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
