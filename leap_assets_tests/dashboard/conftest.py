"""A browser for the tests of the dashboard."""

import pytest

from leap_assets_tests.dashboard.servers import BROWSERS, find_browser


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; the test is skipped where there is none."""
    found = find_browser()
    if not found:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
