"""Each page over a small world: its figures are those of the marts, and no state of the data breaks it."""

import datetime as dt
import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from leap_assets.dashboard.figures import Figure, bars
from leap_assets.dashboard.filters import Filters
from leap_assets.dashboard.views import money
from leap_assets.dashboard.views.retention import curve_sql
from leap_assets.settings import LANDING, PROJECT_DIR
from leap_assets_tests.conftest import DAYS, as_day
from leap_assets_tests.test_real_input import TWO_ROUNDS, load

PAGES = ("overview", "retention", "money", "progression", "matches", "health")
QUERIED = re.compile(r"leap_(?:mart|dim|stage|raw)\.[a-z_]+")


def run_page(name: str, path: str) -> None:
    """A page alone: what AppTest runs, so its imports are in here."""
    import importlib
    from pathlib import Path

    from leap_assets.dashboard.figures import Board
    from leap_assets.dashboard.snapshot import Snapshot, stamp

    found = stamp(Path(path))
    board = Board(Snapshot.open(Path(path)), found)
    importlib.import_module(f"leap_assets.dashboard.views.{name}").show(board)


def open_page(leap, name: str, **state: object) -> AppTest:
    page = AppTest.from_function(
        run_page, default_timeout=60, kwargs={"name": name, "path": str(leap.settings.published_path)}
    )
    for key, value in state.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception, page.exception
    return page


@pytest.fixture(scope="module")
def one_day(make_leap):
    leap = make_leap()
    leap.run(1)
    return leap


@pytest.fixture(scope="module")
def nothing(make_leap):
    """Published, but nothing was delivered."""
    leap = make_leap(source=LANDING, simulation={})
    leap.run(1)
    return leap


@pytest.fixture(scope="module")
def two_rounds(make_leap):
    return load(make_leap, TWO_ROUNDS)


@pytest.mark.slow
@pytest.mark.smoke
def test_every_page_shows_a_small_world(clean):
    for name in PAGES:
        page = open_page(clean, name)
        assert not page.error
        assert len(page.markdown) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("world", ["one_day", "nothing", "two_rounds"])
def test_no_state_of_the_data_breaks_a_page(request, world, name):
    page = open_page(request.getfixturevalue(world), name)
    assert not page.error
    if world == "nothing":
        assert page.info


@pytest.mark.slow
def test_tiles_are_the_figures_of_the_mart(clean):
    page = open_page(clean, "overview")
    shown = {metric.label: metric.value for metric in page.metric}
    first, last = as_day(1), as_day(DAYS)
    ((dau, sessions, revenue, payers),) = clean.query(
        """select avg(dau), sum(player_sessions), sum(purchase_amount + ad_amount), sum(payers) / sum(dau)
        from leap_mart.kpi_daily where event_date between ? and ?""",
        [first, last],
    )
    assert shown["DAU, mean"] == f"{dau:,.0f}"
    assert shown["Sessions"] == f"{sessions:,}"
    assert shown["Revenue"] == f"{revenue:,.2f}"
    assert shown["Payer share"] == f"{payers:.2%}"


@pytest.mark.slow
def test_the_rolling_curve_is_that_of_the_retention_summary(clean):
    rows = clean.query(curve_sql(Filters(as_day(1), as_day(DAYS))))
    curve = {age: (rolling, horizon) for age, _, _, horizon, rolling in rows}
    summary = clean.query(
        "select age, rolling_retention, rolling_followed_days from leap_mart.retention_summary order by age"
    )
    known = {age: (rolling, horizon) for age, rolling, horizon in summary if rolling is not None}
    assert known
    for age, found in known.items():
        assert curve[age] == pytest.approx(found)
    # of platforms too, each over its own players
    platforms = [name for (name,) in clean.query("select distinct platform from leap_dim.dim_players")]
    players = clean.query(
        "select sum(cohort_size) from leap_mart.cohort_retention where age = 1 and active_players is not null"
    )
    parts = [clean.query(curve_sql(Filters(as_day(1), as_day(DAYS), platforms=[name]))) for name in platforms]
    assert sum(rows[0][1] for rows in parts if rows) == players[0][0]


@pytest.mark.slow
def test_figures_that_may_still_change_are_named(clean):
    page = open_page(clean, "overview")
    (first_open,) = clean.query("select min(event_date) from leap_mart.kpi_daily where not is_final")[0]
    assert any(f"{first_open} on may still change" in caption.value for caption in page.caption)


@pytest.mark.slow
def test_filters_of_country_and_platform_add_up_to_everything(clean):
    (whole,) = [m.value for m in open_page(clean, "overview").metric if m.label == "Sessions"]
    platforms = [name for (name,) in clean.query("select distinct platform from leap_dim.dim_players")]
    parts = [
        m.value
        for platform in platforms
        for m in open_page(clean, "overview", platform=[platform]).metric
        if m.label == "Sessions"
    ]
    assert sum(int(part.replace(",", "")) for part in parts) == int(whole.replace(",", ""))


@pytest.mark.slow
def test_a_choice_of_days_narrows_the_figures(clean):
    day = as_day(2)
    page = open_page(clean, "overview", days=(day, day))
    (sessions,) = [m.value for m in page.metric if m.label == "Sessions"]
    ((expected,),) = clean.query(
        "select player_sessions from leap_mart.kpi_daily where event_date = ?", [day]
    )
    assert sessions == f"{expected:,}"
    # the day before is loaded: changes are shown
    assert any(m.delta for m in page.metric)


@pytest.mark.slow
def test_books_on_the_page_are_those_of_the_mart(clean):
    page = open_page(clean, "health", days=(as_day(1), as_day(DAYS)))
    shown = {metric.label: metric.value for metric in page.metric}
    ((received, accepted, duplicate, rejected),) = clean.query(
        "select sum(received), sum(accepted), sum(duplicate), sum(rejected) from leap_mart.ingestion_daily"
    )
    assert shown["Received"] == f"{received:,}"
    assert shown["Accepted"] == f"{accepted:,}"
    assert shown["Duplicate"] == f"{duplicate:,}"
    assert shown["Rejected"] == f"{rejected:,}"
    assert shown["Last delivery"] == str(as_day(DAYS))


@pytest.mark.slow
def test_every_figure_has_a_definition(clean):
    for name in PAGES:
        titles = [m for m in open_page(clean, name).markdown if m.value.startswith("#####")]
        assert titles
        for title in titles:
            assert title.help, f"{name}: {title.value}"
            assert "No definition" not in title.help, f"{name}: {title.value}"


def test_the_exposure_names_the_tables_that_the_pages_read():
    sources = [*(PROJECT_DIR / "leap_assets" / "dashboard").rglob("*.py")]
    assert sources
    queried = {name for path in sources for name in QUERIED.findall(path.read_text())}
    text = (PROJECT_DIR / "dbt_project/models/exposures.yml").read_text()
    dashboard = text[text.index("name: dashboard") : text.index("name: player_paths")]
    named = set(re.findall(r"ref\('(\w+)'\)|source\('\w+', '(\w+)'\)", dashboard))
    # not a model of dbt
    assert {name.partition(".")[2] for name in queried} - {"proof_daily"} == {a or b for a, b in named}


@pytest.mark.parametrize(
    ("values", "is_empty"),
    [
        ([], True),
        ([0, 0], True),
        ([None, None], True),
        ([None, 0], True),
        ([0, -1], False),
        ([None, 2], False),
    ],
)
def test_a_picture_of_nothing_is_a_sentence_instead(values, is_empty):
    rows = pd.DataFrame({"day": range(len(values)), "amount": values})
    assert Figure("Money", "", [], None, values=["amount"]).is_empty(rows) is is_empty
    # columns that are not drawn do not matter
    assert Figure("Money", "", [], None).is_empty(rows) is rows.empty


def test_each_bar_stands_above_its_day_and_no_other_day_is_named():
    days = pd.to_datetime(["2025-01-01", "2025-01-03"])
    rows = pd.DataFrame({"event_date": days, "sessions": [1, 2]})
    chart = bars(rows, "measure", {"sessions": "Sessions"}).to_dict()
    assert chart["encoding"]["x"]["type"] == "ordinal"
    assert chart["encoding"]["x"]["scale"]["domain"] == ["2025-01-01", "2025-01-02", "2025-01-03"]


def test_weeks_of_countries_are_those_that_the_days_touch():
    thursday = dt.date(2025, 1, 2)
    sql = money.countries_sql(Filters(thursday, thursday, ["DE"], ["pc"], [thursday]))
    assert "week_start between date '2024-12-30' and date '2025-01-02'" in sql
    assert "country in ('DE')" in sql
    assert "platform" not in sql


def test_the_pages_are_those_that_the_app_shows():
    modules = {path.stem for path in (PROJECT_DIR / "leap_assets/dashboard/views").glob("*.py")} - {
        "__init__"
    }
    assert modules == set(PAGES)
