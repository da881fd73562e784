"""Conflict detection on Spark: the kernel of the embedded engine inside applyInArrow, whole sessions in a group."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from leap_assets.spark.tables import create_table, replace_partitions, types_of
from leap_assets.warehouse.match_day import SCHEMA, TABLES, MatchDay, Rule, conflict_rows, contact_rows

if TYPE_CHECKING:
    # which the workers do not have: it needs Dagster
    from leap_assets.partitions import Window

FIXES_AT_ONCE = 250_000
# about so many in one call of the kernel: a session is never cut
BY_DAY = ("event_date",)
AXES = ("x", "y", "z")
GROUP = ("event_date", "bucket")
FOUND = pa.schema(
    [
        ("kind", pa.string()),
        ("session_id", pa.string()),
        ("first_id", pa.string()),
        ("second_id", pa.string()),
        ("number", pa.int64()),
        ("started_at", pa.timestamp("us", "UTC")),
        ("ended_at", pa.timestamp("us", "UTC")),
        ("close_beats", pa.int64()),
        ("min_centroid_distance", pa.float64()),
        ("min_distance", pa.float64()),
        ("event_date", pa.date32()),
    ]
)
NAMES = {
    # column of FOUND, for each column of a table that is called otherwise
    "stage_conflicts": {
        "team_1_id": "first_id",
        "team_2_id": "second_id",
        "conflict_number": "number",
        "conflict_start": "started_at",
        "conflict_end": "ended_at",
        "min_player_distance": "min_distance",
    },
    "stage_contacts": {
        "player_1_id": "first_id",
        "player_2_id": "second_id",
        "contact_number": "number",
        "contact_start": "started_at",
        "contact_end": "ended_at",
    },
}


@dataclass(frozen=True)
class Detector:
    """Finds the conflicts and contacts of some sessions of a day on a worker; travels there with the rule."""

    rule: Rule

    def detect(self, fixes: pa.Table, matches: pa.Table) -> pa.Table:
        """Rows of `FOUND` of the sessions in a group.

        Parameters
        ----------
        fixes : pyarrow.Table
            A row per player and beat.
        matches : pyarrow.Table
            A row per match, team and beat with the centroid; of a match without any, one row without a beat.
        """
        if not len(fixes):
            return FOUND.empty_table()
        rows, centroids = fixes.to_pandas(), matches.to_pandas()
        ids = {
            name: np.unique(rows[name].to_numpy(dtype=object))
            for name in ("session_id", "team_id", "player_id")
        }
        started = centroids.groupby("session_id")["match_started_at"].first()
        # as the embedded engine joins them: what no fix has is no match of the kernel
        centroids = centroids[
            centroids["beat"].notna()
            & centroids["session_id"].isin(ids["session_id"])
            & centroids["team_id"].isin(ids["team_id"])
        ]
        day = MatchDay(
            sessions=pd.Series(ids["session_id"]),
            teams=pd.Series(ids["team_id"]),
            players=pd.Series(ids["player_id"]),
            started_at=pd.DatetimeIndex(started.loc[ids["session_id"]])
            .tz_convert("UTC")
            .tz_localize(None)
            .to_numpy()
            .astype("datetime64[us]"),
            fixes=_arrays(
                rows, ids, {"session": "session_id", "team": "team_id", "player": "player_id"}, "position"
            ),
            centroids=_arrays(centroids, ids, {"session": "session_id", "team": "team_id"}, "centroid"),
        )
        event_date = rows["event_date"].iloc[0]
        tables = [
            _found("stage_conflicts", conflict_rows(day, self.rule), event_date),
            _found("stage_contacts", contact_rows(day, self.rule), event_date),
        ]
        return pa.concat_tables(tables)


def _arrays(rows: pd.DataFrame, ids: dict[str, Any], codes: dict[str, str], place: str) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        code: np.searchsorted(ids[name], rows[name].to_numpy(dtype=object)) for code, name in codes.items()
    }
    arrays["beat"] = rows["beat"].to_numpy(dtype=np.int64)
    return arrays | {f"{place}_{axis}": rows[f"{place}_{axis}"].to_numpy(dtype=np.float64) for axis in AXES}


def _found(kind: str, rows: pd.DataFrame, event_date: dt.date) -> pa.Table:
    rows = rows.rename(columns=NAMES[kind])
    columns = []
    for field in FOUND:
        if field.name == "kind":
            columns.append(pa.array([kind] * len(rows), field.type))
        elif field.name == "event_date":
            columns.append(pa.array([event_date] * len(rows), field.type))
        elif field.name not in rows:
            columns.append(pa.nulls(len(rows), field.type))
        elif pa.types.is_timestamp(field.type):
            times = pa.array(rows[field.name].to_numpy().astype("datetime64[us]"), pa.timestamp("us"))
            # counted in UTC: only the label is added
            columns.append(times.cast(pa.int64()).cast(field.type))
        else:
            columns.append(pa.array(rows[field.name].to_numpy(), field.type, from_pandas=True))
    return pa.Table.from_arrays(columns, schema=FOUND)


def replace_conflicts(session: Any, window: "Window", rule: Rule) -> dict[str, dict[dt.date, int]]:
    """Detect the conflicts and contacts of all matches of some event days and replace those days' rows.

    Parameters
    ----------
    session : SparkSession
    window : Window
        Event days.
    rule : Rule

    Returns
    -------
    dict
        Rows of each table, by event day.
    """
    for table, (columns, _) in TABLES.items():
        create_table(session, f"{SCHEMA}.{table}", columns, BY_DAY)
    inside = f"event_date between date '{window.first}' and date '{window.last}'"
    fixes = (
        f"from {SCHEMA}.event_heartbeat where {inside} and is_last_of_beat "
        "and team_id is not null and player_id is not null"
    )
    counted = session.sql(f"select event_date, count(*) {fixes} group by event_date").collect()
    most = max((number for _, number in counted), default=0)
    bucket = f"pmod(crc32(cast(session_id as binary)), {most // FIXES_AT_ONCE + 1}) as bucket"
    positions = ", ".join(f"position_{axis}" for axis in AXES)
    centroids = ", ".join(f"centroid_{axis}" for axis in AXES)
    rows = session.sql(
        f"select event_date, {bucket}, session_id, team_id, player_id, beat, {positions} {fixes}"
    )
    matches = session.sql(
        f"""select event_date, {bucket}, session_id, match_started_at, team_id, beat, {centroids}
        from (select * from {SCHEMA}.stage_matches where {inside}) as matches
        left join (
            select session_id, event_date, team_id, beat, {centroids} from {SCHEMA}.stage_centroids where {inside}
        ) as centroids using (session_id, event_date)"""
    )
    detector = Detector(rule)

    def detect(left: pa.Table, right: pa.Table) -> pa.Table:
        return detector.detect(left, right)

    found = (
        rows.groupBy(*GROUP).cogroup(matches.groupBy(*GROUP)).applyInArrow(detect, types_of(FOUND)).persist()
    )
    try:
        counts = {table: dict.fromkeys(window, 0) for table in TABLES}
        for kind, day, number in found.groupBy("kind", "event_date").count().collect():
            counts[kind][day] = number
        for table, (columns, _) in TABLES.items():
            names = NAMES[table]
            own = found.where(f"kind = '{table}'").selectExpr(
                *(f"{names.get(column.name, column.name)} as {column.name}" for column in columns)
            )
            filled = {(day,) for day, number in counts[table].items() if number}
            replace_partitions(
                session, f"{SCHEMA}.{table}", own, columns, BY_DAY, filled, [(day,) for day in window]
            )
    finally:
        found.unpersist()
    return counts
