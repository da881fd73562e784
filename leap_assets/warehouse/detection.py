"""Conflict detection inside the DuckDB warehouse: heartbeats out as arrays, what the kernel found back in as rows."""

import datetime as dt

import duckdb
import numpy as np
import pandas as pd

from leap_assets.partitions import Window
from leap_assets.warehouse.connections import transaction
from leap_assets.warehouse.match_day import SCHEMA, TABLES, MatchDay, Rule, conflict_rows, contact_rows


def create_conflict_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the kernel's tables where they do not exist yet."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    for table, (columns, _) in TABLES.items():
        body = ", ".join(f"{column.name} {column.sql_type}" for column in columns)
        connection.execute(f"create table if not exists {SCHEMA}.{table} ({body})")


def replace_conflicts(
    connection: duckdb.DuckDBPyConnection,
    window: Window,
    rule: Rule,
) -> dict[str, dict[dt.date, int]]:
    """Detect the conflicts and contacts of all matches of some event days and replace those days' rows.

    One day at a time is held as arrays; both tables change in one transaction, also when nothing was found.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Open for writing.
    window : Window
        Event days.
    rule : Rule

    Returns
    -------
    dict
        Rows of each table, by event day.
    """
    create_conflict_tables(connection)
    counts: dict[str, dict[dt.date, int]] = {table: {} for table in TABLES}
    with transaction(connection):
        for day in window:
            match_day = _read_day(connection, day)
            rows = (conflict_rows(match_day, rule), contact_rows(match_day, rule))
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


def _read_day(connection: duckdb.DuckDBPyConnection, day: dt.date) -> MatchDay:
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
    return MatchDay(
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
