"""Servers of pages to look at, and the browser to look with."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence

from leap_assets.settings import PROJECT_DIR
from leap_assets.spark.local_cluster import find_port

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DASHBOARD = (
    ["leap_assets.dashboard", "--server.port", "{port}"],
    "_stcore/health",
)
START_S = 120


def find_browser() -> str | None:
    """Path of a Chromium, None where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextlib.contextmanager
def serve(command: Sequence[str], health: str, **variables: str) -> Iterator[str]:
    """The address of a server that is started as a module of this Python on a free port."""
    port = find_port()
    server = subprocess.Popen(
        [sys.executable, "-m", *(part.format(port=port) for part in command)],
        cwd=PROJECT_DIR,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and server.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/{health}"):
                yield f"http://127.0.0.1:{port}"
                return
            time.sleep(0.3)
        raise RuntimeError(f"{command[0]} did not start")
    finally:
        server.terminate()
        server.wait(20)
