"""Small deliveries in shapes that were got wrong once (fixtures/cases), each with its right figures."""

import contextlib
import datetime as dt
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from leap_assets.settings import load_settings
from leap_assets.sources.check import Sample, Tried, load_tried, try_files
from leap_assets.sources.declaration import read_source
from leap_assets_tests.sources.examples.delivered import SOURCES

CASES = Path(__file__).parents[2] / "fixtures" / "cases"
EVENTS = (
    '[events.currency_earned]\ndescription = "Coins and gems"\n[events.chat_message]\n[events.ad_clicked]\n'
)


@contextlib.contextmanager
def tried(case: str, source: Path, work: Path) -> Iterator[tuple[Tried, duckdb.DuckDBPyConnection]]:
    """What `make check-source` makes of a case: its books, and what it loaded."""
    settings = load_settings({})
    read = read_source(source)
    found, start_date = try_files(settings, read, None, CASES / case / "delivered", work, Sample())
    with load_tried(settings, read, None, work / "landing", found, start_date) as connection:
        yield found, connection


def figures(found: Tried) -> dict[str, tuple[int, int, int, int]]:
    """Received, accepted, duplicate and rejected lines by log."""
    total: dict[str, tuple[int, int, int, int]] = {}
    for (_, log), one in found.books.items():
        row = (one.received, one.accepted, one.duplicate, sum(one.rejected.values()))
        total[log] = tuple(map(sum, zip(total.get(log, (0, 0, 0, 0)), row, strict=True)))
    return total


def test_nobody_who_kills_has_no_session(tmp_path):
    with tried("nobody-as-killer", SOURCES / "battle_royale", tmp_path) as (found, connection):
        sessions = connection.execute(
            "select player_id, kills, deaths from leap_raw.event_session order by 1"
        ).fetchall()
    assert sessions == [
        ("account.a1", 1, 0),
        ("account.a2", 0, 1),
        ("account.b1", 0, 1),
        ("account.c1", 0, 1),
    ]
    assert figures(found) == {"session": (4, 4, 0, 0), "heartbeat": (12, 12, 0, 0)}


def test_a_purchase_that_is_told_twice_is_a_repeat(tmp_path):
    with tried("purchase-told-twice", SOURCES / "mobile_analytics", tmp_path) as (found, connection):
        purchases = connection.execute(
            """select distinct on (event_id) price, currency from leap_raw.event_client
            where event_type = 'purchase' order by event_id, line_number"""
        ).fetchall()
    assert sorted(purchases) == [
        (Decimal("0.99"), "EUR"),
        (Decimal("2.49"), "JPY"),
        (Decimal("10.78"), "USD"),
        (Decimal("19.99"), "USD"),
    ]
    # the impression that was told twice, too, and an event of nobody
    assert figures(found) == {"player": (1, 1, 0, 0), "client": (13, 10, 2, 1)}


def test_a_csv_file_without_a_header_is_refused_or_has_its_names(tmp_path):
    with tried(
        "mapped-csv-without-header", CASES / "mapped-csv-without-header/sources/gen", tmp_path / "a"
    ) as (
        found,
        _,
    ):
        assert len(found.problems) == 1
        assert (
            "none of its columns (p1, 2025-03-01T12:00:00Z) is a field that the SELECTs name"
            in found.problems[0]
        )
    source = copied("mapped-csv-without-header", "gen", tmp_path, '[columns]\n"*.csv" = ["player", "at"]\n')
    with tried("mapped-csv-without-header", source, tmp_path / "b") as (found, _):
        assert (found.problems, figures(found)) == ([], {"signons": (2, 2, 0, 0)})


def copied(case: str, name: str, folder: Path, declaration: str) -> Path:
    """A case's source with more in its declaration."""
    source = folder / "sources" / name
    shutil.copytree(CASES / case / "sources" / name, source)
    with (source / "source.toml").open("a") as file:
        file.write(f"\n{declaration}")
    return source


def test_attributes_of_a_player_from_two_files_complement_each_other(tmp_path):
    with tried("player-in-two-files", CASES / "player-in-two-files/sources/game", tmp_path) as (found, _):
        assert figures(found)["player"] == (4, 2, 2, 0)


def test_events_that_are_declared_are_accepted(tmp_path):
    with tried("custom-events", CASES / "custom-events/sources/game", tmp_path / "a") as (found, _):
        assert found.books[dt.date(2025, 1, 1), "client"].rejected == {"unknown_event_type": 3}
    source = copied("custom-events", "game", tmp_path, EVENTS)
    with tried("custom-events", source, tmp_path / "b") as (found, _):
        assert figures(found) == {"client": (4, 4, 0, 0)}


def test_a_session_of_fractions_of_a_second_is_accepted(tmp_path):
    with tried("session-of-9.7-seconds", CASES / "session-of-9.7-seconds/sources/game", tmp_path) as (
        found,
        connection,
    ):
        assert figures(found) == {"session": (1, 1, 0, 0)}
        lengths = connection.execute("select event_length_seconds from leap_raw.event_session").fetchall()
    assert lengths == [(Decimal("9.700000"),)]


TOGETHER = ("player-in-two-files", "custom-events", "session-of-9.7-seconds", "session-of-three-days")


def write_together(source: Path, delivered: Path) -> None:
    """Some cases as one source: a SELECT of a log is that of each case, over the files of the case."""
    source.mkdir(parents=True)
    (source / "source.toml").write_text(EVENTS)
    parts: dict[str, list[str]] = {}
    for case in TOGETHER:
        shutil.copytree(CASES / case / "delivered", delivered / case)
        for path in sorted((CASES / case / "sources" / "game").glob("*.sql")):
            own = f"(select * from delivered where starts_with(source_file, '{case}/')) as delivered"
            sql = path.read_text().replace("from delivered", f"from {own}")
            # each case numbers its events from 1
            sql = sql.replace(
                "record->>'$.id' as event_id", f"concat('{case} ', record->>'$.id') as event_id"
            )
            parts.setdefault(path.name, []).append(sql)
    for name, selects in parts.items():
        united = " union all by name ".join(f"select * from ({select})" for select in selects)
        (source / name).write_text(united)


@pytest.mark.slow
@pytest.mark.smoke
def test_the_cases_have_their_right_figures(mapped_leap, tmp_path):
    write_together(tmp_path / "sources" / "cases", tmp_path / "data" / "delivered")
    leap = mapped_leap(tmp_path / "sources" / "cases", LEAP_SESSION_MAX_HOURS="96")
    leap.run(dt.date(2025, 1, 1), dt.date(2025, 1, 4))
    day = dt.date(2025, 1, 1)
    assert leap.query("select player_id, country, platform from leap_dim.dim_players order by 1") == [
        ("ann", "DE", "ios"),
        ("bob", "FR", "android"),
    ]
    of_ids = leap.query(
        """select session_id, event_date, started_at, ended_at, is_end_inferred
        from leap_stage.fact_session where session_id in ('M1', 'S1') order by 1"""
    )
    assert of_ids == [
        ("M1", day, dt.datetime(2025, 1, 1, 12), dt.datetime(2025, 1, 1, 12, 0, 9, 700_000), False),
        ("S1", day, dt.datetime(2025, 1, 1, 10), dt.datetime(2025, 1, 4, 10), False),
    ]
    assert leap.query("select event_date, dau from leap_mart.kpi_daily where dau > 0") == [(day, 2)]
    counts = leap.query(
        "select event_type, sum(events) from leap_mart.event_counts_daily where event_date = '2025-01-01' group by 1"
    )
    assert dict(counts) == {
        "currency_earned": 1,
        "chat_message": 1,
        "ad_clicked": 1,
        "feature_used": 1,
        "session_start": 1,
    }


@pytest.mark.slow
def test_a_purchase_that_is_told_twice_is_revenue_once(make_leap):
    leap = make_leap(
        source="mobile_analytics", start_date=dt.date(2025, 3, 1), logs=("player", "client"), simulation={}
    )
    shutil.copytree(CASES / "purchase-told-twice" / "delivered", leap.settings.data_dir / "delivered")
    leap.run(dt.date(2025, 3, 1))
    assert leap.query("select sum(amount) from leap_stage.fact_transaction") == [(Decimal("31.86"),)]
