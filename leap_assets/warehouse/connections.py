"""How Leap opens the DuckDB files that it writes, what SQL may reach, how files are removed, what a bad disk means."""

import contextlib
import glob
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from leap_assets.landing.validation import quote_literal

MEMORY_VARIABLE = "DBT_LEAP_MEMORY_LIMIT"
# how a run tells dbt: no part of profiles.yml, where another value would make dbt parse the project anew
STORAGE_VERSION = "v1.5.0"
# of new files: writing one takes a quarter less CPU time than with DuckDB's default, which old versions can read
CHANGEABLE = ("TimeZone", "write_buffer_row_group_count")
# dbt sets these for each of its cursors


def create_database(path: Path) -> None:
    """Make an empty DuckDB file of `STORAGE_VERSION` where there is none.

    Whoever opens it needs no setting for that: with one of its own, no second connection of a process could open it.
    """
    if not path.exists():
        with duckdb.connect() as scratch:
            scratch.execute(
                f"attach {quote_literal(str(path))} (storage_version {quote_literal(STORAGE_VERSION)})"
            )


def open_for_writing(
    path: Path, folders: Iterable[Path] | None = None, memory_limit: str | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection in UTC that keeps few unwritten rows in memory; dbt_project/profiles.yml sets the same for dbt.

    With `folders`, SQL reaches no file outside them; with `memory_limit`, see `limit_memory`.
    """
    create_database(path)
    connection = duckdb.connect(str(path))
    try:
        connection.execute("set TimeZone = 'UTC'")
        # DuckDB keeps five row groups of a large insert before it writes them: a third more memory, and no gain
        connection.execute("set write_buffer_row_group_count = 1")
        if memory_limit is not None:
            limit_memory(connection, memory_limit)
        if folders is not None:
            limit_access(connection, folders)
    except BaseException:
        connection.close()
        raise
    return connection


def rows_of(connection: duckdb.DuckDBPyConnection) -> Callable[[str, Sequence[Any]], list[Any]]:
    """A function from SQL and the values of its question marks to its rows."""
    return lambda sql, values: connection.execute(sql, values).fetchall()


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it after an error."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def limit_access(connection: duckdb.DuckDBPyConnection, folders: Iterable[Path]) -> None:
    """Let a database reach files in some folders alone, and no extension, until it is closed.

    Its own file, and what Python hands over, it has in any case. A second connection to a database that is limited
    already changes nothing.
    """
    if connection.execute("select current_setting('lock_configuration')").fetchall() == [(True,)]:
        return
    paths = [str(folder) for folder in folders]
    # a pattern is compared as it is written, and what it finds once more
    patterns = [glob.escape(path) for path in paths]
    places = ", ".join(quote_literal(place) for place in dict.fromkeys([*paths, *patterns]))
    names = ", ".join(f"'{name}'" for name in CHANGEABLE)
    connection.execute(f"set allowed_directories = [{places}]")
    connection.execute("set enable_external_access = false")
    connection.execute(f"set allowed_configs = [{names}]")
    connection.execute("set lock_configuration = true")


def limit_memory(connection: duckdb.DuckDBPyConnection, limit: str) -> None:
    """Let a database take so much memory (such as "400MB") before it works on disk, in a folder beside its file."""
    connection.execute(f"set memory_limit = {quote_literal(limit)}")


def spill_dir(path: Path) -> Path:
    """Where DuckDB works on disk for a file; a killed process leaves it."""
    return path.with_name(f"{path.name}.tmp")


def data_folders(data_dir: Path) -> list[Path]:
    """The data folder, and where its folders and those of its logs lead when they are links."""
    links = [path for pattern in ("*", "landing/*") for path in data_dir.glob(pattern) if path.is_symlink()]
    return list(dict.fromkeys([data_dir, data_dir.resolve(), *(path.resolve() for path in links)]))


def remove_database(path: Path) -> None:
    """Remove a DuckDB file with its write-ahead log."""
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def describe_memory_error(error: BaseException, limit: str) -> str | None:
    """What a person should know and do when DuckDB had too little memory; None when it is about something else."""
    if "Out of Memory Error" not in all_said(error):
        return None
    return (
        f"DuckDB needed more memory than LEAP_MEMORY_LIMIT={limit} for work that cannot be done on disk. Raise it (to "
        "half of the machine's memory, say), or run fewer days at a time; then run the days of this run again. Steps "
        "that had ended are kept, and the published file is the one of before."
    )


def all_said(error: BaseException) -> str:
    """The texts of an error and of those that led to it."""
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    return "\n".join(texts)


_FULL = re.compile("No space left on device|File too large|Disk quota exceeded")
_FORBIDDEN = re.compile("Permission denied|Read-only file system|Operation not permitted")
# strerror(3) of ENOSPC, EFBIG, EDQUOT, EACCES, EROFS and EPERM, which DuckDB and dbt pass on as text


def describe_disk_error(error: BaseException, folder: Path) -> str | None:
    """What a person should know and do about a disk that is full or may not be written.

    Parameters
    ----------
    error : BaseException
        Looked through with the errors that led to it.
    folder : Path
        The data folder.

    Returns
    -------
    str or None
        None when the error is about something else.
    """
    said = all_said(error)
    reason = _FULL.search(said) or _FORBIDDEN.search(said)
    if reason is None:
        return None
    if _FULL.match(reason[0]):
        remedy = (
            "Free space on its disk, or raise the quota or the limit of file sizes (ulimit -f) of the user that "
            "runs Leap"
        )
    else:
        remedy = (
            "Give the user that runs Leap the right to write it and all that is in it, or choose a folder that can be "
            "written with LEAP_DATA_DIR=<folder>"
        )
    return (
        f"{folder} could not be written: {reason[0]}. {remedy}; then run the days of this run again. Steps that had "
        "ended are kept, and the published file is the one of before."
    )
