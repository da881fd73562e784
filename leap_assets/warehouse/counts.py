"""Row counts of tables, for the UI and for the summary of a run."""

import datetime as dt
from collections.abc import Mapping

import duckdb

from leap_assets.partitions import Window

DAY_COLUMNS = ("event_date", "delivery_date")
# the partition of a table: the first of these that it has


def count_rows(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, days: Window
) -> dict[str | None, dict[str, int]]:
    """Row counts of a table as metadata, by partition key; None is for the table as a whole.

    A table with a day column is counted by day and whole, any other whole.
    """
    columns = connection.execute(
        "select column_name from information_schema.columns where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    if not columns:
        return {}
    relation = f"{schema}.{table}"
    total = connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
    rows = None
    if day_column := next((name for name in DAY_COLUMNS if (name,) in columns), None):
        rows = dict(
            connection.execute(
                f"select {day_column}, count(*) from {relation} where {day_column} between ? and ? group by all",
                [days.first, days.last],
            ).fetchall()
        )
    return as_metadata(total, rows, days)


def as_metadata(
    total: int, rows: Mapping[dt.date, int] | None, days: Window
) -> dict[str | None, dict[str, int]]:
    """Metadata of a table with so many rows in all, and, where it has days, so many on each."""
    counts: dict[str | None, dict[str, int]] = {None: {"dagster/row_count": total}}
    if rows is not None:
        counts |= {day.isoformat(): {"dagster/partition_row_count": rows.get(day, 0)} for day in days}
    return counts
