"""What was taken in: every delivered file by its content, the landing files made of it, and the days built from them.

A small SQLite file, so that each file is booked in one transaction whatever the number of files. It holds no clock:
two folders that took in the same files hold the same rows.
"""

import contextlib
import dataclasses
import datetime as dt
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leap_assets.sources.delivered import Listing

FOLDER = ".taken_in"
NAME = "ledger.sqlite"
LOCK_TIMEOUT_S = 60.0

_TABLES = """
create table if not exists delivered (
    path text primary key, size integer, mtime_ns integer, ctime_ns integer, sha256 text, mapping text,
    records integer, unreadable integer, ignored integer, first_day text, last_day text
) strict;
create table if not exists landed (
    landed text primary key, path text, log text, day text, lines integer, sha256 text
) strict;
create index if not exists landed_of_path on landed (path);
create index if not exists landed_of_day on landed (day);
create table if not exists built (day text primary key, digest text) strict;
create table if not exists personal (declared text, key text) strict;
create table if not exists erased (id text primary key) strict;
create table if not exists left_out (path text primary key, rows integer) strict;
"""


@dataclasses.dataclass(frozen=True)
class Landed:
    """A file in landing/ that was made of a delivered file; `landed` is its path in landing/."""

    landed: str
    log: str
    day: dt.date
    lines: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Booked:
    """What is known of a delivered file. `mapping` is the digest of the source that it was mapped with."""

    path: str
    listing: Listing
    sha256: str
    mapping: str
    records: int
    unreadable: int
    ignored: int | None
    first_day: dt.date | None
    last_day: dt.date | None


class Ledger:
    """The ledger of a data folder. Reading one that does not exist yet finds nothing.

    Parameters
    ----------
    landing_dir : Path
    """

    def __init__(self, landing_dir: Path) -> None:
        self._path = ledger_path(landing_dir)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=LOCK_TIMEOUT_S)
        try:
            connection.executescript(_TABLES)
            with connection:
                yield connection
        finally:
            connection.close()

    @property
    def folder(self) -> Path:
        """The landing folder that the ledger is about."""
        return self._path.parent.parent

    def is_empty(self) -> bool:
        """Whether nothing was taken in yet."""
        return not self.delivered() and not self._rows("select landed from landed limit 1")

    def personal(self) -> tuple[str, str] | None:
        """Personal columns of what is in landing/, and the fingerprint of the key that hashed them."""
        rows = self._rows("select declared, key from personal")
        return rows[0] if rows else None

    def record_personal(self, declared: str, key: str) -> None:
        """Write down the personal columns and the fingerprint of their key."""
        with self._open() as connection:
            connection.execute("delete from personal")
            connection.execute("insert into personal values (?, ?)", [declared, key])

    def erased(self) -> set[str]:
        """Digests of the hashed ids whose rows were taken out of landing/."""
        return {row[0] for row in self._rows("select id from erased")}

    def record_erased(self, digests: Iterable[str]) -> None:
        """Write down, by their digests, the hashed ids whose rows were taken out of landing/."""
        with self._open() as connection:
            connection.executemany("insert or ignore into erased values (?)", [(one,) for one in digests])

    def landed(self) -> list[Landed]:
        """Files in landing/ that were made of delivered files; without a digest those of a run that was killed."""
        found = []
        for landed, lines, sha256 in self._rows("select landed, lines, sha256 from landed order by landed"):
            log, day, _ = landed.split("/")
            found.append(Landed(landed, log, dt.date.fromisoformat(day), lines, sha256))
        return found

    def rebook(self, landed: Landed) -> None:
        """Write down a file of landing/ that was changed since it was made."""
        with self._open() as connection:
            connection.execute(
                "update landed set lines = ?, sha256 = ? where landed = ?",
                [landed.lines, landed.sha256, landed.landed],
            )

    def left_out_of(self, path: str) -> int:
        """Rows of erased players that a delivered file brought, and that were left out."""
        with self._open() as connection:
            found = connection.execute("select rows from left_out where path = ?", [path]).fetchone()
        return int(found[0]) if found else 0

    def left_out(self) -> int:
        """Rows of erased players that delivered files brought again, and that were left out."""
        return (
            int(self._rows("select coalesce(sum(rows), 0) from left_out")[0][0]) if self._path.exists() else 0
        )

    def _rows(self, sql: str) -> list[Any]:
        if not self._path.exists():
            return []
        with self._open() as connection:
            return connection.execute(sql).fetchall()

    def delivered(self) -> dict[str, Booked]:
        """Delivered files by their path."""
        if not self._path.exists():
            return {}
        with self._open() as connection:
            rows = connection.execute("select * from delivered order by path").fetchall()
        return {row[0]: _booked(*row) for row in rows}

    def landed_of(self, path: str) -> list[str]:
        """Paths in landing/ of what a delivered file brought."""
        if not self._path.exists():
            return []
        with self._open() as connection:
            return [row[0] for row in connection.execute("select landed from landed where path = ?", [path])]

    def announce(self, path: str, landed: Sequence[str]) -> None:
        """Write down which files are about to be put in place, so that none is forgotten by a run that is killed."""
        with self._open() as connection:
            connection.execute("update delivered set sha256 = '', ctime_ns = -1 where path = ?", [path])
            connection.executemany(
                "insert into landed values (?, ?, '', '', 0, '') on conflict (landed) do update set sha256 = ''",
                [(name, path) for name in landed],
            )

    def book(self, booked: Booked, landed: Sequence[Landed], left_out: int = 0) -> None:
        """Write down a delivered file with all that it brought, in place of what was known of it.

        `left_out` are the rows of erased players in it.
        """
        listing = dataclasses.astuple(booked.listing)
        counts = (
            booked.records,
            booked.unreadable,
            booked.ignored,
            _iso(booked.first_day),
            _iso(booked.last_day),
        )
        with self._open() as connection:
            connection.execute("delete from landed where path = ?", [booked.path])
            connection.execute("insert or replace into left_out values (?, ?)", [booked.path, left_out])
            connection.execute(
                f"insert or replace into delivered values ({', '.join('?' * 11)})",
                [booked.path, *listing, booked.sha256, booked.mapping, *counts],
            )
            connection.executemany(
                "insert into landed values (?, ?, ?, ?, ?, ?)",
                [
                    (one.landed, booked.path, one.log, one.day.isoformat(), one.lines, one.sha256)
                    for one in landed
                ],
            )

    def touch(self, path: str, listing: Listing) -> None:
        """Write down that a file of the same content has another listing."""
        with self._open() as connection:
            connection.execute(
                "update delivered set size = ?, mtime_ns = ?, ctime_ns = ? where path = ?",
                [*dataclasses.astuple(listing), path],
            )

    def lines(self) -> dict[tuple[str, dt.date], int]:
        """Lines in landing/ by log and day."""
        if not self._path.exists():
            return {}
        with self._open() as connection:
            rows = connection.execute(
                "select log, day, sum(lines) from landed where log <> '' group by log, day"
            )
            return {(log, dt.date.fromisoformat(day)): lines for log, day, lines in rows}

    def stale_days(self) -> dict[dt.date, str]:
        """Days whose landing files are not those that were last built, with the digests of what they are now."""
        if not self._path.exists():
            return {}
        with self._open() as connection:
            built = dict(connection.execute("select day, digest from built").fetchall())
            now = _digests(connection)
        stale = {day: now.get(day, "") for day in {*built, *now} if built.get(day, "") != now.get(day, "")}
        return {dt.date.fromisoformat(day): stale[day] for day in sorted(stale)}

    def record_built(self, days: Sequence[dt.date]) -> None:
        """Write down that some days were built from what is in landing/ now."""
        if not self._path.exists():
            return
        with self._open() as connection:
            now = _digests(connection)
            connection.executemany(
                "insert or replace into built values (?, ?)",
                [(day.isoformat(), now[day.isoformat()]) for day in days if day.isoformat() in now],
            )
            connection.executemany(
                "delete from built where day = ?",
                [(day.isoformat(),) for day in days if day.isoformat() not in now],
            )


def ledger_path(landing_dir: Path) -> Path:
    """File of the ledger of a landing folder."""
    return landing_dir / FOLDER / NAME


def _digests(connection: sqlite3.Connection) -> Mapping[str, str]:
    digests: dict[str, hashlib._Hash] = {}
    for day, landed, sha256 in connection.execute(
        "select day, landed, sha256 from landed where day <> '' order by day, landed"
    ):
        digests.setdefault(day, hashlib.sha256()).update(f"{landed} {sha256}\n".encode())
    return {day: digest.hexdigest() for day, digest in digests.items()}


def _booked(path: str, size: int, mtime_ns: int, ctime_ns: int, *rest: Any) -> Booked:
    sha256, mapping, records, unreadable, ignored, first, last = rest
    listing = Listing(size, mtime_ns, ctime_ns)
    return Booked(path, listing, sha256, mapping, records, unreadable, ignored, _day(first), _day(last))


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
