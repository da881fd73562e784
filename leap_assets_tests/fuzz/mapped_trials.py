"""One trial of a mapped source: read and prepare its folder, or take in delivered files, and judge what came of it."""

import collections
import datetime as dt
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from leap_assets.landing.ingestion import create_raw_tables, load_deliveries
from leap_assets.landing.relations import DELIVERED, UNREADABLE
from leap_assets.sources.declaration import MappedSource, SourceError, hashing_of, read_source
from leap_assets.sources.delivered import RecordFile
from leap_assets.sources.ledger import FOLDER, Booked, Ledger
from leap_assets.sources.mapping import Mapper
from leap_assets.sources.taking_in import TakeInError, TakenIn, landing_stem, ranges_of, take_in
from leap_assets_tests.fuzz.mapped_inputs import CANARY, Declared, Folder, Put
from leap_assets_tests.fuzz.trials import FindingError

START, TODAY = dt.date(2025, 1, 1), dt.date(2025, 6, 1)
RATES = {"USD": dt.date(2000, 1, 1)}
TRIAL_LIMIT_S = 20.0
# CPU seconds of one trial
PREPARE_LIMIT_S = 1.0
# instead of the minute that Leap gives a SELECT
MESSAGE_CHARS = 5000
REMEDY = re.compile(
    r"mend|rename|take|write|replace|move|add|must be|must have|it must|make |put |cast|say |instead|leave|there are|become|one of|there is no such|give",
    re.IGNORECASE,
)
SELECTS = {
    "client": """select
    record->>'$.id' as event_id,
    record->>'$.user' as player_id,
    record->>'$.what' as event_type,
    record->>'$.at' as timestamp
from delivered
where (record->>'$.what') is distinct from 'chat'
""",
    "signons": """select
    record->>'$.user' as player_id,
    record->>'$.at' as event_date_time,
    record->>'$.os' as platform
from delivered
where (record->>'$.what') is distinct from 'chat'
""",
}
RECORD_LINES = b'{"x": 1, "player_id": "p", "event_date_time": "2025-01-10T12:00:00Z", "properties": {"level": 1}}\n{}\n5\n'


def try_declaration(root: Path, declared: Declared) -> bool:
    """Read and prepare a source folder, and map a small file with it; whether it was accepted.

    Raises
    ------
    FindingError
        For any error but a SourceError that names a file and has a remedy, and for anything outside that was touched.
    """
    shutil.rmtree(root, ignore_errors=True)
    folder = root / "sources" / "game"
    folder.mkdir(parents=True)
    (root / "canary.csv").write_text(f"{CANARY}\n{CANARY}\n")
    (root / "records.ndjson").write_bytes(RECORD_LINES)
    for name, data in declared.files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    before, began, shown_texts = _contents(root), time.process_time(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leap_assets.sources.mapping.PREPARE_LIMIT_S", PREPARE_LIMIT_S)
        patch.setenv("LEAP_CANARY", CANARY)
        # what the SQL calls `../` is the folder beside it
        old = Path.cwd()
        os.chdir(folder)
        try:
            shown_texts += _use(folder, root)
            is_accepted = True
        except SourceError as error:
            is_accepted = False
            _judge_message(str(error), folder)
            shown_texts.append(str(error))
        except Exception as error:
            raise FindingError(f"{type(error).__name__}: {error}"[:1000]) from error
        finally:
            os.chdir(old)
    if any(CANARY in text for text in shown_texts):
        raise FindingError("what stands outside was read")
    shutil.rmtree(root / "work", ignore_errors=True)
    if _contents(root) != before:
        raise FindingError(f"files were written: {sorted(set(_contents(root)) ^ set(before))}")
    if (took := time.process_time() - began) > TRIAL_LIMIT_S:
        raise FindingError(f"it took {took:.0f} s")
    return is_accepted


def _use(folder: Path, root: Path) -> list[str]:
    """Everything that a source shows when it is read, prepared and tried."""
    source = read_source(folder)
    key = hashing_of(source, "k" * 20)
    shown = [source.description]
    with Mapper(source, root / "work", hashing=key) as mapper:
        mapper.map(RecordFile("records.ndjson", root / "records.ndjson", "ndjson", None), limit=2)
        mapper.days()
        for one in mapper.prepared:
            names, rows = mapper.preview(one, 5)
            shown += [*names, repr(rows)]
    return shown


def _judge_message(message: str, folder: Path) -> None:
    if str(folder) not in message and "records.ndjson" not in message:
        raise FindingError(f"a refusal names no file: {message[:500]}")
    if not REMEDY.search(message):
        raise FindingError(f"a refusal has no remedy: {message[:500]}")
    if len(message) > MESSAGE_CHARS:
        raise FindingError(f"a message of {len(message)} characters: {message[:300]}")
    try:
        message.encode()
    except UnicodeEncodeError as error:
        raise FindingError(f"a message that cannot be written: {message!a}"[:500]) from error


def _contents(root: Path) -> dict[str, tuple[int, bytes]]:
    """Files with what is in them, folders without, by the path in a folder."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        if path.is_file()
        else (0, b"")
        for path in root.rglob("*")
    }


def try_folder(root: Path, folder: Folder) -> collections.Counter[str]:
    """Take in delivered files twice and load what landed; counts files taken in, refused, and records by their fate.

    Raises
    ------
    FindingError
        For a record that is lost or there twice, a file that is neither taken in nor named, and a second reading.
    """
    shutil.rmtree(root, ignore_errors=True)
    source_folder, delivered, landing = root / "sources" / "game", root / "delivered", root / "landing"
    source_folder.mkdir(parents=True)
    (source_folder / "source.toml").write_text("")
    (source_folder / f"{folder.log}.sql").write_text(SELECTS[folder.log])
    delivered.mkdir()
    (root / "canary.csv").write_text(CANARY)
    for put in folder.files:
        path = delivered / os.fsdecode(put.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(put.data)
    given, began = _contents(root), time.process_time()
    source = read_source(source_folder)
    try:
        counts = _take_in_twice(source, folder, delivered, landing)
        counts.update(_judge_landed(landing, folder.log))
    except FindingError:
        raise
    except Exception as error:
        raise FindingError(f"{type(error).__name__}: {error}"[:1000]) from error
    shutil.rmtree(landing)
    if _contents(root) != given:
        raise FindingError("files outside the landing folder were changed")
    if (took := time.process_time() - began) > TRIAL_LIMIT_S:
        raise FindingError(f"it took {took:.0f} s")
    return counts


def _take_in_twice(source: MappedSource, folder: Folder, delivered: Path, landing: Path) -> collections.Counter[str]:  # fmt: skip
    _, first_error, first_warned = _take_in(source, delivered, landing)
    ledger = Ledger(landing)
    booked = ledger.delivered()
    counts: collections.Counter[str] = collections.Counter()
    for put in folder.files:
        _judge_file(put, booked, first_error, first_warned, ledger, landing, counts)
    expected = {os.fsdecode(put.name) for put in folder.files}
    if strangers := set(booked) - expected:
        raise FindingError(f"files were booked that do not exist: {strangers}")
    landed = _contents(landing)
    result, second_error, _ = _take_in(source, delivered, landing)
    if second_error != first_error:
        raise FindingError(f"the second time it says {second_error}, the first {first_error}")
    if result is not None and (result.read or result.unchanged != len(booked)):
        raise FindingError(f"the second time it reads again: {result}")
    if Ledger(landing).delivered() != booked:
        raise FindingError("the second time the books change")
    if _without_ledger(_contents(landing)) != _without_ledger(landed):
        raise FindingError("the second time files of landing/ change")
    return counts


def _without_ledger(found: Mapping[str, tuple[int, bytes]]) -> dict[str, tuple[int, bytes]]:
    return {name: what for name, what in found.items() if not name.startswith(FOLDER)}


def _take_in(source: MappedSource, delivered: Path, landing: Path) -> tuple[TakenIn | None, str, str]:
    warned: list[str] = []
    try:
        taken = take_in(
            source, delivered, landing, start_date=START, today=TODAY, say=str, warn=warned.append
        )
    except TakeInError as error:
        if not REMEDY.search(str(error)):
            raise FindingError(f"a refusal has no remedy: {error}") from error
        str(error).encode()
        return None, str(error), " ".join(warned)
    return taken, "", " ".join(warned)


def _judge_file(
    put: Put,
    booked: Mapping[str, Booked],
    error: str,
    warned: str,
    ledger: Ledger,
    landing: Path,
    counts: collections.Counter[str],
) -> None:
    name = os.fsdecode(put.name)
    named = ascii(name)[1:-1] if _is_odd(name) else name
    if any(part.startswith(".") for part in name.split("/")):
        if name in booked:
            raise FindingError(f"a hidden file was taken in: {name!r}")
        return
    if Path(name).suffix.lower() in (".part", ".tmp", ".partial"):
        if name in booked or named not in warned:
            raise FindingError(f"an unfinished file was not left alone, or not named: {name!r}")
        return
    if name not in booked:
        if named not in error:
            raise FindingError(f"{name!r} was not taken in, and nothing names it: {error}")
        if not put.may_refuse and not _is_odd(name):
            raise FindingError(f"a readable file is refused: {error}")
        counts["refused"] += 1
        return
    one = booked[name]
    counts.update(files=1, records=one.records, unreadable=one.unreadable)
    if put.lines is not None and one.records != put.lines:
        raise FindingError(f"{one.records} records, but {name!r} has {put.lines}")
    if one.ignored is None:
        raise FindingError(f"of a plain SELECT it is known what is ignored: {name!r}")
    rows, unreadable = _landed_lines(ledger, landing, name)
    if len(unreadable) != one.unreadable:
        raise FindingError(f"{one.unreadable} unreadable records, but {len(unreadable)} landed: {name!r}")
    if len(set(rows)) != len(rows) or set(rows) & set(unreadable):
        raise FindingError(f"a record is there twice: {name!r}")
    if one.records != len(unreadable) + len(rows) + one.ignored:
        raise FindingError(
            f"{one.records} records, but {len(unreadable)} unreadable, {len(rows)} in rows and {one.ignored} ignored"
        )
    if lost := {n for n in put.good if (name, n) in unreadable}:
        raise FindingError(f"good records {sorted(lost)} of {name!r} cannot be read")
    counts.update(ignored=one.ignored, rows=len(rows))


def _is_odd(name: str) -> bool:
    """Whether a name is not UTF-8."""
    return any("\ud800" <= char <= "\udfff" for char in name)


def _landed_lines(ledger: Ledger, landing: Path, name: str) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:  # fmt: skip
    """(delivered file or member, line) of the rows that a file brought, and of its records that cannot be read."""
    rows: list[tuple[str, int]] = []
    unreadable: list[tuple[str, int]] = []
    for relative in ledger.landed_of(name):
        table = pq.read_table(landing / relative, partitioning=None)
        found = list(zip(*(table[column].to_pylist() for column in DELIVERED), strict=True))
        (unreadable if UNREADABLE in table.column_names else rows).extend(found)
        if not any(Path(relative).name.startswith(landing_stem(source)) for source, _ in found):
            raise FindingError(f"{relative} is not called after {name!r}")
    return rows, unreadable


def _judge_landed(landing: Path, log: str) -> dict[str, int]:
    """Load all that landed: counts of lines received, valid and rejected."""
    days: dict[dt.date, int] = {}
    for path in landing.rglob("*"):
        relative = path.relative_to(landing)
        if relative.parts[0] == FOLDER:
            if relative.as_posix() not in (FOLDER, f"{FOLDER}/ledger.sqlite"):
                raise FindingError(f"{relative} stays in the landing folder")
        elif path.is_file():
            found = re.fullmatch(rf"{log}/(\d{{4}}-\d\d-\d\d)/[A-Za-z0-9._-]+\.parquet", relative.as_posix())
            if found is None:
                raise FindingError(f"{relative} is no place for a landing file")
            day = dt.date.fromisoformat(found[1])
            days[day] = days.get(day, 0) + pq.ParquetFile(path).metadata.num_rows
    counts: collections.Counter[str] = collections.Counter()
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        create_raw_tables(connection)
        for first, last in ranges_of(days):
            span = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
            for loaded in load_deliveries(
                connection, landing, span, logs=[log], start_date=START, rates=RATES
            ):
                landed = days[loaded.delivery_date]
                if loaded.received != loaded.valid + loaded.rejected or loaded.received != landed:
                    raise FindingError(f"the books do not balance: {loaded}, and {landed} rows landed")
                counts.update(lines=loaded.received, valid=loaded.valid, rejected=loaded.rejected)
    return dict(counts)
