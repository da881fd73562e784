"""Every table of a DuckDB warehouse against the one of the same name on Spark, in both directions, types too."""

import math
from pathlib import Path
from typing import Any

import duckdb

RELATIVE = 1e-9
# of a double: the engines add in other orders
TYPES = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "INTEGER": "int",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


def list_tables(path: Path) -> list[str]:
    """Tables of a warehouse, as `schema.table`."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal order by 1"
        ).fetchall()
    return [table for (table,) in rows]


def find_differences(path: Path, session: Any) -> list[str]:
    """Sentences about all that differs between a warehouse file and the cluster; empty when nothing does."""
    found = []
    tables = list_tables(path)
    there = {
        f"{row.namespace}.{row.tableName}"
        for schema in {table.split(".")[0] for table in tables}
        for row in session.sql(f"show tables in {schema}").collect()
        if not row.isTemporary
    }
    found += [f"{table} is only on DuckDB" for table in set(tables) - there]
    found += [f"{table} is only on Spark" for table in there - set(tables)]
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table in sorted(there & set(tables)):
            found += compare_table(connection, session, table)
    return found


def compare_table(connection: duckdb.DuckDBPyConnection, session: Any, table: str) -> list[str]:
    """Sentences about what differs in one table."""
    types = {name: kind for name, kind, *_ in connection.execute(f"describe {table}").fetchall()}
    wanted = {name: TYPES.get(kind, kind.lower()) for name, kind in types.items()}
    # other sessions have replaced files that this one may have listed
    session.catalog.refreshTable(table)
    frame = session.table(table)
    has = dict(frame.dtypes)
    if has != wanted:
        differing = sorted(set(has.items()) ^ set(wanted.items()))
        return [f"{table}: columns {differing}"]
    columns = ", ".join(f'"{name}"' for name in types)
    expected = connection.execute(f"select {columns} from {table} order by all").fetchall()
    with duckdb.connect() as memory:
        memory.execute("set TimeZone = 'UTC'")
        memory.register("found", frame.toArrow())
        casts = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in types.items())
        rows = memory.execute(f"select {casts} from found order by all").fetchall()
    if len(rows) != len(expected):
        return [f"{table}: {len(expected)} rows on DuckDB, {len(rows)} on Spark"]
    return [
        f"{table}: {one} on DuckDB, {other} on Spark"
        for one, other in zip(expected, rows, strict=True)
        if not all(map(is_equal, one, other))
    ][:3]


def is_equal(one: Any, other: Any) -> bool:
    """Exactly, but for doubles."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=RELATIVE)
    return bool(one == other)
