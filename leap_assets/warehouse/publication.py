"""The published file: what people and tools read, made anew beside the old one and put in its place at once.

Readers keep the state they opened; whoever opens the file again gets the new one. It holds tables, not views, and
nothing of leap_raw but a sample of the rejected lines. `leap_published.snapshot` says which state a reader has: all
else in the file follows from what was delivered, however many runs it took.
"""

import contextlib
import datetime as dt
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from leap_assets.landing.validation import quote_identifier, quote_literal
from leap_assets.partitions import Window
from leap_assets.warehouse.connections import remove_database

STAGE_TABLES = (
    "event_heartbeat",
    "fact_session",
    "fact_transaction",
    "stage_centroids",
    "stage_conflicts",
    "stage_contacts",
)
WHOLE_SCHEMAS = ("leap_dim", "leap_mart")
PUBLISHED_APART = {("leap_raw", "rejected_line"), *(("leap_stage", table) for table in STAGE_TABLES)}
REJECTED_PER_DAY = 100
# rejected lines kept of each log, delivery day and reason: enough to see what is wrong
NUMBERED_REJECTED = """(
    select *, row_number() over (
        partition by log, delivery_date, reason order by source_file, line_number
    ) as nth
    from leap_raw.rejected_line
) as numbered"""


@dataclass(frozen=True)
class Meaning:
    """What a table is, and what its columns mean, in words."""

    table: str
    columns: Mapping[str, str]


def is_published(schema: str, table: str) -> bool:
    """Whether people see a table of the warehouse."""
    return schema in WHOLE_SCHEMAS or (schema, table) in PUBLISHED_APART


def published_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(schema, table) of everything that is published from a warehouse, in order."""
    return connection.execute(
        """select table_schema, table_name from information_schema.tables
        where table_type = 'BASE TABLE' and table_catalog = current_database()
            -- a killed dbt may leave the table that it was about to replace
            and not contains(table_name, '__dbt_')
            and (
                table_schema in (select unnest(?))
                or (table_schema = 'leap_stage' and table_name in (select unnest(?)))
            )
        order by all""",
        [list(WHOLE_SCHEMAS), list(STAGE_TABLES)],
    ).fetchall()


def publish(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    run_id: str,
    meanings: Mapping[tuple[str, str], Meaning] | None = None,
    *,
    currency: str,
) -> dict[str, int]:
    """Write the published file and put it in place by rename.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    path : Path
        The published file.
    run_id : str
        The run that publishes, for `leap_published.snapshot`.
    meanings : mapping from (schema, table) to Meaning
        Become comments on the published tables and columns; those of other tables are left alone.
    currency : str
        In which the amounts are, for `leap_published.snapshot`.

    Returns
    -------
    dict
        Rows by `schema.table`, without the snapshot's one.
    """
    meanings = meanings or {}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    remove_database(partial)
    connection.execute(f"attach {quote_literal(str(partial))} as published")
    try:
        rows = {}
        for schema, table in published_tables(connection):
            connection.execute(f"create schema if not exists published.{schema}")
            connection.execute(f"create table published.{schema}.{table} as from {schema}.{table}")
            rows[f"{schema}.{table}"] = _count(connection, f"published.{schema}.{table}")
            _comment(connection, schema, table, meanings.get((schema, table)))
        connection.execute("create schema published.leap_raw")
        connection.execute(
            f"""create table published.leap_raw.rejected_line as
            select * exclude (nth) from {NUMBERED_REJECTED}
            where nth <= {REJECTED_PER_DAY} order by log, delivery_date, reason, source_file, line_number"""
        )
        rows["leap_raw.rejected_line"] = _count(connection, "published.leap_raw.rejected_line")
        _comment(connection, "leap_raw", "rejected_line", meanings.get(("leap_raw", "rejected_line")))
        connection.execute("create schema published.leap_published")
        connection.execute(
            """create table published.leap_published.snapshot as
            select
                cast(? as timestamptz) as published_at, cast(? as varchar) as run_id,
                count(distinct delivery_date) as delivery_days,
                min(delivery_date) as first_delivery_date, max(delivery_date) as last_delivery_date,
                cast(? as varchar) as currency
            from leap_raw.delivery""",
            [dt.datetime.now(dt.UTC), run_id, currency],
        )
    except BaseException:
        # on a full disk half a copy would only be in the way
        with contextlib.suppress(duckdb.Error):
            connection.execute("detach published")
        remove_database(partial)
        raise
    connection.execute("detach published")
    partial.chmod(0o444)
    partial.replace(path)
    return rows


@contextlib.contextmanager
def amend(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Change a published file: a connection to a copy, which is put in its place when all went well.

    Only for a run that has its turn, as `publish` is.
    """
    partial = path.with_name(f".{path.name}.partial")
    remove_database(partial)
    shutil.copyfile(path, partial)
    partial.chmod(0o644)
    try:
        with duckdb.connect(str(partial)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection
        partial.chmod(0o444)
        partial.replace(path)
    finally:
        remove_database(partial)


def key_figures(connection: duckdb.DuckDBPyConnection, days: Window) -> dict[str, dict[str, int | float]]:
    """What people ask for first about a day, by partition key; days that have none are left out."""
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'leap_mart' and table_name = 'kpi_daily'"
    ).fetchall()
    if not found:
        return {}
    names = ("dau", "new_players", "player_sessions", "play_hours", "purchase_amount", "ad_amount", "payers")
    rows = connection.execute(
        """select
            event_date, dau, new_players, player_sessions, round(play_s / 3600, 1),
            purchase_amount::double, ad_amount::double, payers
        from leap_mart.kpi_daily where event_date between ? and ?""",
        [days.first, days.last],
    ).fetchall()
    return {day.isoformat(): dict(zip(names, figures, strict=True)) for day, *figures in rows}


def _comment(connection: duckdb.DuckDBPyConnection, schema: str, table: str, meaning: Meaning | None) -> None:
    if meaning is None:
        return
    where = f"published.{quote_identifier(schema)}.{quote_identifier(table)}"
    columns = {name for name, *_ in connection.execute(f"describe {where}").fetchall()}
    told = [f"comment on table {where} is {quote_literal(meaning.table)}"] + [
        f"comment on column {where}.{quote_identifier(column)} is {quote_literal(text)}"
        for column, text in meaning.columns.items()
        if column in columns
    ]
    connection.execute(";".join(told))


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])
