"""The files of a delivery: which there are, in which format, and how their bytes are opened.

A delivery is the folder `landing/<log>/<YYYY-MM-DD>/`. Whatever cannot be part of one is refused here with a message
that names the file and the remedy, before anything is written. What the bytes mean is read in `records.py`.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa

from leap_assets.landing.contracts import CONTRACTS

Format = Literal["ndjson", "json", "csv", "parquet"]
Compression = Literal["gzip", "zstd"]

FORMATS: dict[str, Format] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}
COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload")
# endings that copy programs give a file until it is complete


class LandingError(Exception):
    """A delivery that cannot be read; the message names the file and the remedy. Nothing was written."""


class TextError(LandingError):
    """A file whose bytes are no text as Leap reads it; the message repeats nothing of it."""


class Readable(Protocol):
    """A file whose records can be read: what its bytes mean, how they are opened, and where it lies in words."""

    @property
    def path(self) -> Path: ...  # noqa: D102

    @property
    def format(self) -> str: ...  # noqa: D102

    @property
    def place(self) -> str: ...  # noqa: D102

    def open(self) -> pa.NativeFile: ...  # noqa: D102


@dataclasses.dataclass(frozen=True)
class LandedFile:
    """One file of a delivery."""

    log: str
    delivery_date: dt.date
    path: Path
    format: Format
    compression: Compression | None

    @property
    def place(self) -> str:
        """Where the file lies, as messages call it."""
        return "landing/"

    @property
    def source_file(self) -> str:
        """Path relative to landing/, as written to the warehouse."""
        return f"{self.log}/{self.delivery_date}/{self.path.name}"

    def open(self) -> pa.NativeFile:
        """Open the (decompressed) bytes for reading.

        Raises
        ------
        LandingError
            When the file cannot be opened.
        """
        try:
            return pa.input_stream(str(self.path), compression=self.compression)
        except OSError as error:
            raise unreadable(self, error) from error


def unreadable(file: Readable, error: Exception) -> LandingError:
    """The message for a file whose bytes cannot be read."""
    if isinstance(error, PermissionError):
        return LandingError(
            f"{file.path} cannot be read (permission denied). Let the user that Leap runs as read it, or move it out "
            f"of {file.place}; nothing was loaded."
        )
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return LandingError(
        f"{file.path} cannot be read ({reason}). Replace it with a complete copy, or move it out of {file.place}; "
        "nothing was loaded."
    )


def describe_format(path: Path) -> tuple[Format, Compression | None]:
    """Format and compression of a file by its name.

    Raises
    ------
    LandingError
        For an ending that Leap does not read.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    ending = suffixes[-2:-1] if compression else suffixes[-1:]
    if not ending or ending[0] not in FORMATS:
        raise LandingError(
            f"{path} is not a file that Leap reads: its name must end in {', '.join(FORMATS)}, with "
            f"{' or '.join(COMPRESSIONS)} behind it when compressed. Rename it or move it out of landing/; "
            "nothing was loaded."
        )
    return FORMATS[ending[0]], compression


def list_files(landing_dir: Path, log: str, days: Iterable[dt.date]) -> list[LandedFile]:
    """Files that were delivered of a log on some days, in the order of (delivery day, name).

    Hidden files and files that are still being copied (`.part`, `.tmp`) are left alone. No folder is no delivery.

    Raises
    ------
    LandingError
        For a directory or an unknown kind of file in a delivery, and for a file where the folder should be.
    """
    files = []
    for day in days:
        folder = landing_dir / log / day.isoformat()
        for path in _list_folder(folder):
            if is_left_alone(path.name):
                continue
            if path.is_dir():
                raise LandingError(
                    f"{path} is a directory where a file should be. Move its files up into {folder}; "
                    "nothing was loaded."
                )
            if not path.is_file():
                raise LandingError(
                    f"{path} is not a file: it leads nowhere, or is a pipe or a device. Replace it with a file, or "
                    "move it out of landing/; nothing was loaded."
                )
            if not is_text(path.name):
                raise LandingError(
                    f"{str(path)!a} has a name that is not UTF-8. Rename it; nothing was loaded."
                )
            form, compression = describe_format(path)
            files.append(LandedFile(log, day, path, form, compression))
    return files


def _list_folder(folder: Path) -> list[Path]:
    """What is in the folder of a delivery, in order; nothing when there is none."""
    try:
        if not folder.exists():
            return []
        if not folder.is_dir():
            raise LandingError(
                f"{folder} is a file, but deliveries are folders. Move it to {folder}/; nothing was loaded."
            )
        paths = sorted(folder.iterdir())
        for path in paths:
            # a folder that may be listed, but not entered, fails here
            path.lstat()
    except OSError as error:
        raise unreadable_folder(folder, error) from error
    return paths


def unreadable_folder(folder: Path, error: OSError) -> LandingError:
    """The message for a folder that cannot be listed."""
    reason = "permission denied" if isinstance(error, PermissionError) else error.strerror or str(error)
    return LandingError(
        f"{folder} cannot be read ({reason}). Let the user that Leap runs as read and enter it, or move it away; "
        "nothing was loaded."
    )


def is_left_alone(name: str) -> bool:
    """Whether a file of a delivery is hidden or still being copied, by its name."""
    return name.startswith(".") or Path(name).suffix.lower() in UNFINISHED


def is_text(name: str) -> bool:
    """Whether the bytes of a file's name are UTF-8; others cannot be written to the warehouse."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def find_strays(landing_dir: Path, logs: Sequence[str] = tuple(CONTRACTS)) -> list[str]:
    """Sentences about things in landing/ that no run will ever read: unknown logs, folders that are not a day."""
    strays = []
    known = ", ".join(logs)
    for log in _list_landing(landing_dir) if landing_dir.is_dir() else []:
        if log.name.startswith("."):
            continue
        if log.name not in logs or not log.is_dir():
            strays.append(f"{log} is never read: the logs of this source are {known}.")
            continue
        for day in _list_landing(log):
            if not day.name.startswith(".") and not _is_day(day.name):
                strays.append(f"{day} is never read: put it into a folder of its day, {log}/YYYY-MM-DD/.")
    return strays


def _list_landing(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise unreadable_folder(folder, error) from error


def list_days(landing_dir: Path) -> list[dt.date]:
    """Days that have a delivery of any log, in order."""
    days = {
        dt.date.fromisoformat(folder.name)
        for log in CONTRACTS
        if (landing_dir / log).is_dir()
        for folder in _list_landing(landing_dir / log)
        if _is_day(folder.name)
    }
    return sorted(days)


def _is_day(name: str) -> bool:
    try:
        return dt.date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False
