"""One state of the published file, opened for reading: its tables, its descriptions, and how old it is.

A run replaces the file by rename. Whoever opened it before goes on with the state that he had; `stamp` tells when
there is another one. Nothing of Streamlit in here.
"""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import duckdb
import pandas as pd

from leap_assets.landing.validation import quote_literal

Stamp: TypeAlias = tuple[int, int, int]


class NoSnapshotError(Exception):
    """Nothing can be shown; the message says why and what to do."""


def stamp(path: Path) -> Stamp | None:
    """What changes when another file is put in place: inode, time of change (ns), size; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@dataclass(frozen=True)
class Snapshot:
    """A published file as it was when it was opened.

    Attributes
    ----------
    path : Path
    published_at : datetime
        UTC.
    run_id : str
    days, first, last
        Delivery days in it: how many, the first, the last; the dates are None without one.
    currency : str
        Of all amounts.
    descriptions : dict
        By (table, column), and by (table, "") for the table itself; `table` with its schema.
    """

    path: Path
    published_at: dt.datetime
    run_id: str
    days: int
    first: dt.date | None
    last: dt.date | None
    currency: str
    descriptions: dict[tuple[str, str], str]
    _connection: duckdb.DuckDBPyConnection = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: Path) -> "Snapshot":
        """Open the published file.

        Raises
        ------
        NoSnapshotError
            When there is none, or it cannot be read.
        """
        if not path.exists():
            raise NoSnapshotError(
                f"Nothing is published yet: {path} is not there. `make demo` builds a month of a simulated game; "
                "`dagster asset materialize` builds your own. This page shows it as soon as a run has published."
            )
        # a database of its own, because DuckDB would hand out the old file again under the same path
        connection = duckdb.connect(config={"threads": 2})
        try:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_progress_bar = false")
            connection.execute(f"attach {quote_literal(str(path))} as published (read_only)")
            connection.execute("use published")
            (told,) = connection.execute(
                """select epoch_us(published_at), run_id, delivery_days, first_delivery_date,
                    last_delivery_date, currency
                from leap_published.snapshot"""
            ).fetchall()
            texts = connection.execute(
                """select schema_name || '.' || table_name, column_name, comment from duckdb_columns()
                where database_name = 'published' and comment is not null
                union all
                select schema_name || '.' || table_name, '', comment from duckdb_tables()
                where database_name = 'published' and comment is not null"""
            ).fetchall()
        except (duckdb.Error, ValueError) as error:
            connection.close()
            raise NoSnapshotError(
                f"{path} cannot be read as a published file of Leap: {error}. A run that publishes writes it anew."
            ) from error
        published_us, run_id, days, first, last, currency = told
        published_at = dt.datetime.fromtimestamp(published_us / 1e6, dt.UTC)
        descriptions = {(table, column): text for table, column, text in texts}
        return cls(path, published_at, run_id, days, first, last, currency, descriptions, connection)

    def query(self, sql: str) -> pd.DataFrame:
        """Rows of a query; safe in several threads."""
        with self._connection.cursor() as cursor:
            # a cursor starts in the database of its own, not in the one in use
            cursor.execute("use published")
            rows = cursor.execute(sql).df()
            # what sum() makes of whole numbers, which pandas has as doubles
            sums = [name for name, kind, *_ in cursor.description if str(kind) == "HUGEINT"]
            return rows.astype({name: "int64" for name in sums if not rows[name].hasnans})

    def describe(self, name: str) -> str:
        """What a column (`schema.table.column`) or a table (`schema.table`) means, '' when nothing tells."""
        schema, table, *column = name.split(".")
        return self.descriptions.get((f"{schema}.{table}", column[0] if column else ""), "")


def say_age(moment: dt.datetime, now: dt.datetime) -> str:
    """How long ago a moment was, in words; at least a second."""
    seconds = max(int((now - moment).total_seconds()), 1)
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    raise AssertionError(seconds)
