"""The dashboard in a real browser: what is drawn, what the address keeps, and what happens when a run publishes."""

import re
from pathlib import Path

import pytest

from leap_assets_tests.conftest import DAYS, Leap, as_day
from leap_assets_tests.dashboard.servers import DASHBOARD, serve

PAGES = ("", "retention", "money", "progression", "matches", "health")
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def dashboard(clean):
    with serve(*DASHBOARD, LEAP_DATA_DIR=str(clean.settings.data_dir)) as address:
        yield address


def visit(browser, address: str, size: str = "desk", **options: object):
    page = browser.new_page(viewport=SIZES[size], **options)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address, timeout=WAIT_MS)
    page.get_by_text("Published").first.wait_for(timeout=WAIT_MS)
    page.wait_for_function(
        "!document.querySelector('[data-testid=stSkeleton]') && !document.querySelector('[data-stale=true]')",
        timeout=WAIT_MS,
    )
    return page, errors


@pytest.mark.slow
@pytest.mark.smoke
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_drawn(browser, dashboard, size):
    for path in PAGES:
        page, errors = visit(browser, f"{dashboard}/{path}", size)
        page.locator(
            "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
        ).first.wait_for(timeout=WAIT_MS)
        assert page.locator("[data-testid=stException]").count() == 0
        assert "encountered an error" not in page.locator("[data-testid=stMain]").inner_text()
        # nothing is wider than the screen
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert errors == []
        page.close()


@pytest.mark.slow
def test_a_view_can_be_shared_by_its_address(browser, clean, dashboard):
    day = as_day(2).isoformat()
    page, _ = visit(browser, f"{dashboard}/?days={day}&days={day}&platform=pc")
    ((sessions,),) = clean.query(
        """select sum(player_sessions) from leap_mart.kpi_daily_by_segment
        where event_date = ? and platform = 'pc'""",
        [as_day(2)],
    )
    tile = page.locator("[data-testid=stMetric]", has_text=re.compile("^Sessions"))
    assert f"{sessions:,}" in tile.inner_text()
    assert f"days={day}" in page.url
    assert "platform=pc" in page.url
    page.close()


@pytest.mark.slow
def test_a_choice_is_put_into_the_address_and_kept_on_the_next_page(browser, dashboard):
    page, _ = visit(browser, dashboard)
    page.get_by_label("Platform", exact=False).first.click()
    page.get_by_role("option").first.click()
    page.wait_for_url(re.compile("platform="), timeout=WAIT_MS)
    # the open list hides the rest of the page from screen readers, and so from here
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Money").click()
    page.get_by_text("Revenue by source").wait_for(timeout=WAIT_MS)
    assert re.search("platform=", page.url)
    page.close()


@pytest.mark.slow
def test_a_definition_is_shown_on_hover(browser, dashboard):
    page, _ = visit(browser, dashboard)
    tile = page.locator("[data-testid=stMetric]", has_text="DAU, mean")
    tile.locator("[data-testid=stTooltipIcon]").hover()
    page.get_by_text("Players active on the day.").wait_for(timeout=WAIT_MS)
    page.close()


@pytest.mark.slow
def test_the_query_and_the_rows_of_a_figure_can_be_taken_along(browser, clean, dashboard):
    page, _ = visit(browser, dashboard)
    page.get_by_role("button", name="Query and data").nth(1).click()
    page.get_by_text("leap_mart.kpi_daily").first.wait_for(timeout=WAIT_MS)
    with page.expect_download() as download:
        page.get_by_text("Download as CSV").click()
    header, *rows = Path(download.value.path()).read_text().splitlines()
    expected = clean.query("select event_date::varchar, dau::double from leap_mart.kpi_daily order by all")
    assert header.startswith("event_date,dau,")
    assert [(row.split(",")[0], float(row.split(",")[1])) for row in rows] == expected
    page.close()


@pytest.mark.slow
def test_the_page_follows_when_a_run_publishes(browser, make_leap):
    leap: Leap = make_leap()
    with serve(*DASHBOARD, LEAP_DATA_DIR=str(leap.settings.data_dir)) as address:
        page = browser.new_page(viewport=SIZES["desk"])
        page.goto(address, timeout=WAIT_MS)
        page.get_by_text("Nothing is published yet").wait_for(timeout=WAIT_MS)
        leap.run(1)
        page.get_by_text("1 delivery day").wait_for(timeout=WAIT_MS)
        leap.run(2, DAYS)
        page.get_by_text(f"{DAYS} delivery days").wait_for(timeout=WAIT_MS)
        assert page.locator("[data-testid=stException]").count() == 0
        page.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, dashboard, scheme):
    page, _ = visit(browser, dashboard, color_scheme=scheme)
    told = page.evaluate(
        """() => {
            const light = rgb => rgb.match(/[0-9.]+/g).slice(0, 3).map(Number)
                .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const ground = light(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor);
            const text = light(getComputedStyle(document.querySelector('[data-testid=stMetricValue]')).color);
            return [(Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05), ground];
        }"""
    )
    # WCAG 2.2, contrast of text
    assert told[0] >= 4.5
    assert (told[1] < 0.2) == (scheme == "dark")
    page.close()
