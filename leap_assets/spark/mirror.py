"""Tables of Spark that are proven and published, as a DuckDB file: only what has changed is brought over.

Of a day table the days of a window come, and those with another number of rows; any other table comes whole.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from leap_assets.partitions import Window
from leap_assets.warehouse.connections import transaction
from leap_assets.warehouse.publication import REJECTED_PER_DAY, STAGE_TABLES, WHOLE_SCHEMAS

ROWS_AT_ONCE = 500_000
DAY = "event_date"


def bring(session: Any, connection: duckdb.DuckDBPyConnection, window: Window) -> int:
    """Make a DuckDB file equal to the tables on Spark that people see, in one transaction.

    Parameters
    ----------
    session : SparkSession
    connection : duckdb.DuckDBPyConnection
        Open for writing, in UTC.
    window : Window
        Event days that may have changed.

    Returns
    -------
    int
        Rows that were brought.
    """
    tables = list_tables(session)
    with transaction(connection):
        rows = _bring_whole(session, connection, "leap_raw.delivery", "select * from leap_raw.delivery")
        rows += _bring_whole(
            session,
            connection,
            "leap_raw.rejected_line",
            f"""select * except (nth) from (
                select *, row_number() over (
                    partition by log, delivery_date, reason order by source_file, line_number
                ) as nth
                from leap_raw.rejected_line
            ) as numbered where nth <= {REJECTED_PER_DAY}""",
        )
        for table, is_by_day in tables.items():
            if is_by_day:
                rows += _bring_days(session, connection, table, window)
            else:
                rows += _bring_whole(session, connection, table, f"select * from {table}")
        for (table,) in connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal"
        ).fetchall():
            if table not in tables and not table.startswith("leap_raw."):
                connection.execute(f"drop table {table}")
    return rows


def list_tables(session: Any) -> dict[str, bool]:
    """Tables on Spark that people see; whether each is partitioned by day."""
    found = [
        f"{row.namespace}.{row.tableName}"
        for schema in (*WHOLE_SCHEMAS, "leap_stage")
        for row in session.sql(f"show tables in {schema}").collect()
        if schema in WHOLE_SCHEMAS or row.tableName in STAGE_TABLES
    ]
    return {
        table: any(column.isPartition for column in session.catalog.listColumns(table))
        for table in sorted(found)
        if "__dbt_" not in table
    }


def _bring_whole(session: Any, connection: duckdb.DuckDBPyConnection, table: str, query: str) -> int:
    _create(connection, table, arrow_of(session.sql(query)), replace=True)
    return _count(connection, table)


def arrow_of(frame: Any) -> pa.Table:
    """Rows of Spark, times without a zone, as DuckDB has them."""
    found: pa.Table = frame.toArrow()
    for number, field in enumerate(found.schema):
        if pa.types.is_timestamp(field.type):
            found = found.set_column(number, field.name, found.column(number).cast(pa.timestamp("us")))
    return found


def _create(
    connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, *, replace: bool = False
) -> None:
    connection.execute(f"create schema if not exists {table.partition('.')[0]}")
    connection.register("brought_rows", rows)
    kind = "create or replace table" if replace else "create table if not exists"
    connection.execute(f"{kind} {table} as from brought_rows{'' if replace else ' limit 0'}")
    if not replace:
        connection.execute(f"insert into {table} by name from brought_rows")
    connection.unregister("brought_rows")


def _bring_days(session: Any, connection: duckdb.DuckDBPyConnection, table: str, window: Window) -> int:
    there = dict(session.sql(f"select {DAY}, count(*) from {table} group by {DAY}").collect())
    _create(connection, table, arrow_of(session.sql(f"select * from {table} limit 0")))
    here = dict(connection.execute(f"select {DAY}, count(*) from {table} group by {DAY}").fetchall())
    changed = [day for day in {*there, *here} if day in set(window) or there.get(day) != here.get(day)]
    connection.execute(f"delete from {table} where {DAY} in (select unnest(?::date[]))", [changed])
    for days in _pieces(sorted(day for day in changed if day in there), there):
        listed = ", ".join(f"date '{day}'" for day in days)
        _create(connection, table, arrow_of(session.sql(f"select * from {table} where {DAY} in ({listed})")))
    return sum(there.get(day, 0) for day in changed)


def _pieces(days: Iterable[dt.date], rows: dict[dt.date, int]) -> Iterator[Sequence[dt.date]]:
    """Days in pieces of about `ROWS_AT_ONCE` rows."""
    piece: list[dt.date] = []
    for day in days:
        if piece and sum(rows[d] for d in piece) + rows[day] > ROWS_AT_ONCE:
            yield piece
            piece = []
        piece.append(day)
    if piece:
        yield piece


def put_back(session: Any, connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Write a small table of the DuckDB file to Spark, whole."""
    rows = connection.execute(f"from {table}").to_arrow_table()
    session.createDataFrame(rows).write.mode("overwrite").format("parquet").saveAsTable(table)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])
