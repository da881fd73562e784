"""Tables of Spark that are proven and published, as a DuckDB file: only what has changed is brought over.

Of a day table the days of a window come, and those with another number of rows; any other table comes whole.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from leap_assets.partitions import Window
from leap_assets.warehouse.connections import transaction
from leap_assets.warehouse.publication import NUMBERED_REJECTED, REJECTED_PER_DAY, WHOLE_SCHEMAS, is_published

ROWS_AT_ONCE = 500_000
TABLES_AT_ONCE = 4
DAY = "event_date"
# Those of the loader, and the conflicting duplicates, which no statement can add to a table of files on Spark.
_REJECTED = """(
    select log, delivery_date, source_file, line_number, reason, message, raw_line from leap_raw.rejected_line
    union all
    select
        log, delivery_date, source_file, line_number, kind,
        concat(
            '\\'', key, '\\' came before, with other values of ', differing_columns, ', in line ', first_line_number,
            ' of ', first_source_file
        ),
        raw_line
    from leap_stage.repeated_line where kind = 'conflicting_duplicate'
) as rejected"""
_BOOKS = {
    "leap_raw.delivery": "select * from leap_raw.delivery",
    # as many as are published
    "leap_raw.rejected_line": "select * except (nth) from "
    + NUMBERED_REJECTED.replace("leap_raw.rejected_line", _REJECTED)
    + f" where nth <= {REJECTED_PER_DAY}",
}


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
    tables = [*_BOOKS, *list_tables(session)]
    here = {table: _count_days(connection, table) for table in tables}
    brought = 0
    with transaction(connection), ThreadPoolExecutor(TABLES_AT_ONCE) as threads:
        for table, change in zip(
            tables, threads.map(lambda table: _look(session, table, here[table], window), tables), strict=True
        ):
            brought += _write(connection, table, change)
        for (table,) in connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal"
        ).fetchall():
            if table not in tables:
                connection.execute(f"drop table {table}")
    return brought


def list_tables(session: Any) -> list[str]:
    """Tables on Spark that people see, those of leap_raw apart."""
    return sorted(
        f"{schema}.{row.tableName}"
        for schema in (*WHOLE_SCHEMAS, "leap_stage")
        for row in session.sql(f"show tables in {schema}").collect()
        if not row.isTemporary and "__dbt_" not in row.tableName and is_published(schema, row.tableName)
    )


@dataclass(frozen=True)
class _Change:
    """Rows that come to a table, and the days whose rows go; None: all of them."""

    rows: Iterable[pa.Table]
    days: Sequence[dt.date] | None = None


def _look(session: Any, table: str, here: Mapping[dt.date, int], window: Window) -> _Change:
    """What has changed of a table, read from Spark."""
    if table in _BOOKS:
        return _Change([arrow_of(session.sql(_BOOKS[table]))])
    described = session.sql(f"describe {table}").collect()
    if not any(row.col_name == "# Partition Information" for row in described):
        return _Change([arrow_of(session.sql(f"select * from {table}"))])
    there = dict(session.sql(f"select {DAY}, count(*) from {table} group by {DAY}").collect())
    changed = sorted(
        day
        for day in {*there, *here}
        if window.first <= day <= window.last or there.get(day) != here.get(day)
    )
    pieces = [", ".join(f"date '{day}'" for day in days) for days in _pieces(changed, there)] or ["null"]
    # the first is read by this thread, others when it is their turn
    queries = [f"select * from {table} where {DAY} in ({days})" for days in pieces]
    first = arrow_of(session.sql(queries[0]))
    return _Change(itertools.chain([first], (arrow_of(session.sql(query)) for query in queries[1:])), changed)


def _write(connection: duckdb.DuckDBPyConnection, table: str, change: _Change) -> int:
    connection.execute(f"create schema if not exists {table.partition('.')[0]}")
    brought = 0
    for number, rows in enumerate(change.rows):
        connection.register("brought_rows", rows)
        if number == 0:
            create = "create or replace table" if change.days is None else "create table if not exists"
            connection.execute(f"{create} {table} as from brought_rows limit 0")
            if change.days:
                connection.execute(
                    f"delete from {table} where {DAY} in (select unnest(?::date[]))", [change.days]
                )
        connection.execute(f"insert into {table} by name from brought_rows")
        connection.unregister("brought_rows")
        brought += len(rows)
    return brought


def arrow_of(frame: Any) -> pa.Table:
    """Rows of Spark, times without a zone, as DuckDB has them."""
    found: pa.Table = frame.toArrow()
    for number, field in enumerate(found.schema):
        if pa.types.is_timestamp(field.type):
            found = found.set_column(number, field.name, found.column(number).cast(pa.timestamp("us")))
    return found


def _count_days(connection: duckdb.DuckDBPyConnection, table: str) -> dict[dt.date, int]:
    """Rows of a table here by day; none where it is not there or has no days."""
    schema, name = table.split(".")
    found = connection.execute(
        "select 1 from duckdb_columns() where (schema_name, table_name, column_name) = (?, ?, ?)",
        [schema, name, DAY],
    ).fetchall()
    if not found:
        return {}
    return dict(connection.execute(f"select {DAY}, count(*) from {table} group by {DAY}").fetchall())


def _pieces(days: Iterable[dt.date], rows: Mapping[dt.date, int]) -> Iterator[Sequence[dt.date]]:
    """Days in pieces of about `ROWS_AT_ONCE` rows."""
    piece: list[dt.date] = []
    for day in days:
        if piece and sum(rows.get(d, 0) for d in piece) + rows.get(day, 0) > ROWS_AT_ONCE:
            yield piece
            piece = []
        piece.append(day)
    if piece:
        yield piece


def put_back(session: Any, connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Write a small table of the DuckDB file to Spark, whole."""
    rows = connection.execute(f"from {table}").to_arrow_table()
    session.createDataFrame(rows).write.mode("overwrite").format("parquet").saveAsTable(table)
