"""`make check-source`: a mapped source tried on a sample of files, by the same mapping and contract check as a run.

Nothing is written but in a temporary folder. Shows by log what would be accepted, rejected and why, what is ignored,
and the first rows; then which days the files hold and the commands that build them.
"""

import argparse
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

from leap_assets.landing.contracts import CONTRACTS, Contract
from leap_assets.landing.files import LandingError
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.ingestion import load_deliveries, read_rates
from leap_assets.landing.validation import quote_identifier
from leap_assets.partitions import Window
from leap_assets.settings import (
    PROJECT_DIR,
    Settings,
    SettingsError,
    has_dagster_home,
    list_sources,
    load_settings,
)
from leap_assets.sources.declaration import MappedSource, SourceError, hashing_of, read_source
from leap_assets.sources.delivered import RecordFile, list_delivered, record_files
from leap_assets.sources.mapping import Mapper, Prepared
from leap_assets.sources.taking_in import map_file, ranges_of

WHOLE_BYTES = 300_000_000
# files of so many bytes in all are read to their ends, to tell which days they hold
LINES, FILES, EXAMPLES, ROWS = 1000, 20, 3, 5
SHOWN_CHARS = 160
CELL_CHARS = 28
FIRST_LIKELY_DAY = dt.date(2000, 1, 1)
# events before it are bad clocks, as a proposal for the first day of a warehouse


@dataclasses.dataclass
class Tried:
    """What came of the sample."""

    records: int = 0
    unreadable: int = 0
    ignored: int | None = 0
    mapped: Counter[str] = dataclasses.field(default_factory=Counter)
    days: set[dt.date] = dataclasses.field(default_factory=set)
    is_whole: bool = False
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
    parser.add_argument("--lines", type=int, default=LINES, help=f"records of each file to try ({LINES})")
    parser.add_argument(
        "--files", type=int, default=FILES, help=f"files to try ({FILES}), from first to last"
    )
    given = parser.parse_args(arguments)
    try:
        settings = load_settings()
        source = _read(settings, given.source)
        folder = (given.folder or settings.delivered_dir).absolute()
        hashing = hashing_of(source, settings.hash_key)
        return _check(settings, source, hashing, folder, given.lines, given.files)
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


def _check(
    settings: Settings, source: MappedSource, hashing: KeyedHash | None, folder: Path, lines: int, files: int
) -> int:
    if not folder.is_dir():
        # the mapping can be judged all the same
        with tempfile.TemporaryDirectory() as work, Mapper(source, Path(work), hashing=hashing):
            raise SourceError(
                f"{folder} does not exist. The mapping by itself is in order; to try it, give a folder of files: "
                f"make check-source SOURCE={source.name} DELIVERED=<folder>."
            )
    with tempfile.TemporaryDirectory() as temporary:
        tried, start_date = _try(source, hashing, folder, Path(temporary), lines, files)
        print(f"{source.name}: {source.description or 'no description'}")
        print(f"\nrecords tried: {tried.records:,}; of these cannot be read: {tried.unreadable:,}")
        _print_logs(
            source, hashing, Path(temporary) / "landing", tried, start_date, settings.session_max_hours
        )
    _print_ignored(tried)
    for problem in tried.problems:
        print(f"\nCannot be taken in: {problem}")
    _print_days(settings, source, folder, tried, start_date)
    return 1 if tried.problems else 0


def _try(
    source: MappedSource, hashing: KeyedHash | None, folder: Path, work: Path, lines: int, files: int
) -> tuple[Tried, dt.date]:
    """Map a sample into `work/landing`; gives what came of it and the first day that the warehouse should have."""
    tried = Tried()
    found = list_delivered(folder)
    tried.problems += found.problems
    every = max(1, -(-len(found.files) // max(files, 1)))
    sample = [*found.files.items()][::every]
    if not found.files:
        tried.problems.append(f"{folder} holds no file. Put the files of the game there.")
    print(f"Trying {len(sample):,} of {len(found.files):,} files, the first {lines:,} records of each")
    today = dt.datetime.now(dt.UTC).date()
    readable: list[RecordFile] = []
    with Mapper(source, work / "work", hashing=hashing) as mapper:
        for relative, path in sample:
            try:
                for file in record_files(source, relative, path):
                    _try_file(mapper, source, file, lines, tried)
                    readable.append(file)
            except SourceError as error:
                tried.problems.append(str(error))
        tried.is_whole = sum(path.stat().st_size for path in found.files.values()) <= WHOLE_BYTES
        if tried.is_whole:
            _find_days(mapper, source, found.files, tried)
        likely = [day for day in tried.days if FIRST_LIKELY_DAY <= day <= today]
        start_date = min(likely, default=FIRST_LIKELY_DAY)
        for file in readable:
            # again, now that the first day is known
            partial: dict[Path, Path] = {}
            map_file(mapper, source, file, work / "landing", start_date, today, partial, limit=lines)
            for written, final in partial.items():
                written.replace(final)
    return tried, start_date


def _try_file(mapper: Mapper, source: MappedSource, file: RecordFile, lines: int, tried: Tried) -> None:
    fixed = source.day_of(file.name)
    counts = mapper.map(file, limit=lines)
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


def _print_logs(
    source: MappedSource,
    hashing: KeyedHash | None,
    landing_dir: Path,
    tried: Tried,
    start_date: dt.date,
    session_max_hours: float,
) -> None:
    days = sorted({dt.date.fromisoformat(path.name) for path in landing_dir.glob("*/*")})
    logs = [select.log for select in source.selects]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        if days:
            rates = read_rates(PROJECT_DIR / "dbt_project" / "seeds" / "exchange_rates.csv")
            load_deliveries(
                connection,
                landing_dir,
                days,
                logs=logs,
                start_date=start_date,
                rates=rates,
                session_max_hours=session_max_hours,
                hashing=hashing,
            )
        for log in logs:
            print(f"\n{log} ({log}.sql): {tried.mapped[log]:,} rows")
            if days:
                _print_books(connection, CONTRACTS[log])
            print(
                tried.previews.get(log, "    no row: no record is of this log, or the SELECT leaves all out")
            )


def _print_books(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    key = ", ".join(quote_identifier(name) for name in contract.key)
    accepted, distinct = connection.execute(
        f"select count(*), count(distinct ({key})) from leap_raw.{contract.table}"
    ).fetchall()[0]
    print(
        f"  accepted: {accepted:,}, of these repeats of the same {' and '.join(contract.key)}: "
        f"{accepted - distinct:,}"
    )
    reasons = connection.execute(
        "select reason, count(*) from leap_raw.rejected_line where log = ? group by 1 order by 2 desc, 1",
        [contract.log],
    ).fetchall()
    for reason, count in reasons:
        print(f"  rejected as {reason}: {count:,}")
        examples = connection.execute(
            """select message, raw_line from leap_raw.rejected_line where log = ? and reason = ?
            order by source_file, line_number limit ?""",
            [contract.log, reason, EXAMPLES],
        ).fetchall()
        for message, line in examples:
            print(f"      {message}\n          {_short(line or '')}")


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
