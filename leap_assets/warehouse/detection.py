"""Conflict detection inside the warehouse: heartbeats out as arrays, what the kernel found back in as rows.

What a conflict is lives in `leap_assets.conflicts`; the columns of the two tables live here.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from leap_assets.conflicts import detect_conflicts, detect_contacts
from leap_assets.landing.contracts import Column
from leap_assets.partitions import Window
from leap_assets.warehouse.connections import transaction

SCHEMA = "leap_stage"
TABLES: dict[str, tuple[tuple[Column, ...], str]] = {
    "stage_conflicts": (
        (
            Column("session_id", "text", "The match"),
            Column("team_1_id", "text", "The team whose id comes first"),
            Column("team_2_id", "text", "The other team"),
            Column("conflict_number", "integer", "Number of the pair's conflict in the match, from 1"),
            Column("conflict_start", "timestamp", "First close beat"),
            Column("conflict_end", "timestamp", "Last close beat and one beat more"),
            Column("close_beats", "integer", "Beats in which the teams were close"),
            Column("min_centroid_distance", "double", "Smallest distance of the teams' centroids"),
            Column("min_player_distance", "double", "Smallest distance of two players, one of each team"),
            Column("event_date", "date", "UTC day that the match started"),
        ),
        "One row per conflict: an island of beats in which the centroids of two teams were at most "
        "LEAP_CONFLICT_DISTANCE apart, with pauses of at most LEAP_CONFLICT_COOLDOWN_S.\n\nConflicts of a pair never "
        "overlap and never last zero seconds; a pair that never comes close has none.",
    ),
    "stage_contacts": (
        (
            Column("session_id", "text", "The match"),
            Column("player_1_id", "text", "The player whose id comes first"),
            Column("player_2_id", "text", "The opponent"),
            Column("contact_number", "integer", "Number of the pair's contact in the match, from 1"),
            Column("contact_start", "timestamp", "First close beat"),
            Column("contact_end", "timestamp", "Last close beat and one beat more"),
            Column("close_beats", "integer", "Beats in which the players were close"),
            Column("min_distance", "double", "Smallest distance of the two players"),
            Column("event_date", "date", "UTC day that the match started"),
        ),
        "One row per contact: an island of beats in which two opposing players were at most LEAP_CONFLICT_DISTANCE "
        "apart, with pauses of at most LEAP_CONFLICT_COOLDOWN_S.",
    ),
}


def create_conflict_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the kernel's tables where they do not exist yet."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    for table, (columns, _) in TABLES.items():
        body = ", ".join(f"{column.name} {column.sql_type}" for column in columns)
        connection.execute(f"create table if not exists {SCHEMA}.{table} ({body})")


def replace_conflicts(
    connection: duckdb.DuckDBPyConnection,
    window: Window,
    *,
    distance: float,
    cooldown_s: float,
    beat_s: float,
) -> dict[str, dict[dt.date, int]]:
    """Detect the conflicts and contacts of all matches of some event days and replace those days' rows.

    One day at a time is held as arrays; both tables change in one transaction, also when nothing was found.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Open for writing.
    window : Window
        Event days.
    distance : float
        Close is at most this, in the unit of the positions.
    cooldown_s, beat_s : float
        Seconds.

    Returns
    -------
    dict
        Rows of each table, by event day.
    """
    rule = {"distance": distance, "cooldown_beats": cooldown_s / beat_s}
    beat_us = round(beat_s * 1e6)
    create_conflict_tables(connection)
    counts: dict[str, dict[dt.date, int]] = {table: {} for table in TABLES}
    with transaction(connection):
        for day in window:
            match_day = _read_day(connection, day)
            rows = (_conflict_rows(match_day, rule, beat_us), _contact_rows(match_day, rule, beat_us))
            for table, found in zip(TABLES, rows, strict=True):
                counts[table][day] = len(found)
                _replace_day(connection, table, day, found)
    return counts


def _replace_day(connection: duckdb.DuckDBPyConnection, table: str, day: dt.date, rows: pd.DataFrame) -> None:
    names = ", ".join(column.name for column in TABLES[table][0] if column.name != "event_date")
    connection.execute(f"delete from {SCHEMA}.{table} where event_date = ?", [day])
    connection.register("found_rows", rows)
    connection.execute(
        f"insert into {SCHEMA}.{table} ({names}, event_date) select {names}, ?::date from found_rows", [day]
    )
    connection.unregister("found_rows")


@dataclasses.dataclass(frozen=True)
class _Day:
    """The matches of one event day as arrays; codes count the sorted ids, so that their order is that of the text."""

    sessions: pd.Series
    teams: pd.Series
    players: pd.Series
    started_at: npt.NDArray[np.datetime64]
    fixes: dict[str, npt.NDArray[Any]]
    centroids: dict[str, npt.NDArray[Any]]

    def at(
        self, session: npt.NDArray[Any], beat: npt.NDArray[Any], beat_us: int
    ) -> npt.NDArray[np.datetime64]:
        """Nominal times of beats of matches."""
        after = (beat * beat_us).astype("timedelta64[us]")
        times: npt.NDArray[np.datetime64] = self.started_at[session].astype("datetime64[us]") + after
        return times


def _read_day(connection: duckdb.DuckDBPyConnection, day: dt.date) -> _Day:
    ids = {name: _register_codes(connection, name, day) for name in ("session_id", "team_id", "player_id")}
    # a player's last fix of a beat counts
    fixes = connection.execute(
        f"""select s.code as session, t.code as team, p.code as player, beat, position_x, position_y, position_z
        from {SCHEMA}.event_heartbeat
        join session_id_codes as s using (session_id) join team_id_codes as t using (team_id)
        join player_id_codes as p using (player_id)
        where event_date = ? and is_last_of_beat""",
        [day],
    ).fetchnumpy()
    centroids = connection.execute(
        f"""select s.code as session, t.code as team, beat, centroid_x, centroid_y, centroid_z
        from {SCHEMA}.stage_centroids
        join session_id_codes as s using (session_id) join team_id_codes as t using (team_id)
        where event_date = ?""",
        [day],
    ).fetchnumpy()
    started_at = connection.execute(
        f"""select match_started_at from session_id_codes join {SCHEMA}.stage_matches using (session_id)
        where event_date = ? order by code""",
        [day],
    ).fetchnumpy()["match_started_at"]
    return _Day(
        sessions=ids["session_id"],
        teams=ids["team_id"],
        players=ids["player_id"],
        started_at=started_at,
        fixes=fixes,
        centroids=centroids,
    )


def _register_codes(connection: duckdb.DuckDBPyConnection, column: str, day: dt.date) -> pd.Series:
    """Distinct ids of a column on a day, sorted; also as the relation `<column>_codes`."""
    query = f"select distinct {column} from {SCHEMA}.event_heartbeat where event_date = ? order by 1"
    ids = connection.execute(query, [day]).df()[column]
    connection.register(f"{column}_codes", pd.DataFrame({column: ids, "code": np.arange(len(ids))}))
    return ids


def _stacked(columns: Mapping[str, npt.NDArray[Any]], name: str) -> npt.NDArray[np.float64]:
    return np.column_stack([columns[f"{name}_{axis}"] for axis in "xyz"])


def _named(ids: pd.Series, codes: npt.NDArray[Any]) -> pd.Series:
    return ids.iloc[codes].reset_index(drop=True)


def _conflict_rows(day: _Day, rule: Mapping[str, float], beat_us: int) -> pd.DataFrame:
    found = detect_conflicts(
        session=day.centroids["session"],
        team=day.centroids["team"],
        beat=day.centroids["beat"],
        centroid=_stacked(day.centroids, "centroid"),
        player_session=day.fixes["session"],
        player_team=day.fixes["team"],
        player_beat=day.fixes["beat"],
        player=day.fixes["player"],
        position=_stacked(day.fixes, "position"),
        distance=rule["distance"],
        cooldown_beats=rule["cooldown_beats"],
    )
    return pd.DataFrame(
        {
            "session_id": _named(day.sessions, found.session),
            "team_1_id": _named(day.teams, found.team_1),
            "team_2_id": _named(day.teams, found.team_2),
            "conflict_number": found.conflict_number,
            "conflict_start": day.at(found.session, found.first_beat, beat_us),
            "conflict_end": day.at(found.session, found.last_beat + 1, beat_us),
            "close_beats": found.close_beats,
            "min_centroid_distance": found.min_centroid_distance,
            "min_player_distance": found.min_player_distance,
        }
    )


def _contact_rows(day: _Day, rule: Mapping[str, float], beat_us: int) -> pd.DataFrame:
    found = detect_contacts(
        session=day.fixes["session"],
        team=day.fixes["team"],
        player=day.fixes["player"],
        beat=day.fixes["beat"],
        position=_stacked(day.fixes, "position"),
        distance=rule["distance"],
        cooldown_beats=rule["cooldown_beats"],
    )
    return pd.DataFrame(
        {
            "session_id": _named(day.sessions, found.session),
            "player_1_id": _named(day.players, found.player_1),
            "player_2_id": _named(day.players, found.player_2),
            "contact_number": found.contact_number,
            "contact_start": day.at(found.session, found.first_beat, beat_us),
            "contact_end": day.at(found.session, found.last_beat + 1, beat_us),
            "close_beats": found.close_beats,
            "min_distance": found.min_distance,
        }
    )
