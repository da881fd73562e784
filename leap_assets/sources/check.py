"""`make check-source`: a mapped source tried on files, by the same mapping, contract check and books as a run.

Nothing is written but in a temporary folder. Shows by log what would be accepted, what repeats another line, what is
rejected and why, what is ignored, and the first rows; then the books by day, and the commands that build the days. Of
many or large files a sample is tried, whose books are those of the sample alone.
"""

import argparse
import contextlib
import dataclasses
import datetime as dt
import difflib
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from leap_assets.landing.files import LandingError
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.ingestion import create_raw_tables, load_deliveries
from leap_assets.landing.repeats import Books, keep_books
from leap_assets.landing.seeds import read_rates
from leap_assets.partitions import Window
from leap_assets.settings import (
    PROJECT_DIR,
    Settings,
    SettingsError,
    has_dagster_home,
    has_start_date,
    list_sources,
    load_settings,
)
from leap_assets.sources.declaration import (
    EVENT_NAME,
    MappedSource,
    SourceError,
    hashing_of,
    read_source,
    toml_key,
)
from leap_assets.sources.delivered import RecordFile, list_delivered, record_files
from leap_assets.sources.erasing import read_erased
from leap_assets.sources.fields import FieldPath, shown_path
from leap_assets.sources.mapping import Mapper, Prepared
from leap_assets.sources.taking_in import map_file, ranges_of

WHOLE_BYTES = 300_000_000
# files of so many bytes in all are read to their ends, to tell which days they hold
ALL_BYTES = 20_000_000
# of files of so many bytes in all each record is tried, which takes seconds
LINES, FILES, EXAMPLES, ROWS = 1000, 20, 3, 5
SHOWN_BOOKS, SHOWN_FIELDS = 40, 12
SHOWN_CHARS = 160
CELL_CHARS = 28
UNKNOWN_TYPE = "unknown_event_type"
FIRST_LIKELY_DAY = dt.date(2000, 1, 1)
# events before it are bad clocks, as a proposal for the first day of a warehouse


@dataclasses.dataclass
class Tried:
    """What came of the files that were tried.

    `is_whole` says that the days are those of all records of all files, `is_cut` that some records were not tried.
    `missing` are fields that SELECTs name, with the files that lack them and a name that may be meant, `naming` the
    SELECTs that name them. `unbuilt` are rows of days that no run builds. `books` are by delivery day and log.
    """

    records: int = 0
    unreadable: int = 0
    ignored: int | None = 0
    mapped: Counter[str] = dataclasses.field(default_factory=Counter)
    days: set[dt.date] = dataclasses.field(default_factory=set)
    is_whole: bool = False
    is_cut: bool = False
    files: list[str] = dataclasses.field(default_factory=list)
    missing: dict[FieldPath, dict[str, str | None]] = dataclasses.field(default_factory=dict)
    naming: dict[FieldPath, list[str]] = dataclasses.field(default_factory=dict)
    erased: int = 0
    unbuilt: int = 0
    books: dict[tuple[dt.date, str], Books] = dataclasses.field(default_factory=dict)
    examples: list[str] = dataclasses.field(default_factory=list)
    previews: dict[str, str] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try a source; the exit code says whether a run would take it."""
    parser = argparse.ArgumentParser(prog="python -m leap_assets.sources.check", description=__doc__)
    parser.add_argument("source", nargs="?", default="", help="name of a folder in sources/")
    parser.add_argument(
        "folder", nargs="?", type=Path, help="delivered files; those of LEAP_DELIVERED_DIR when left out"
    )
    parser.add_argument(
        "--lines",
        type=int,
        help=f"records of each file to try ({LINES} where there is much to read, else all)",
    )
    parser.add_argument(
        "--files",
        type=int,
        help=f"files to try, from first to last ({FILES} where there is much to read, else all)",
    )
    parser.add_argument(
        "--all", action="store_true", help="try each record of every file, however long it takes"
    )
    given = parser.parse_args(arguments)
    try:
        settings = load_settings()
        source = _read(settings, given.source)
        folder = (given.folder or settings.delivered_dir).absolute()
        hashing = hashing_of(source, settings.hash_key)
        sample = Sample(given.lines, given.files, is_all=given.all)
        return _check(settings, source, hashing, folder, sample)
    except (SettingsError, SourceError, LandingError) as error:
        print(f"Refused: {error}")
        return 1


def _read(settings: Settings, name: str) -> MappedSource:
    folder = PROJECT_DIR / settings.sources_dir
    if not name or not (folder / name).is_dir():
        said = (
            f"{folder} has no folder {name!r}"
            if name
            else "Which source? Say make check-source SOURCE=<name>"
        )
        known = list_sources(folder)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SourceError(f"{said}. There are: {', '.join(known) or 'none yet'}.{hint}")
    return read_source(folder / name)


@dataclasses.dataclass(frozen=True)
class Sample:
    """How much is tried: as many records of as many files as are given, else what is quick."""

    lines: int | None = None
    files: int | None = None
    is_all: bool = False

    def limits(self, size: int) -> tuple[int | None, int | None]:
        """Records of a file and files to try of files of some bytes in all; None for all."""
        if self.is_all:
            return None, None
        quick = (None, None) if size <= ALL_BYTES else (LINES, FILES)
        return self.lines or quick[0], self.files or quick[1]


def _check(
    settings: Settings, source: MappedSource, hashing: KeyedHash | None, folder: Path, sample: Sample
) -> int:
    if not folder.is_dir():
        # the mapping can be judged all the same
        with tempfile.TemporaryDirectory() as work, Mapper(source, Path(work), hashing=hashing):
            raise SourceError(
                f"{folder} does not exist. The mapping by itself is in order; to try it, give a folder of files: "
                f"make check-source SOURCE={source.name} DELIVERED=<folder>."
            )
    with tempfile.TemporaryDirectory() as temporary:
        tried, start_date = try_files(settings, source, hashing, folder, Path(temporary), sample)
        print(f"{source.name}: {source.description or 'no description'}")
        print(f"\nrecords tried: {tried.records:,}; of these cannot be read: {tried.unreadable:,}")
        landing_dir = Path(temporary) / "landing"
        with load_tried(settings, source, hashing, landing_dir, tried, start_date) as connection:
            _print_logs(connection, source, tried)
    _print_fields(tried)
    _print_ignored(tried)
    for problem in tried.problems:
        print(f"\nCannot be taken in: {problem}")
    _print_books(tried)
    _print_days(settings, source, folder, tried, start_date)
    return 1 if tried.problems else 0


def try_files(
    settings: Settings,
    source: MappedSource,
    hashing: KeyedHash | None,
    folder: Path,
    work: Path,
    sample: Sample,
) -> tuple[Tried, dt.date]:
    """Map files into `work/landing`; gives what came of it and the first day that the warehouse should have."""
    tried = Tried()
    found = list_delivered(folder)
    tried.problems += found.problems
    size = sum(path.stat().st_size for path in found.files.values())
    lines, files = sample.limits(size)
    every = max(1, -(-len(found.files) // files)) if files else 1
    chosen = [*found.files.items()][::every]
    tried.is_cut = len(chosen) < len(found.files)
    if not found.files:
        tried.problems.append(f"{folder} holds no file. Put the files of the game there.")
    print(
        f"Trying {len(chosen):,} of {len(found.files):,} files, "
        + (f"the first {lines:,} records of each" if lines else "all records of each")
    )
    today = dt.datetime.now(dt.UTC).date()
    is_set = settings.source == source.name
    erased = read_erased(settings.erased_path) if is_set and source.is_private else []
    readable: list[RecordFile] = []
    with Mapper(source, work / "work", hashing=hashing, erased=erased) as mapper:
        for relative, path in chosen:
            try:
                for file in record_files(source, relative, path):
                    _try_file(mapper, source, file, lines, tried)
                    readable.append(file)
            except SourceError as error:
                tried.problems.append(str(error))
        tried.is_whole = not tried.is_cut
        if tried.is_cut and size <= WHOLE_BYTES:
            tried.is_whole = True
            _find_days(mapper, source, found.files, tried)
        likely = [day for day in tried.days if FIRST_LIKELY_DAY <= day <= today]
        start_date = min(likely, default=FIRST_LIKELY_DAY)
        if has_start_date():
            start_date = settings.start_date
        for file in readable:
            # again, now that the first day is known
            partial: dict[Path, Path] = {}
            _, landed = map_file(
                mapper, source, file, work / "landing", start_date, today, partial, limit=lines
            )
            tried.erased += sum(mapper.erased(one) for one in mapper.prepared)
            tried.unbuilt += sum(one.lines for one in landed if not start_date <= one.day < today)
            for written, final in partial.items():
                written.replace(final)
    return tried, start_date


def _try_file(
    mapper: Mapper, source: MappedSource, file: RecordFile, lines: int | None, tried: Tried
) -> None:
    fixed = source.day_of(file.name)
    counts = mapper.map(file, limit=lines)
    tried.is_cut = tried.is_cut or mapper.is_cut
    tried.files.append(file.name)
    for path, meant in mapper.missing_fields().items():
        tried.missing.setdefault(path, {})[file.name] = meant
        tried.naming[path] = [one.select.path.name for one in mapper.prepared if path in one.fields.paths]
    tried.records += counts.records
    tried.unreadable += counts.unreadable
    tried.mapped.update(counts.mapped)
    tried.ignored = (
        None if tried.ignored is None or counts.ignored is None else tried.ignored + counts.ignored
    )
    tried.days.update([fixed] if fixed else mapper.days())
    wanted = EXAMPLES - len(tried.examples)
    tried.examples += [
        # the record of a source with personal data is not shown
        f"{file.name}, record {line}{'' if source.is_private else f': {_short(text)}'}"
        for line, text in mapper.ignored(wanted)
    ]
    for one in mapper.prepared:
        if counts.mapped[one.contract.log] and one.contract.log not in tried.previews:
            tried.previews[one.contract.log] = _preview(mapper, one)


def _find_days(mapper: Mapper, source: MappedSource, files: Mapping[str, Path], tried: Tried) -> None:
    """Add the days of all records of all files to those of the sample."""
    for relative, path in files.items():
        try:
            for file in record_files(source, relative, path):
                if fixed := source.day_of(file.name):
                    tried.days.add(fixed)
                else:
                    mapper.map(file)
                    tried.days.update(mapper.days())
        except SourceError as error:
            if str(error) not in tried.problems:
                tried.problems.append(str(error))


def _preview(mapper: Mapper, one: Prepared) -> str:
    names, rows = mapper.preview(one, ROWS)
    cells = [names, *(["" if value is None else str(value) for value in row] for row in rows)]
    cells = [
        [cell if len(cell) <= CELL_CHARS else f"{cell[: CELL_CHARS - 3]}..." for cell in row] for row in cells
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


@contextlib.contextmanager
def load_tried(
    settings: Settings,
    source: MappedSource,
    hashing: KeyedHash | None,
    landing_dir: Path,
    tried: Tried,
    start_date: dt.date,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with what was mapped, loaded as by the runs of the commands that are shown; keeps books."""
    logs = [select.log for select in source.selects]
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    days = {dt.date.fromisoformat(path.name) for path in landing_dir.glob("*/*")}
    days = {day for day in days if start_date <= day <= yesterday}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        create_raw_tables(connection)
        if days:
            rates = read_rates(PROJECT_DIR / "dbt_project" / "seeds" / "exchange_rates.csv")
            for first, last in ranges_of(Window(min(days), max(days))):
                load_deliveries(
                    connection,
                    landing_dir,
                    list(Window(first, last)),
                    logs=logs,
                    start_date=start_date,
                    rates=rates,
                    session_max_hours=settings.session_max_hours,
                    hashing=hashing,
                    event_types=tuple(source.events),
                )
            tried.books = keep_books(connection, logs)
        yield connection


def _print_logs(connection: duckdb.DuckDBPyConnection, source: MappedSource, tried: Tried) -> None:
    for log in [select.log for select in source.selects]:
        print(f"\n{log} ({log}.sql): {tried.mapped[log]:,} rows")
        own = [books for (_, name), books in tried.books.items() if name == log]
        if own:
            _print_log(connection, log, own)
        print(tried.previews.get(log, "    no row: no record is of this log, or the SELECT leaves all out"))


def _print_log(connection: duckdb.DuckDBPyConnection, log: str, books: Sequence[Books]) -> None:
    rejected: Counter[str] = Counter()
    for one in books:
        rejected.update(one.rejected)
    print(
        f"  received: {sum(one.received for one in books):,} = accepted: {sum(one.accepted for one in books):,} + "
        f"duplicate: {sum(one.duplicate for one in books):,} + rejected: {rejected.total():,}"
    )
    for reason, count in sorted(rejected.items(), key=lambda item: (-item[1], item[0])):
        print(f"  rejected as {reason}: {count:,}")
        examples = connection.execute(
            """select message, raw_line from leap_raw.rejected_line where log = ? and reason = ?
            order by delivery_date, source_file, line_number limit ?""",
            [log, reason, EXAMPLES],
        ).fetchall()
        for message, line in examples:
            print(f"      {message}\n          {_short(line or '')}")
        if reason == UNKNOWN_TYPE:
            _print_unknown_types(connection, log)


def _print_unknown_types(connection: duckdb.DuckDBPyConnection, log: str) -> None:
    """The event types of the lines that were rejected for theirs, as tables that declare them."""
    found = connection.execute(
        """select json_extract_string(try_cast(raw_line as json), '$.event_type') as event_type, count(*)
        from leap_raw.rejected_line where log = ? and reason = ? group by 1 order by 2 desc, 1""",
        [log, UNKNOWN_TYPE],
    ).fetchall()
    # the text of a line of a source with personal data is a hash
    types = [(name, count) for name, count in found if name and EVENT_NAME.fullmatch(name)]
    if types:
        print("    of these types; to have them accepted, declare them in source.toml:")
    for name, count in types[:SHOWN_FIELDS]:
        print(f"      [events.{toml_key(name)}]  # {count:,} lines")
    if len(types) > SHOWN_FIELDS:
        print(f"      and {len(types) - SHOWN_FIELDS:,} more")


def _print_fields(tried: Tried) -> None:
    """Say which fields that SELECTs name no record has: such a value is null in every row."""
    missing = {path: files for path, files in tried.missing.items() if len(files) == len(tried.files)}
    if not missing:
        return
    count = "the file" if len(tried.files) == 1 else f"any of the {len(tried.files):,} files"
    print(f"\nfields that a SELECT names and no record of {count} has:")
    for path, files in [*sorted(missing.items())][:SHOWN_FIELDS]:
        meant = next((name for name in files.values() if name), None)
        hint = f" Did you mean {shown_path([*path[:-1], meant])}?" if meant else ""
        print(f"      {shown_path(path)} ({', '.join(tried.naming[path])}).{hint}")
    if len(missing) > SHOWN_FIELDS:
        print(f"      and {len(missing) - SHOWN_FIELDS:,} more")


def _print_books(tried: Tried) -> None:
    if not tried.books:
        return
    cut = (
        " of this sample; repeats and rejections of the other records are not in them (all: ALL=1)"
        if tried.is_cut
        else ", as a run keeps them"
    )
    print(f"\nbooks by delivery day{cut}:\n")
    names = ("day", "log", "received", "accepted", "duplicate", "rejected")
    rows = []
    for (day, log), books in sorted(tried.books.items()):
        figures = (books.received, books.accepted, books.duplicate, sum(books.rejected.values()))
        rows.append((str(day), log, *(f"{figure:,}" for figure in figures)))
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    for row in (names, *rows[:SHOWN_BOOKS]):
        texts = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        print("    " + "  ".join(texts + numbers))
    if len(rows) > SHOWN_BOOKS:
        print(f"    and {len(rows) - SHOWN_BOOKS:,} more")
    if tried.unbuilt:
        print(
            f"\nrows of days before the first of the warehouse, or that are not over yet: {tried.unbuilt:,}"
        )
    if tried.erased:
        print(f"\nrows of erased players that are left out: {tried.erased:,}")


def _print_ignored(tried: Tried) -> None:
    if tried.ignored is None:
        print(
            "\nignored: unknown. A SELECT that groups, joins or unites tells which records it used when it returns "
            "line_number, or list(line_number) as line_numbers, too."
        )
        return
    print(f"\nignored (records that no SELECT returned): {tried.ignored:,}")
    for example in tried.examples:
        print(f"      {example}")


def _print_days(
    settings: Settings, source: MappedSource, folder: Path, tried: Tried, start_date: dt.date
) -> None:
    today = dt.datetime.now(dt.UTC).date()
    days = sorted(day for day in tried.days if start_date <= day <= today)
    odd = len(tried.days) - len(days)
    if odd:
        print(
            f"\n{odd:,} other days are before {start_date} or in the future: bad clocks, which are rejected."
        )
    if not days:
        return
    last = min(days[-1], today - dt.timedelta(days=1))
    count = f"{len(days):,} day{'s' if len(days) > 1 else ''}"
    print(
        f"\n{'All files together hold' if tried.is_whole else 'The sample holds'} {count}, "
        f"from {days[0]} to {days[-1]}{'' if tried.is_whole else ' (a run tells those of the rest)'}. "
        "To build them:\n\n"
        + "".join(f"    {line}\n" for line in _environment(settings, source, folder, start_date))
        + "\n".join(
            f"    .venv/bin/dagster asset materialize --select '*' --partition-range {first}...{end} "
            "-m leap_assets.definitions"
            for first, end in ranges_of(Window(start_date, max(last, start_date)))
        )
    )
    if settings.start_date > start_date:
        print(
            f"\nLEAP_START_DATE is {settings.start_date} now: what happened before it would be "
            "rejected as out_of_window."
        )


def _environment(
    settings: Settings, source: MappedSource, folder: Path, start_date: dt.date
) -> Iterator[str]:
    """Commands that set what a run needs and the environment does not have yet."""
    is_set = settings.source == source.name
    exports = [] if is_set else [f"LEAP_SOURCE={source.name}", f"LEAP_DATA_DIR=$PWD/my-{source.name}"]
    if not is_set or settings.start_date > start_date:
        exports.append(f"LEAP_START_DATE={start_date}")
    if not is_set or settings.delivered_dir.absolute() != folder:
        exports.append(f"LEAP_DELIVERED_DIR={shlex.quote(str(folder))}")
    if exports:
        yield f"export {' '.join(exports)}"
    if not (is_set and has_dagster_home()):
        home = (
            "$LEAP_DATA_DIR/dagster"
            if not is_set
            else shlex.quote(str(settings.data_dir.absolute() / "dagster"))
        )
        yield f"export DAGSTER_HOME={home}"
        yield 'mkdir -p $DAGSTER_HOME && sed "s#data/dagster#$DAGSTER_HOME#" dagster.yaml > $DAGSTER_HOME/dagster.yaml'


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_CHARS else f"{flat[:SHOWN_CHARS]}..."


if __name__ == "__main__":
    sys.exit(main())
