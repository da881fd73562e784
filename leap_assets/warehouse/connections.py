"""How Leap opens the DuckDB files that it writes, and removes them."""

from pathlib import Path

import duckdb


def open_for_writing(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection in UTC that keeps few unwritten rows in memory; dbt_project/profiles.yml sets the same for dbt."""
    connection = duckdb.connect(str(path))
    connection.execute("set TimeZone = 'UTC'")
    # DuckDB keeps five row groups of a large insert before it writes them: a third more memory, and no gain
    connection.execute("set write_buffer_row_group_count = 1")
    return connection


def remove_database(path: Path) -> None:
    """Remove a DuckDB file with its write-ahead log."""
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
