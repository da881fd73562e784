"""How Leap opens the DuckDB files that it writes, removes them, and tells of a disk that does not let it write."""

import re
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
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    said = "\n".join(texts)
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
