"""The shipped sources through the real graph: a folder of files and LEAP_SOURCE, nothing else."""

import datetime as dt
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from leap_assets.settings import ALL_LOGS, LANDING
from leap_assets.sources.ledger import Ledger
from leap_assets_tests.conftest import FIRST_DAY, Leap
from leap_assets_tests.sources.examples import exported_events, matches
from leap_assets_tests.sources.examples.delivered import SOURCES
from leap_assets_tests.test_real_input import (
    BEAT_S,
    COOLDOWN_S,
    DISTANCE,
    TWO_ROUNDS,
    found_conflicts,
    found_contacts,
    land_frames,
    loop_over_centroids,
    loop_over_fixes,
)

FRAMES = {
    "heartbeat_s": BEAT_S,
    "conflict_distance": DISTANCE,
    "conflict_cooldown_s": COOLDOWN_S,
    "simulation": {},
}


def ignored(leap: Leap) -> dict[str, int | None]:
    """Ignored records by delivered file."""
    booked = Ledger(leap.settings.landing_dir).delivered()
    return {path: one.ignored for path, one in booked.items()}


Books = dict[tuple[dt.date, str], tuple[int, int, int, int]]


def take_in(
    make_leap: Callable[..., Leap],
    source: str,
    write: Callable[[Path], Any],
    first: dt.date,
    last: dt.date,
    **settings: Any,
) -> Leap:
    """An installation whose delivered folder was filled by `write`, and whose days were run in one run."""
    # as the settings of the environment have them: the logs are those that have a SELECT
    logs = tuple(log for log in ALL_LOGS if (SOURCES / source / f"{log}.sql").is_file())
    leap = make_leap(source=source, start_date=first, logs=logs, **{"simulation": {}, **settings})
    write(leap.settings.data_dir / "delivered")
    leap.run(first, last)
    return leap


def books(leap: Leap) -> Books:
    """Received, accepted, duplicate and rejected lines by delivery day and log."""
    rows = leap.query(
        """select delivery_date, log, received, accepted, duplicate, rejected
        from leap_mart.ingestion_daily where received > 0"""
    )
    return {(day, log): tuple(counts) for day, log, *counts in rows}


def copy_frames(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(TWO_ROUNDS, folder / "overpass_2025-01-01T1800.parquet")


@pytest.fixture(scope="module")
def csgo(make_leap):
    return take_in(make_leap, "csgo", copy_frames, FIRST_DAY, FIRST_DAY, **FRAMES)


@pytest.mark.slow
@pytest.mark.smoke
def test_mapped_frames_give_the_conflicts_of_plain_loops(csgo):
    assert found_conflicts(csgo) == loop_over_centroids(csgo) != set()
    assert found_contacts(csgo) == loop_over_fixes(csgo) != set()
    sessions = csgo.query(
        "select count(*), sum(deaths), sum(kills), count(distinct session_id) from leap_stage.fact_session"
    )
    assert sessions == [(20, 11, 0, 2)]
    with duckdb.connect() as connection:
        dead = connection.execute(f"select count(*) from '{TWO_ROUNDS}' where not is_alive").fetchall()[0][0]
    assert list(ignored(csgo).values()) == [dead]


@pytest.mark.slow
def test_mapped_frames_give_the_conflicts_of_frames_landed_by_hand(csgo, make_leap):
    by_hand = make_leap(source=LANDING, **FRAMES)
    land_frames(by_hand, TWO_ROUNDS)
    by_hand.run(FIRST_DAY)

    def renamed(rows: set[tuple]) -> set[tuple]:
        return {(row[0].rpartition("-")[2], *row[1:]) for row in rows}

    assert renamed(found_conflicts(csgo)) == renamed(found_conflicts(by_hand))
    assert renamed(found_contacts(csgo)) == renamed(found_contacts(by_hand))
    fixes = """select player_id, event_date_time, team_id, position_x, position_y, position_z, beat
        from leap_stage.event_heartbeat"""
    assert sorted(csgo.query(fixes)) == sorted(by_hand.query(fixes))


def write_matches_twice(folder: Path) -> None:
    matches.write_matches(folder)
    shutil.copy(folder / "one.json", folder / "copy of one.json")


@pytest.mark.slow
@pytest.mark.smoke
def test_battle_royale_matches_have_the_kills_of_their_players(make_leap):
    first, last = matches.FIRST_DAY, matches.FIRST_DAY + dt.timedelta(days=1)
    leap = take_in(
        make_leap,
        "battle_royale",
        write_matches_twice,
        first,
        last,
        heartbeat_s=10.0,
        conflict_distance=50.0,
    )
    activity = leap.query(
        "select player_id, event_date, play_s, kills, deaths from leap_mart.player_activity_daily"
    )
    both = {
        player: [one[i] + matches.TWO.get(player, (0, 0, 0))[i] for i in range(3)]
        for player, one in (matches.ONE | {p: (0, 0, 0) for p in matches.TWO if p not in matches.ONE}).items()
    }
    assert sorted(activity) == sorted((player, first, *figures) for player, figures in both.items())
    conflicts = leap.query(
        """select team_1_id, team_2_id, close_beats, min_centroid_distance
        from leap_stage.stage_conflicts where session_id = 'match.one'"""
    )
    assert conflicts == [("1", "2", 5, 40.0)]
    # two sessions of the second match end on the day it starts, one and 30 fixes on the next
    assert books(leap) == {
        (first, "session"): (12, 7, 5, 0),
        (first, "heartbeat"): (2 * 25 + 42, 25 + 42, 25, 0),
        (last, "session"): (1, 1, 0, 0),
        (last, "heartbeat"): (30, 30, 0, 0),
    }
    assert ignored(leap) == {
        "copy of one.json": matches.ONE_IGNORED,
        "one.json": matches.ONE_IGNORED,
        "two.json": matches.TWO_IGNORED,
    }


@pytest.mark.slow
@pytest.mark.smoke
def test_an_analytics_export_gives_its_revenue_to_the_cent_and_once(make_leap):
    first = exported_events.FIRST_DAY
    leap = take_in(
        make_leap,
        "mobile_analytics",
        lambda folder: exported_events.write_export(folder, twice=True),
        first,
        first + dt.timedelta(days=2),
    )
    assert leap.query("select sum(purchase_amount), sum(ad_amount) from leap_stage.fact_player_day") == [
        (exported_events.REVENUE, exported_events.AD_REVENUE)
    ]
    assert leap.query(
        "select event_date, dau, player_sessions, purchase_amount from leap_mart.kpi_daily order by 1"
    ) == [
        (first, 2, 2, Decimal("4.99")),
        (first + dt.timedelta(days=1), 1, 1, Decimal("34.47")),
        (first + dt.timedelta(days=2), 1, 1, Decimal("0.00")),
    ]
    counts = leap.query("select event_type, count(*) from leap_stage.event_client group by all")
    assert dict(counts) == exported_events.CLIENT
    players = leap.query(
        "select player_id, acquired_on, country, platform, is_inferred from leap_dim.dim_players order by 1"
    )
    assert players == [
        ("p0", first + dt.timedelta(days=2), "unknown", "unknown", True),
        ("p1", first, "TR", "android", False),
        ("p2", first, "unknown", "ios", False),
    ]
    reasons = leap.query("select reason, count(*) from leap_raw.rejected_line group by all")
    assert dict(reasons) == {reason: 2 * lines for reason, lines in exported_events.REJECTED.items()}
    assert set(ignored(leap).values()) == {exported_events.IGNORED}
    found = books(leap)
    accepted = sum(exported_events.CLIENT.values())
    assert sum(row[1] for (_, log), row in found.items() if log == "client") == accepted
    repeated = accepted + 2 * exported_events.TOLD_AGAIN
    assert sum(row[2] for (_, log), row in found.items() if log == "client") == repeated
    levels = leap.query(
        "select event_date, level, attempts, completes, fails, abandoned from leap_mart.level_funnel_daily"
    )
    assert sorted(levels) == [
        (first, 1, 1, 1, 0, 0),
        (first, 2, 2, 0, 1, 1),
        (first + dt.timedelta(days=2), 7, 1, 1, 0, 0),
    ]
