"""Real telemetry through the graph with LEAP_SOURCE=landing, and conflicts recomputed by plain loops.

The whole match lies outside the repository; where it is absent, its two rounds in fixtures/ still run.
"""

import datetime as dt
import itertools
import math
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from leap_assets.settings import LANDING, PROJECT_DIR
from leap_assets_tests.conftest import FIRST_DAY, Leap

TWO_ROUNDS = Path(__file__).parent / "fixtures" / "csgo_rounds_2_and_3.parquet"
WHOLE_MATCH = PROJECT_DIR.parent / "shared" / "data" / "csgo" / "frames.parquet"
BEAT_S, DISTANCE, COOLDOWN_S = 0.125, 1000.0, 5.0


def land_frames(leap: Leap, frames: Path) -> None:
    """Write CS:GO frames as a delivery of heartbeats: rounds are sessions, 128 ticks are a second."""
    path = leap.landed("heartbeat", FIRST_DAY, "frames.parquet")
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (
                select
                    player as player_id,
                    timestamp '{FIRST_DAY} 18:00:00' + to_microseconds(tick * 1000000 // 128) as event_date_time,
                    team as team_id, 'overpass-' || round_num as session_id,
                    x as position_x, y as position_y, z as position_z
                from '{frames}' where is_alive
            ) to '{path}' (format parquet)"""
        )


@pytest.fixture(scope="module")
def two_rounds(make_leap):
    return load(make_leap, TWO_ROUNDS)


def load(make_leap, frames: Path) -> Leap:
    leap = make_leap(
        source=LANDING,
        heartbeat_s=BEAT_S,
        conflict_distance=DISTANCE,
        conflict_cooldown_s=COOLDOWN_S,
        simulation={},
    )
    land_frames(leap, frames)
    leap.run(FIRST_DAY)
    return leap


def islands(beats: list[int], cooldown_beats: float) -> list[list[int]]:
    """Runs of sorted beats whose gaps are at most the cooldown."""
    found: list[list[int]] = []
    for beat in beats:
        if found and beat - found[-1][-1] <= cooldown_beats:
            found[-1].append(beat)
        else:
            found.append([beat])
    return found


def loop_over_centroids(leap: Leap) -> set[tuple]:
    """Conflicts by plain loops over stage_centroids."""
    by_beat: dict[tuple[str, int], list[tuple]] = defaultdict(list)
    for session, team, beat, *centroid in leap.query(
        "select session_id, team_id, beat, centroid_x, centroid_y, centroid_z from leap_stage.stage_centroids"
    ):
        by_beat[session, beat].append((team, centroid))
    close: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for (session, beat), teams in sorted(by_beat.items()):
        for (team_1, a), (team_2, b) in itertools.combinations(sorted(teams), 2):
            if math.dist(a, b) <= leap.settings.conflict_distance:
                close[session, team_1, team_2].append(beat)
    return expected_rows(leap, close)


def loop_over_fixes(leap: Leap) -> set[tuple]:
    """Contacts by plain loops over the last fix of each player and beat."""
    last: dict[tuple[str, int], dict[str, tuple]] = defaultdict(dict)
    for session, player, team, beat, *position in leap.query(
        """select session_id, player_id, team_id, beat, position_x, position_y, position_z
        from leap_stage.event_heartbeat order by event_date_time"""
    ):
        last[session, beat][player] = (team, position)
    close: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for (session, beat), players in sorted(last.items()):
        for (player_1, (team_1, a)), (player_2, (team_2, b)) in itertools.combinations(
            sorted(players.items()), 2
        ):
            if team_1 != team_2 and math.dist(a, b) <= leap.settings.conflict_distance:
                close[session, player_1, player_2].append(beat)
    return expected_rows(leap, close)


def expected_rows(leap: Leap, close: dict[tuple[str, str, str], list[int]]) -> set[tuple]:
    starts = dict(leap.query("select session_id, match_started_at from leap_stage.stage_matches"))
    settings = leap.settings
    beat = dt.timedelta(seconds=settings.heartbeat_s)
    return {
        (*pair, number, starts[pair[0]] + run[0] * beat, starts[pair[0]] + (run[-1] + 1) * beat, len(run))
        for pair, beats in close.items()
        for number, run in enumerate(islands(beats, settings.conflict_cooldown_s / settings.heartbeat_s), 1)
    }


def found_conflicts(leap: Leap) -> set[tuple]:
    return set(
        leap.query(
            """select session_id, team_1_id, team_2_id, conflict_number, conflict_start, conflict_end, close_beats
            from leap_stage.stage_conflicts"""
        )
    )


def found_contacts(leap: Leap) -> set[tuple]:
    return set(
        leap.query(
            """select session_id, player_1_id, player_2_id, contact_number, contact_start, contact_end, close_beats
            from leap_stage.stage_contacts"""
        )
    )


@pytest.mark.slow
@pytest.mark.smoke
def test_two_rounds_of_a_real_match_give_the_conflicts_of_plain_loops(two_rounds):
    expected = loop_over_centroids(two_rounds)
    assert expected
    assert found_conflicts(two_rounds) == expected
    contacts = loop_over_fixes(two_rounds)
    assert contacts
    assert found_contacts(two_rounds) == contacts


@pytest.mark.slow
@pytest.mark.smoke
def test_logs_that_a_source_lacks_give_empty_marts_and_no_error(two_rounds):
    lines = two_rounds.query("select log, files, received from leap_raw.delivery order by log")
    assert {log for log, files, _ in lines if files} == {"heartbeat"}
    for mart in ("player_activity_daily", "country_weekly_revenue", "country_monthly_playtime"):
        assert two_rounds.query(f"select count(*) from leap_mart.{mart}") == [(0,)]
    assert two_rounds.query("select count(*) from leap_mart.session_close_conflicts_daily") == [(2,)]
    players = two_rounds.query("select count(*), bool_and(is_inferred) from leap_dim.dim_players")
    assert players == [(10, True)]


@pytest.mark.slow
def test_a_whole_real_match_gives_the_conflicts_of_plain_loops(make_leap):
    if not WHOLE_MATCH.exists():
        pytest.skip("the whole match is not part of the repository; two of its rounds are in fixtures/")
    leap = load(make_leap, WHOLE_MATCH)
    assert leap.query("select count(distinct session_id) from leap_stage.event_heartbeat") == [(29,)]
    assert found_conflicts(leap) == loop_over_centroids(leap)
    assert found_contacts(leap) == loop_over_fixes(leap)


@pytest.mark.slow
@pytest.mark.smoke
def test_conflicts_of_the_simulated_world_are_those_of_plain_loops(clean):
    expected = loop_over_centroids(clean)
    assert len(expected) > 20
    assert found_conflicts(clean) == expected
    assert found_contacts(clean) == loop_over_fixes(clean)
