"""Row counts of tables, for the UI and for the summary of a run."""

import duckdb

from leap_assets.partitions import Window

DAY_COLUMN = "event_date"
# the partition of a day table


def count_rows(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, days: Window
) -> dict[str | None, dict[str, int]]:
    """Row counts of a table as metadata, by partition key; None is for the table as a whole.

    A table with an event_date is counted by day and whole, any other whole.
    """
    columns = connection.execute(
        "select column_name from information_schema.columns where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    if not columns:
        return {}
    relation = f"{schema}.{table}"
    total = connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
    counts: dict[str | None, dict[str, int]] = {None: {"dagster/row_count": total}}
    if (DAY_COLUMN,) in columns:
        rows = dict(
            connection.execute(
                f"select {DAY_COLUMN}, count(*) from {relation} where {DAY_COLUMN} between ? and ? group by all",
                [days.first, days.last],
            ).fetchall()
        )
        counts |= {day.isoformat(): {"dagster/partition_row_count": rows.get(day, 0)} for day in days}
    return counts
