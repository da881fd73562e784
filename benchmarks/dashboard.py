"""How long people wait for the dashboard: its pages, and a filter, in a headless Chromium over the published file.

    python -m benchmarks.dashboard

The file is the one that `LEAP_DATA_DIR` leads to. Beside it stands a Streamlit page with one chart and nothing else:
what of the time is Streamlit's and the browser's own.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import machine_line, markdown
from leap_assets.settings import load_settings
from leap_assets_tests.dashboard.servers import BROWSERS, DASHBOARD, find_browser, serve

PAGES = {
    "Overview": "",
    "Retention": "retention",
    "Money": "money",
    "Progression": "progression",
    "Matches": "matches",
    "Data health": "health",
}
PLAIN = """
import altair as alt, pandas as pd, streamlit as st
st.altair_chart(alt.Chart(pd.DataFrame({"x": range(90), "y": range(90)})).mark_line().encode(x="x", y="y"))
"""
WAIT_MS = 30_000
# seconds since the address was opened, or since `began`, once no script runs and what can be seen is drawn
DRAWN = """(began) => {
    const app = document.querySelector('[data-testid=stApp]');
    if (!app || app.dataset.testScriptState !== 'notRunning') return false;
    const seen = (one) => { const at = one.getBoundingClientRect(); return at.top < innerHeight && at.bottom > 0 };
    const parts = [...document.querySelectorAll('[data-testid=stVegaLiteChart], [data-testid=stPlotlyChart]')];
    const tiles = document.querySelectorAll('[data-testid=stMetric], [data-testid=stDataFrame]').length;
    if (parts.length + tiles === 0) return false;
    const open = '[data-testid=stSkeleton], [data-stale=true]';
    if ([...document.querySelectorAll(open)].some(seen)) return false;
    const missing = (one) => !one.querySelector('canvas, svg, .main-svg');
    if (parts.filter(EVERY ? () => true : seen).some(missing)) return false;
    return (performance.now() - began) / 1000;
}"""
HEADER = ["", "first screen, new server", "again", "every chart, again", "by a click"]


def main() -> int:
    """Print the table; exit code 1 without a browser or a published file."""
    parser = argparse.ArgumentParser(description="Time the dashboard.")
    parser.add_argument("--runs", type=int, default=5, help="of which the median is taken")
    options = parser.parse_args()
    found = find_browser()
    if not found:
        print(f"No browser: install one of {', '.join(BROWSERS)}.")
        return 1
    published = load_settings().published_path
    if not published.exists():
        print(f"{published} does not exist: run `make demo` first, or set LEAP_DATA_DIR.")
        return 1
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        rows = [_time_plain(browser, options.runs), *_time_pages(browser, options.runs)]
        rows += _time_filter(browser, options.runs)
        version = browser.version
        browser.close()
    print(f"{machine_line(['streamlit', 'altair', 'duckdb'])}, Chromium {version}")
    print(f"{published}: {published.stat().st_size / 1e6:.0f} MB; seconds, medians of {options.runs}\n")
    print(markdown(HEADER, rows))
    return 0


def _time_plain(browser, runs: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "plain.py"
        script.write_text(PLAIN)
        command = ["streamlit", "run", str(script), "--server.headless", "true", "--server.port", "{port}"]
        with serve(command, "_stcore/health") as address:
            return ["One chart and nothing else", *_visits(browser, address, runs), ""]


def _time_pages(browser, runs: int) -> list[list[str]]:
    rows = []
    for title, path in PAGES.items():
        # a server of its own, with nothing remembered
        with serve(*DASHBOARD) as address:
            visits = _visits(browser, f"{address}/{path}", runs)
            other = "money" if path != "money" else "retention"
            page = _open(browser, f"{address}/{other}")

            clicks = []
            for _ in range(runs):
                clicks.append(_click(page, title))
                _click(page, other.capitalize())
            page.close()
        rows.append([title, *visits, f"{statistics.median(clicks):.1f}"])
    return rows


def _visits(browser, address: str, runs: int) -> list[str]:
    times = [_visit(browser, address, every=False) for _ in range(runs + 1)]
    whole = [_visit(browser, address, every=True) for _ in range(runs)]
    return [f"{times[0]:.1f}", f"{statistics.median(times[1:]):.1f}", f"{statistics.median(whole):.1f}"]


def _visit(browser, address: str, *, every: bool) -> float:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address, wait_until="commit", timeout=WAIT_MS)
    seconds = _drawn(page, 0, every=every)
    page.close()
    return seconds


def _open(browser, address: str):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address, wait_until="commit", timeout=WAIT_MS)
    _drawn(page, 0, every=True)
    return page


def _drawn(page, began: float, *, every: bool) -> float:
    condition = DRAWN.replace("EVERY", json.dumps(every))
    return float(page.wait_for_function(condition, arg=began, timeout=WAIT_MS).json_value())


def _click(page, title: str) -> float:
    """Seconds from the click on a page's name until it is drawn."""
    figure = page.locator("h5").first.inner_text()
    began = page.evaluate("performance.now()")
    page.get_by_role("link", name=title).click()
    page.wait_for_function(
        "(before) => (document.querySelector('h5')?.innerText ?? before) !== before",
        arg=figure,
        timeout=WAIT_MS,
    )
    return _drawn(page, began, every=False)


def _time_filter(browser, runs: int) -> list[list[str]]:
    """A platform chosen on the first page, until its figures are drawn."""
    times = []
    with serve(*DASHBOARD) as address:
        page = _open(browser, address)
        for _ in range(runs):
            page.get_by_label("Platform", exact=False).first.click()
            # the first chooses all
            option = page.get_by_role("option").last
            option.wait_for()
            before = page.locator("[data-testid=stMetricValue]").first.inner_text()
            began = page.evaluate("performance.now()")
            option.click()
            page.wait_for_function(
                "(before) => document.querySelector('[data-testid=stMetricValue]').innerText !== before",
                arg=before,
                timeout=WAIT_MS,
            )
            times.append(_drawn(page, began, every=False))
            page.goto(address, wait_until="commit")
            _drawn(page, 0, every=True)
        page.close()
    return [["Overview, a platform chosen", "", "", "", f"{statistics.median(times):.1f}"]]


if __name__ == "__main__":
    sys.exit(main())
