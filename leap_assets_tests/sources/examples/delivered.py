"""The SQL of a shipped source by itself: records in a table as Leap hands them over, and the rows of one SELECT."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from leap_assets.settings import PROJECT_DIR

SOURCES = PROJECT_DIR / "sources"
ODD: tuple[Any, ...] = (
    *("no", "", None, [], [1, [2]], {"a": 1}, True, -1, 0.5, 1e300, 2**63 - 1, -(2**63), 2**70),
    *("9223372036854775807", "nan", "inf", "infinity", "290000-01-01", "1e9", "\u2028"),
)
# values that no mapping expects, and none may stop at
Record = tuple[str, int, dict[str, Any]]


def records_of(files: dict[str, list[dict[str, Any]]]) -> Iterator[Record]:
    """(source_file, line_number, record) of the events of some files."""
    for name, events in files.items():
        yield from ((name, number, event) for number, event in enumerate(events, 1))


def frames_of(path: Path, source_file: str) -> Iterator[Record]:
    """(source_file, line_number, record) of the rows of a Parquet file."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"select to_json(frame)::varchar from '{path}' as frame").fetchall()
    yield from ((source_file, number, json.loads(row)) for number, (row,) in enumerate(rows, 1))


@contextmanager
def delivered(records: Iterable[Record]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection without access to the outside that has some records as `delivered`."""
    with duckdb.connect() as connection:
        connection.execute("set time zone 'UTC'; set enable_external_access = false")
        connection.execute(
            "create temp table delivered (source_file varchar, line_number bigint, record json)"
        )
        rows = [(name, number, json.dumps(record)) for name, number, record in records]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            connection.execute(
                "insert into delivered select unnest(?::varchar[]), unnest(?::bigint[]), unnest(?::json[])",
                columns,
            )
        yield connection


def select(connection: duckdb.DuckDBPyConnection, source: str, log: str) -> list[dict[str, Any]]:
    """Rows of the SELECT of a log."""
    found = connection.execute((SOURCES / source / f"{log}.sql").read_text())
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def lines_of(rows: list[dict[str, Any]]) -> set[tuple[str, int]]:
    """The delivered lines that some rows name."""
    return {
        (row["source_file"], number)
        for row in rows
        for number in (row["line_numbers"] if "line_numbers" in row else [row["line_number"]])
    }
