"""The pictures of the README: the graph in the Dagster UI, and pages of the dashboard over the demo world.

make demo && make screenshots
"""

import sys
import tempfile

from playwright.sync_api import Browser, sync_playwright

from leap_assets.settings import PROJECT_DIR, load_settings
from leap_assets_tests.dashboard.servers import BROWSERS, DASHBOARD, find_browser, serve

IMAGES = PROJECT_DIR / "docs" / "images"
PAGES = {"overview": "", "retention": "retention", "money": "money", "matches": "matches"}
WAIT_MS = 120_000
SETTLE_MS = 3_000
# for charts to be drawn, and for the graph to be laid out


def main() -> int:
    """Take all pictures; the exit code says whether it worked."""
    found = find_browser()
    if not found:
        print(f"No browser: install one of {', '.join(BROWSERS)}.")
        return 1
    if not load_settings().published_path.exists():
        print("Nothing is published yet: run `make demo` first.")
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        take_dashboard(browser)
        take_graph(browser)
        browser.close()
    return 0


def take_dashboard(browser: Browser) -> None:
    """Pictures of pages of the dashboard."""
    with serve(*DASHBOARD) as at:
        for name, path in PAGES.items():
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{at}/{path}", timeout=WAIT_MS)
            page.locator("[data-testid=stVegaLiteChart]").first.wait_for(timeout=WAIT_MS)
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()


def take_graph(browser: Browser) -> None:
    """A picture of the graph, its groups folded."""
    with tempfile.TemporaryDirectory() as home:
        command = [
            "dagster_webserver",
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
            "-m",
            "leap_assets.definitions",
        ]
        with serve(command, "server_info", DAGSTER_HOME=home) as at:
            page = browser.new_page(viewport={"width": 1500, "height": 800})
            page.goto(f"{at}/asset-groups", timeout=WAIT_MS)
            page.get_by_text("marts", exact=True).first.wait_for(timeout=WAIT_MS)
            # a new installation greets first
            page.get_by_role("button", name="Skip").click(timeout=WAIT_MS)
            page.get_by_text("Hide navigation").click()
            page.locator("input[placeholder^='Jump to']").locator("xpath=following::button[1]").click()
            page.reload()
            page.get_by_text("marts", exact=True).first.wait_for(timeout=WAIT_MS)
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=IMAGES / "graph.png")
            page.close()


if __name__ == "__main__":
    sys.exit(main())
