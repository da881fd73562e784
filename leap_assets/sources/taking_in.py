"""Taking in: what is new or changed among the delivered files becomes files of landing/, day by day and log by log.

One file at a time: its content is hashed, its records are read and mapped, what came out is put in place by rename,
and what an earlier version of it had brought is taken away. A run that is killed is made good by the next one.
"""

import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.landing.contracts import Contract
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.relations import UNREADABLE
from leap_assets.sources.declaration import MappedSource, SourceError
from leap_assets.sources.delivered import Listing, RecordFile, hash_content, list_delivered, record_files
from leap_assets.sources.erasing import apply_erased, check_personal, read_erased
from leap_assets.sources.ledger import FOLDER, Booked, Landed, Ledger
from leap_assets.sources.mapping import UNREADABLE_SCHEMA, Counts, Days, Mapper

VERSION = "2"
# of the files that are written: another one makes all delivered files be mapped again
TAKE_IN_JOB, TAKE_IN_OP = "take_in_deliveries", "take_in_files"
# Dagster wants names of jobs and of their steps to differ
EVENT_TYPES_KEY = "leap.event_types"
# in the metadata of a Parquet file
STEM_CHARS = 60
SHOWN_RANGES = 5
RANGE_DAYS = 366


class TakeInError(SourceError):
    """Some delivered files could not be taken in; all others were."""


@dataclasses.dataclass(frozen=True)
class TakenIn:
    """What one call of `take_in` found and did: files by what became of them, and the days that changed."""

    read: tuple[Booked, ...]
    unchanged: int
    left_alone: tuple[str, ...]
    gone: tuple[str, ...]


def take_in(
    source: MappedSource,
    delivered_dir: Path,
    landing_dir: Path,
    *,
    start_date: dt.date,
    today: dt.date,
    leave: Collection[str] = (),
    hashing: KeyedHash | None = None,
    erased_path: Path | None = None,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> TakenIn:
    """Take in the delivered files that are new, were changed, or were mapped by another mapping.

    Parameters
    ----------
    source : MappedSource
    delivered_dir, landing_dir : Path
    start_date : date
        First day of the warehouse.
    today : date
        Events of later days are bad clocks.
    leave : collection of str
        Paths of files that are left alone for now.
    hashing : KeyedHash, optional
        What hashes the personal columns, of a source that has some.
    erased_path : Path, optional
        List of the players that were erased.
    say, warn : callable
        Receive sentences: about progress, and about what somebody should look at.

    Raises
    ------
    SourceError
        When a SELECT cannot be used; nothing was changed.
    TakeInError
        When files cannot be read; all others were taken in.
    """
    ledger = Ledger(landing_dir)
    mapping = hashlib.sha256(f"{VERSION} {source.digest} {start_date}".encode()).hexdigest()
    work_dir = landing_dir / FOLDER / "work"
    shutil.rmtree(work_dir, ignore_errors=True)
    read: list[Booked] = []
    unchanged = 0
    erased = read_erased(erased_path) if erased_path else []
    try:
        with Mapper(source, work_dir, hashing=hashing, erased=erased) as mapper:
            check_personal(source, ledger, hashing, erased)
            for removed in apply_erased(source, ledger, landing_dir, work_dir, erased):
                named = f", and their ids from {removed.named:,} rows of others" if removed.named else ""
                say(
                    f"Erased players: {removed.rows:,} rows removed from {landing_dir / removed.landed}{named}"
                )
            if not delivered_dir.is_dir():
                raise SourceError(
                    f"{delivered_dir} does not exist. Put the files of the game there, in any folders and under any "
                    "names, or say where they are with LEAP_DELIVERED_DIR=<folder>."
                )
            found = list_delivered(delivered_dir)
            known = ledger.delivered()
            problems = list(found.problems)
            left = [*found.unfinished, *(path for path in found.files if path in leave)]
            for relative, path in found.files.items():
                if relative in leave:
                    continue
                try:
                    booked = _take_in_file(
                        mapper,
                        source,
                        ledger,
                        known.get(relative),
                        relative,
                        path,
                        landing_dir,
                        mapping,
                        start_date,
                        today,
                    )
                except (_ChangedError, FileNotFoundError):
                    left.append(relative)
                except SourceError as error:
                    problems.append(str(error))
                else:
                    unchanged += booked is None
                    if booked is not None:
                        read.append(booked)
                        say(_told(booked, mapper))
                        if left_out := ledger.left_out_of(relative):
                            say(f"{relative}: {left_out:,} rows of erased players were left out")
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)
    gone = tuple(path for path in known if path not in found.files and path not in left)
    _warn_about(left, gone, read, ledger, delivered_dir, landing_dir, start_date, today, warn)
    say(
        f"Delivered files: {len(found.files):,}; {len(read):,} taken in, {unchanged:,} as they were, "
        f"{len(left):,} left alone, {len(problems):,} that cannot be read"
    )
    if problems:
        raise TakeInError(
            f"{len(problems)} of the delivered files cannot be taken in; the others were. "
            + " ".join(problems[:10])
            + (f" And {len(problems) - 10} more." if len(problems) > 10 else "")
        )
    return TakenIn(tuple(read), unchanged, tuple(left), gone)


class _ChangedError(Exception):
    """A file changed while it was read."""


def _take_in_file(
    mapper: Mapper,
    source: MappedSource,
    ledger: Ledger,
    known: Booked | None,
    relative: str,
    path: Path,
    landing_dir: Path,
    mapping: str,
    start_date: dt.date,
    today: dt.date,
) -> Booked | None:
    """Take in one file; None when it is as it was."""
    listing = Listing.of(path)
    is_mapped = known is not None and known.mapping == mapping and known.sha256 != ""
    if known is not None and is_mapped and known.listing == listing:
        return None
    sha256 = hash_content(path)
    if Listing.of(path) != listing:
        raise _ChangedError
    if known is not None and is_mapped and known.sha256 == sha256:
        ledger.touch(relative, listing)
        return None
    partial: dict[Path, Path] = {}
    landed: list[Landed] = []
    counts: list[Counts] = []
    left_out = 0
    try:
        for file in record_files(source, relative, path):
            one, written = map_file(mapper, source, file, landing_dir, start_date, today, partial)
            counts.append(one)
            left_out += sum(mapper.erased(prepared) for prepared in mapper.prepared)
            landed += written
        if Listing.of(path) != listing:
            raise _ChangedError
        before = ledger.landed_of(relative)
        ledger.announce(relative, [one.landed for one in landed])
        for temporary, final in partial.items():
            temporary.replace(final)
        for name in set(before) - {one.landed for one in landed}:
            _remove(landing_dir / name)
    finally:
        for temporary in partial:
            temporary.unlink(missing_ok=True)
    booked = Booked(
        path=relative,
        listing=listing,
        sha256=sha256,
        mapping=mapping,
        records=sum(one.records for one in counts),
        unreadable=sum(one.unreadable for one in counts),
        ignored=None
        if any(one.ignored is None for one in counts)
        else sum(one.ignored or 0 for one in counts),
        first_day=min((one.day for one in landed), default=None),
        last_day=max((one.day for one in landed), default=None),
    )
    ledger.book(booked, landed, left_out)
    return booked


def _remove(path: Path) -> None:
    """Remove a landing file, and the folders of its day and log when nothing else is in them."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()
        path.parent.parent.rmdir()


def map_file(
    mapper: Mapper,
    source: MappedSource,
    file: RecordFile,
    landing_dir: Path,
    start_date: dt.date,
    today: dt.date,
    partial: dict[Path, Path],
    *,
    limit: int | None = None,
) -> tuple[Counts, list[Landed]]:
    """Map a file of records (or its first ones) and write what came out under temporary names.

    These are added to `partial`, with the names they are to get.
    """
    fixed = source.day_of(file.name)
    counts = mapper.map(file, limit=limit)
    days = Days.of(mapper.days(), start_date, today, fixed)
    stem = landing_stem(file.name)
    landed: list[Landed] = []
    for one in mapper.prepared:
        log = one.contract.log
        writer = _DayFiles(
            landing_dir, log, f"{stem}.parquet", partial, _written_beside(source, one.contract)
        )
        with contextlib.closing(writer):
            for day, batch in mapper.rows(one, days):
                writer.write(day, batch)
        landed += writer.landed()
    if counts.unreadable:
        log = mapper.prepared[0].contract.log
        day = fixed or days.high
        temporary, final = _names(landing_dir, log, day, f"{stem}.{UNREADABLE}.parquet", partial)
        with pq.ParquetWriter(temporary, UNREADABLE_SCHEMA, compression="zstd") as writer:
            for batch in mapper.unreadable():
                writer.write_batch(batch)
        landed.append(
            Landed(
                final.relative_to(landing_dir).as_posix(),
                log,
                day,
                counts.unreadable,
                hash_content(temporary),
            )
        )
    return counts, landed


def _written_beside(source: MappedSource, contract: Contract) -> dict[str, str]:
    """What a landing file says of its source: the declared event types, which decide which of its lines are accepted.

    With them in the file, declaring one changes the file, and so the days that have to be built again.
    """
    if contract.event_type is None or not source.events:
        return {}
    return {EVENT_TYPES_KEY: json.dumps(sorted(source.events))}


class _DayFiles:
    """Parquet files of one log, a day each, written one behind the other."""

    def __init__(
        self,
        landing_dir: Path,
        log: str,
        name: str,
        partial: dict[Path, Path],
        metadata: dict[str, str],
    ) -> None:
        self._landing_dir, self._log, self._name, self._partial = landing_dir, log, name, partial
        self._metadata = metadata
        self._day: dt.date | None = None
        self._writer: pq.ParquetWriter | None = None
        self._files: dict[dt.date, tuple[Path, Path]] = {}
        self._lines: dict[dt.date, int] = {}

    def write(self, day: dt.date, batch: pa.RecordBatch) -> None:
        if day != self._day:
            self.close()
            self._files[day] = _names(self._landing_dir, self._log, day, self._name, self._partial)
            schema = batch.schema.with_metadata(self._metadata or None)
            self._writer = pq.ParquetWriter(self._files[day][0], schema, compression="zstd")
            self._day = day
        if self._writer is not None:
            self._writer.write_batch(batch)
        self._lines[day] = self._lines.get(day, 0) + len(batch)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def landed(self) -> Iterator[Landed]:
        for day, (temporary, final) in self._files.items():
            name = final.relative_to(self._landing_dir).as_posix()
            yield Landed(name, self._log, day, self._lines[day], hash_content(temporary))


def _names(
    landing_dir: Path, log: str, day: dt.date, name: str, partial: dict[Path, Path]
) -> tuple[Path, Path]:
    """Temporary and final path of a landing file; the folder is made."""
    final = landing_dir / log / day.isoformat() / name
    final.parent.mkdir(parents=True, exist_ok=True)
    # beside it, because a log's folder may lie on another disk; always the same, so that no killed run leaves two
    temporary = final.with_name(f".{name}.tmp")
    partial[temporary] = final
    return temporary, final


def landing_stem(name: str) -> str:
    """How the landing files of a delivered file (or member of an archive) start: its name, and a hash of its path."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(name).name.split(".")[0])[:STEM_CHARS].strip("-") or "file"
    return f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _told(booked: Booked, mapper: Mapper) -> str:
    """What became of the records of a file, as a sentence."""
    ignored = "an unknown number of" if booked.ignored is None else f"{booked.ignored:,}"
    said = (
        f"{booked.path}: {booked.records:,} records, {booked.unreadable:,} that cannot be read, {ignored} ignored; "
        f"days {booked.first_day} to {booked.last_day}"
        if booked.first_day
        else f"{booked.path}: {booked.records:,} records, of which nothing came; {ignored} ignored"
    )
    if booked.ignored is None:
        silent = ", ".join(one.select.path.name for one in mapper.prepared if one.lines is None)
        said += (
            f" (for that, {silent} would have to return line_number, or list(line_number) as line_numbers)"
        )
    return said


def _warn_about(
    left: Iterable[str],
    gone: Iterable[str],
    read: Iterable[Booked],
    ledger: Ledger,
    delivered_dir: Path,
    landing_dir: Path,
    start_date: dt.date,
    today: dt.date,
    warn: Callable[[str], None],
) -> None:
    for path in left:
        warn(
            f"{delivered_dir / path} is still being written and was left alone. It is looked at again in the next run."
        )
    for path in gone:
        landed = ledger.landed_of(path)
        warn(
            f"{delivered_dir / path} is gone; what it brought stays in {landing_dir}. "
            "Put it back, or, if its lines are to go too, put an empty file in its place."
            if landed
            else f"{delivered_dir / path} is gone; it had brought nothing."
        )
    for booked in read:
        if booked.first_day and booked.first_day < start_date:
            warn(
                f"{booked.path} has nothing but days before {start_date}, the first of the warehouse, "
                f"which are not loaded. For them, use another data folder with LEAP_START_DATE={booked.first_day}."
            )
        elif booked.last_day and booked.last_day > today:
            warn(
                f"{booked.path} has nothing but days after {today}: they are loaded when they have come. Are its times "
                "right?"
            )


def ranges_of(days: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """Days as ranges without a gap, in order; of at most a year, because Dagster plans a run by day and table."""
    ranges: list[tuple[dt.date, dt.date]] = []
    for day in sorted(days):
        is_next = bool(ranges) and day - ranges[-1][1] == dt.timedelta(days=1)
        if is_next and (day - ranges[-1][0]).days < RANGE_DAYS:
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def buildable(days: Iterable[dt.date], start_date: dt.date, today: dt.date) -> list[dt.date]:
    """Days that are partitions of the warehouse by now: from its first to yesterday."""
    return [day for day in sorted(days) if start_date <= day < today]
