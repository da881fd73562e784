"""Tables of Leap on Spark that dbt does not make: their types, their days as partitions, the world that they are of."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from leap_assets.landing.contracts import Column

TYPES = {"varchar": "string"}
# of the contracts' SQL types those that Spark calls otherwise
FORMAT = "parquet"
WORLD = "leap.world"


def spark_type(column: Column) -> str:
    """A column's type on Spark."""
    return TYPES.get(column.sql_type, column.sql_type)


def struct_type(columns: Iterable[Column]) -> str:
    """A row's type on Spark."""
    return f"struct<{', '.join(f'`{column.name}`: {spark_type(column)}' for column in columns)}>"


def types_of(schema: pa.Schema) -> str:
    """The schema that Spark is told for Arrow tables that a worker gives."""
    names = {"int64": "bigint", "date32[day]": "date", "timestamp[us, tz=UTC]": "timestamp"}
    return ", ".join(f"{field.name} {names.get(str(field.type), field.type)}" for field in schema)


def create_table(session: Any, table: str, columns: Sequence[Column], by: Sequence[str]) -> None:
    """Create a table, one partition per value of the columns `by`, where it does not exist yet."""
    session.sql(f"create schema if not exists {table.partition('.')[0]}")
    body = ", ".join(f"`{column.name}` {spark_type(column)}" for column in columns)
    session.sql(
        f"create table if not exists {table} ({body}) using {FORMAT} partitioned by ({', '.join(by)})"
    )


def replace_partitions(
    session: Any,
    table: str,
    rows: Any,
    columns: Sequence[Column],
    by: Sequence[str],
    filled: Collection[tuple[Any, ...]],
    replaced: Iterable[tuple[Any, ...]],
) -> None:
    """Replace partitions of a table: each is the old one or the new one, never a part of either.

    Parameters
    ----------
    session : SparkSession
    table : str
    rows : DataFrame
        What the partitions hold from now on; not looked at when none is filled.
    columns : sequence of Column
        Of the table.
    by : sequence of str
        Names of its partition columns.
    filled : collection of tuple
        Values of `by` that have rows.
    replaced : iterable of tuple
        Values of `by` whose old rows go; one that is not filled loses its partition, which an overwrite would keep.
    """
    if filled:
        # a name of its own: tables are written at the same time
        view = f"new_rows_of_{table.replace('.', '_')}"
        rows.createOrReplaceTempView(view)
        names = [f"`{column.name}`" for column in columns if column.name not in by]
        session.sql(
            f"insert overwrite table {table} partition ({', '.join(by)}) "
            f"select /*+ rebalance({', '.join(by)}) */ {', '.join([*names, *by])} from {view}"
        )
        session.catalog.dropTempView(view)
    emptied = [
        "partition (" + ", ".join(f"{name} = '{value}'" for name, value in zip(by, values, strict=True)) + ")"
        for values in replaced
        if values not in filled
    ]
    if emptied:
        session.sql(f"alter table {table} drop if exists {', '.join(emptied)}")


def read_world(session: Any) -> Mapping[str, Mapping[str, str]] | None:
    """The settings that the tables on this cluster were made with, None when there are none yet."""
    for schema in session.sql("show schemas like 'leap_raw'").collect():
        for row in session.sql(f"describe schema extended {schema[0]}").collect():
            if found := re.search(rf"{re.escape(WORLD)},([0-9a-f]+)", str(row[1])):
                world: Mapping[str, Mapping[str, str]] = json.loads(bytes.fromhex(found[1]))
                return world
    return None


def record_world(session: Any, world: Mapping[str, Mapping[str, str]]) -> None:
    """Write down which world the tables on this cluster are of."""
    session.sql("create schema if not exists leap_raw")
    # hexadecimal: the catalogue lists properties with commas and parentheses of its own
    text = json.dumps(world).encode().hex()
    session.sql(f"alter schema leap_raw set dbproperties ('{WORLD}' = '{text}')")
