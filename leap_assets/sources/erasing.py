"""Players that were erased: the list of their hashed ids, and how their rows leave the files of landing/.

The list is written first. Whoever takes in next applies it to what is in landing/, and to all that comes later.
"""

import dataclasses
import hashlib
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from leap_assets.landing.hashing import HEX_DIGITS, KeyedHash
from leap_assets.landing.validation import quote_literal
from leap_assets.sources.declaration import DECLARATION, PLAYER, MappedSource, SourceError
from leap_assets.sources.delivered import hash_content
from leap_assets.sources.ledger import Landed, Ledger
from leap_assets.sources.mapping import BATCH_ROWS, ERASED, MEMORY_LIMIT, erased_sql, names_erased_sql

_ID = re.compile(rf"[0-9a-f]{{{HEX_DIGITS}}}")


@dataclasses.dataclass(frozen=True)
class Removed:
    """What was taken out of a file of landing/: rows of the players, and rows of others in which they were named."""

    landed: str
    log: str
    rows: int
    named: int


def read_erased(path: Path) -> list[str]:
    """The hashed ids on the list of erased players, none when there is no list.

    Raises
    ------
    SourceError
        For a line that is no hashed id.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read ({type(error).__name__}). Restore it from a backup."
        ) from None
    for number, line in enumerate(lines, 1):
        if not _ID.fullmatch(line):
            raise SourceError(
                f"{path}, line {number}: this is no hashed id ({HEX_DIGITS} digits 0-9 and a-f). Take the line out and "
                "erase that player with make erase PLAYER=<id>."
            )
    return sorted(set(lines))


def add_erased(path: Path, hashed: str) -> bool:
    """Put a hashed id on the list; whether it was not there yet. The list is on the disk when this returns."""
    if not _ID.fullmatch(hashed):
        raise SourceError(
            f"{hashed!r} is no hashed id: it must be {HEX_DIGITS} digits 0-9 and a-f, as player_id in the warehouse."
        )
    if hashed in read_erased(path):
        return False
    # at the end, so that two commands at once do not lose each other's
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{hashed}\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def check_personal(
    source: MappedSource, ledger: Ledger, hashing: KeyedHash | None, erased: Collection[str]
) -> None:
    """Refuse another key, and other personal columns, than those of what is in landing/; write them down at first.

    Raises
    ------
    SourceError
        With the remedy.
    """
    where = source.folder / DECLARATION
    declared = "; ".join(
        f"{log}: {', '.join(sorted(names))}" for log, names in source.personal.items() if names
    )
    key = hashing.fingerprint if hashing else ""
    if erased and PLAYER not in {name for names in source.personal.values() for name in names}:
        raise SourceError(
            f"{where}: players were erased from this data folder, and they are known by the hash of {PLAYER}, which "
            f"is not personal any more. Write {PLAYER} = true into [personal] again."
        )
    recorded = ledger.personal()
    if recorded is None or (ledger.is_empty() and not erased):
        if recorded is None and not ledger.is_empty():
            # of a version that hashed nothing
            recorded = ("", "")
        else:
            ledger.record_personal(declared, key)
            return
    if recorded[1] and key and recorded[1] != key:
        raise SourceError(
            f"LEAP_HASH_KEY is not the key that {ledger.folder} was made with: the same player would have two hashes, "
            "and who was erased would come back. Nothing was changed. Set the key back, or use another data folder "
            "with LEAP_DATA_DIR=<folder>."
        )
    if recorded[0] != declared:
        raise SourceError(
            f"{where}: the personal columns are {declared or 'none'} now, but {ledger.folder} was made with "
            f"{recorded[0] or 'none'}. Nothing was changed. Set them back, or use another data folder with "
            "LEAP_DATA_DIR=<folder> and delete this one, which holds the values as they were stored."
        )


def apply_erased(
    source: MappedSource, ledger: Ledger, landing_dir: Path, work_dir: Path, erased: Collection[str]
) -> Iterator[Removed]:
    """Take the rows of erased players out of all files of landing/, unless that was done for this list.

    A file is replaced by rename; when it is interrupted, it is done again from the start.
    """
    if _are_applied(ledger, erased):
        return
    for partial in landing_dir.glob("*/*/.*.tmp"):
        # of a run that was killed, which may never be written again
        partial.unlink(missing_ok=True)
    with duckdb.connect(
        config={"threads": 1, "memory_limit": MEMORY_LIMIT, "temp_directory": str(work_dir / "spilled")}
    ) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create temp table {ERASED} as select unnest(?::varchar[]) as id", [[*erased]])
        for one in ledger.landed():
            path = landing_dir / one.landed
            names = source.personal.get(one.log, ())
            if not path.exists() or not names:
                continue
            if removed := _rewrite(connection, one, path, names):
                if one.sha256:
                    # else its delivered file is booked anew when it is mapped again
                    rebooked = dataclasses.replace(
                        one, lines=one.lines - removed.rows, sha256=hash_content(path)
                    )
                    ledger.rebook(rebooked)
                yield removed
    ledger.record_erased(map(_digest, erased))


def is_applied(landing_dir: Path, erased_path: Path) -> bool:
    """Whether the rows of all players on the list were taken out of landing/."""
    return _are_applied(Ledger(landing_dir), read_erased(erased_path))


def _are_applied(ledger: Ledger, erased: Collection[str]) -> bool:
    return set(map(_digest, erased)) <= ledger.erased()


def _digest(hashed: str) -> str:
    # no file but the list has the hashed id
    return hashlib.sha256(hashed.encode()).hexdigest()


def _rewrite(
    connection: duckdb.DuckDBPyConnection, one: Landed, path: Path, personal: Collection[str]
) -> Removed | None:
    columns = pq.read_schema(path).names
    pattern = "".join(f"[{char}]" if char in "*?[" else char for char in str(path))
    scan = f"read_parquet({quote_literal(pattern)}, hive_partitioning = false)"
    is_own, is_named = (f"coalesce({sql}, false)" for sql in names_erased_sql(columns, personal))
    own, named = connection.execute(
        f"select count(*) filter ({is_own}), count(*) filter (not {is_own} and {is_named}) from {scan}"
    ).fetchall()[0]
    if not own and not named:
        return None
    partial = path.with_name(f".{path.name}.tmp")
    reader = connection.execute(erased_sql(scan, columns, personal)).to_arrow_reader(BATCH_ROWS)
    with pq.ParquetWriter(partial, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
    partial.replace(path)
    return Removed(one.landed, one.log, own, named)
