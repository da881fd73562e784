"""Conflicts from heartbeats in DuckDB and back: ids, times and the replacing of days; what is close is the kernel's."""

import datetime as dt
from typing import Any

import duckdb
import pytest

from leap_assets.partitions import Window
from leap_assets.warehouse import detection
from leap_assets.warehouse.detection import replace_conflicts
from leap_assets.warehouse.match_day import Rule

DAY = dt.date(2025, 1, 2)
NEXT_DAY = DAY + dt.timedelta(days=1)
START = dt.datetime(2025, 1, 2, 10, 0, 7)
RULE = {"distance": 1.0, "cooldown_s": 60.0, "beat_s": 30.0}


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute("set TimeZone = 'UTC'; create schema leap_stage")
        opened.execute(
            """create table leap_stage.event_heartbeat (
                session_id varchar, team_id varchar, player_id varchar, beat bigint, position_x double,
                position_y double, position_z double, is_last_of_beat boolean, event_date date
            );
            create table leap_stage.stage_centroids (
                session_id varchar, team_id varchar, beat bigint, centroid_x double, centroid_y double,
                centroid_z double, event_date date
            );
            create table leap_stage.stage_matches (session_id varchar, match_started_at timestamp, event_date date);
            """
        )
        yield opened


def add_match(
    connection: duckdb.DuckDBPyConnection,
    session: str,
    teams: dict[str, list[tuple[float, float, float]]],
    *,
    day: dt.date = DAY,
    start: dt.datetime = START,
    beats: list[int] | None = None,
) -> None:
    """A match of teams of one player each, at a place a beat."""
    connection.execute("insert into leap_stage.stage_matches values (?, ?, ?)", [session, start, day])
    for team, places in teams.items():
        for beat, place in zip(beats or range(len(places)), places, strict=True):
            fix = [session, team, f"player of {team}", beat, *place, True, day]
            connection.execute(
                "insert into leap_stage.event_heartbeat values (?, ?, ?, ?, ?, ?, ?, ?, ?)", fix
            )
            centroid = [session, team, beat, *place, day]
            connection.execute(
                "insert into leap_stage.stage_centroids values (?, ?, ?, ?, ?, ?, ?)", centroid
            )


def detect(
    connection: duckdb.DuckDBPyConnection, first: dt.date = DAY, last: dt.date = DAY, **rule: float
) -> Any:
    return replace_conflicts(connection, Window(first, last), Rule(**{**RULE, **rule}))


def rows(connection: duckdb.DuckDBPyConnection, columns: str, table: str = "stage_conflicts") -> Any:
    return connection.execute(f"select {columns} from leap_stage.{table} order by all").fetchall()


def test_a_conflict_lasts_from_its_first_close_beat_to_the_end_of_its_last(connection):
    add_match(
        connection, "m", {"red": [(0, 0, 0)] * 4, "blue": [(0, 0, 9), (0, 0, 0.5), (0, 0, 0.25), (0, 0, 9)]}
    )
    assert detect(connection) == {"stage_conflicts": {DAY: 1}, "stage_contacts": {DAY: 1}}
    begin, end = START + dt.timedelta(seconds=30), START + dt.timedelta(seconds=90)
    assert rows(
        connection,
        "session_id, team_1_id, team_2_id, conflict_number, conflict_start, conflict_end, close_beats,"
        " min_centroid_distance, min_player_distance, event_date",
    ) == [("m", "blue", "red", 1, begin, end, 2, 0.25, 0.25, DAY)]
    assert rows(
        connection,
        "session_id, player_1_id, player_2_id, contact_number, contact_start, contact_end, close_beats,"
        " min_distance, event_date",
        "stage_contacts",
    ) == [("m", "player of blue", "player of red", 1, begin, end, 2, 0.25, DAY)]


def test_all_three_axes_count(connection):
    for axis in range(3):
        far = tuple(9.0 * (n == axis) for n in range(3))
        add_match(connection, f"m{axis}", {"a": [(0, 0, 0)], "b": [far]})
    detect(connection)
    assert rows(connection, "session_id") == []


def test_a_pause_is_measured_in_seconds_not_in_beats(connection):
    together = [(0, 0, 0), (0, 0, 0)]
    add_match(connection, "short", {"a": together, "b": together}, beats=[0, 2])
    add_match(connection, "long", {"a": together, "b": together}, beats=[0, 3])
    detect(connection)
    assert rows(connection, "session_id, conflict_number") == [("long", 1), ("long", 2), ("short", 1)]


def test_a_beat_may_be_a_fraction_of_a_second(connection):
    together = [(0, 0, 0), (0, 0, 0)]
    add_match(connection, "m", {"a": together, "b": together})
    detect(connection, beat_s=1.5)
    assert rows(connection, "conflict_end - conflict_start") == [(dt.timedelta(seconds=3),)]


def test_times_are_those_of_the_match_whatever_order_matches_start_in(connection):
    for session, hour in (("a", 12), ("b", 9), ("c", 10)):
        at = dt.datetime(2025, 1, 2, hour)
        add_match(connection, session, {"x": [(0, 0, 0)], "y": [(0, 0, 0)]}, start=at)
    detect(connection)
    assert rows(connection, "session_id, hour(conflict_start)") == [("a", 12), ("b", 9), ("c", 10)]


def test_only_the_last_fix_of_a_beat_counts(connection):
    add_match(connection, "m", {"a": [(0, 0, 0)], "b": [(9, 9, 9)]})
    connection.execute(
        "insert into leap_stage.event_heartbeat values ('m', 'b', 'player of b', 0, 0, 0, 0, false, ?)", [DAY]
    )
    assert detect(connection)["stage_contacts"] == {DAY: 0}


def test_a_day_is_replaced_and_the_others_stay(connection):
    for day, session in ((DAY, "one"), (NEXT_DAY, "two")):
        start = dt.datetime.combine(day, dt.time(8))
        add_match(connection, session, {"x": [(0, 0, 0)], "y": [(0, 0, 0)]}, day=day, start=start)
    detect(connection, DAY, NEXT_DAY)
    detect(connection)
    assert rows(connection, "session_id") == [("one",), ("two",)]
    connection.execute("delete from leap_stage.stage_centroids where event_date = ?", [DAY])
    detect(connection)
    assert rows(connection, "session_id") == [("two",)]


def test_a_failure_keeps_all_days_as_they_were(connection, monkeypatch):
    add_match(connection, "m", {"x": [(0, 0, 0)], "y": [(0, 0, 0)]})
    detect(connection)
    before = rows(connection, "*"), rows(connection, "*", "stage_contacts")
    connection.execute("delete from leap_stage.stage_centroids")

    replaced: list[str] = []
    real = detection._replace_day

    def fail_at_the_second(connection, table, day, found):
        if replaced:
            raise RuntimeError("between the tables")
        replaced.append(table)
        real(connection, table, day, found)

    monkeypatch.setattr(detection, "_replace_day", fail_at_the_second)
    with pytest.raises(RuntimeError, match="between the tables"):
        detect(connection)
    assert (rows(connection, "*"), rows(connection, "*", "stage_contacts")) == before
