"""Deliveries into leap_raw: every valid line into its log's table, every other into rejected_line, all counted.

One call replaces a window of delivery days of some logs in one transaction; whatever cannot be read is refused
before anything changed. The rules of a line are generated in `validation.py`.
"""

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from leap_assets.landing.contracts import (
    CONTRACTS,
    LINEAGE,
    SESSION_MAX_HOURS,
    Column,
    Contract,
    with_event_types,
)
from leap_assets.landing.files import LandedFile, LandingError, list_files
from leap_assets.landing.hashing import TEXT_PREFIX, KeyedHash
from leap_assets.landing.relations import (
    KEPT_UNREADABLE,
    Relation,
    TextLines,
    find_unreadable,
    list_relations,
    stream_lines,
)
from leap_assets.landing.validation import check_lines_sql, quote_identifier, quote_literal

WRONG_DAY_MIN_LINES = 10
# a file whose lines are all out of the window was put into the wrong folder; fewer may be a few bad clocks
STREAMED_LINES = 1_000_000
# of text in one statement, whole files: DuckDB gives back what it took for a line when the statement ends, and each
# statement leaves row groups half full
OTHER = "source_file, line_number"
# what picks a row of a Parquet file
REREAD_LINES = 4_000_000
# of files with rejected lines, so many are looked through together: a statement a file would cost more than its lines

REJECTED_LINE = (
    Column("log", "text", "Log that the line was delivered for"),
    *LINEAGE[1:],
    Column("reason", "text", "Rule that the line breaks"),
    Column("message", "text", "What is wrong, with the column and its value"),
    Column(
        "raw_line",
        "text",
        "The line as delivered, bytes that are not UTF-8 as \\xFF; of a source with personal data a keyed hash",
    ),
)
DELIVERY = (
    Column("log", "text", "Log"),
    Column("delivery_date", "date", "UTC day of the landing folder"),
    Column("files", "integer", "Files read"),
    Column("received", "integer", "Lines read, empty ones apart"),
)


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What one call of `load_deliveries` did to one log and delivery day."""

    log: str
    delivery_date: dt.date
    files: int
    received: int
    valid: int
    rejected: int


@dataclasses.dataclass(frozen=True)
class _Rules:
    """What decides about lines beside their contract."""

    start_date: dt.date
    rates: Mapping[str, dt.date]
    session_max_hours: float
    hashing: KeyedHash | None


def raw_columns(contract: Contract) -> tuple[Column, ...]:
    """Columns of a log's table in leap_raw: as delivered, then the known properties, then where they come from."""
    return contract.columns + contract.properties + LINEAGE


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create leap_raw and its tables where they do not exist yet."""
    connection.execute("create schema if not exists leap_raw")
    tables = {contract.table: raw_columns(contract) for contract in CONTRACTS.values()}
    for table, columns in {**tables, "rejected_line": REJECTED_LINE, "delivery": DELIVERY}.items():
        body = ", ".join(f"{quote_identifier(column.name)} {column.sql_type}" for column in columns)
        connection.execute(f"create table if not exists leap_raw.{table} ({body})")


def load_deliveries(
    connection: duckdb.DuckDBPyConnection,
    landing_dir: Path,
    days: Sequence[dt.date],
    *,
    logs: Iterable[str] = tuple(CONTRACTS),
    start_date: dt.date,
    rates: Mapping[str, dt.date],
    session_max_hours: float = SESSION_MAX_HOURS,
    hashing: KeyedHash | None = None,
    event_types: Sequence[str] = (),
    say: Callable[[str], None] = lambda sentence: None,
) -> list[Loaded]:
    """Replace the rows that some delivery days brought, for some logs, in one transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Open for writing, session time zone UTC.
    landing_dir : Path
        Folder of `<log>/<YYYY-MM-DD>/*`.
    days : sequence of date
        Delivery days, consecutive.
    logs : iterable of str
        Names from `CONTRACTS`.
    start_date : date
        First day of the warehouse.
    rates : mapping
        First day with an exchange rate, by currency.
    session_max_hours : float
        A session may be this long; a longer one is out_of_window.
    hashing : KeyedHash, optional
        For a source with personal data: rejected lines keep a hash instead of their text, messages no values.
    event_types : sequence of str
        Types of client events that the source declares beside Leap's own.
    say : callable
        Receives sentences about progress and oddities.

    Returns
    -------
    list of Loaded
        One per log and day, also for days without a file.

    Raises
    ------
    LandingError
        For a file that cannot be read, has no usable columns, or belongs to another day. Nothing was written.
    """
    deliveries = {log: list_files(landing_dir, log, days) for log in logs}
    return load_files(
        connection,
        deliveries,
        days,
        start_date=start_date,
        rates=rates,
        session_max_hours=session_max_hours,
        hashing=hashing,
        event_types=event_types,
        say=say,
    )


def load_files(
    connection: duckdb.DuckDBPyConnection,
    deliveries: Mapping[str, Sequence[LandedFile]],
    days: Sequence[dt.date],
    *,
    start_date: dt.date,
    rates: Mapping[str, dt.date],
    session_max_hours: float = SESSION_MAX_HOURS,
    hashing: KeyedHash | None = None,
    event_types: Sequence[str] = (),
    say: Callable[[str], None] = lambda sentence: None,
) -> list[Loaded]:
    """Like `load_deliveries`, of files by log that somebody else has listed."""
    rules = _Rules(start_date, rates, session_max_hours, hashing)
    create_raw_tables(connection)
    connection.begin()
    try:
        loaded = [
            row
            for log, files in deliveries.items()
            for row in _load_log(
                connection, with_event_types(CONTRACTS[log], event_types), files, days, rules, say
            )
        ]
        connection.commit()
    except BaseException as error:
        connection.rollback()
        if isinstance(error, duckdb.Error) and any(deliveries.values()):
            error.add_note("It happened while reading landing/; nothing was loaded.")
        raise
    return loaded


def _load_log(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    files: Sequence[LandedFile],
    days: Sequence[dt.date],
    rules: _Rules,
    say: Callable[[str], None],
) -> list[Loaded]:
    window = [days[0], days[-1]]
    connection.execute(f"delete from leap_raw.{contract.table} where delivery_date between ? and ?", window)
    for table in ("rejected_line", "delivery"):
        connection.execute(
            f"delete from leap_raw.{table} where log = ? and delivery_date between ? and ?",
            [contract.log, *window],
        )
    received: dict[LandedFile, int] = {}
    for relation in list_relations(connection, contract, files):
        received |= _store(connection, contract, relation, rules)
    _refuse_wrong_days(connection, contract, received)
    for file in files:
        if not received[file]:
            say(f"{file.path} is empty: it brings nothing. If that is not meant, deliver it again.")
    return _book(connection, contract, received, days)


def _store(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    relation: Relation,
    rules: _Rules,
) -> Mapping[LandedFile, int]:
    """Append the valid lines of some files to the log's table and all others to rejected_line.

    Returns how many lines each file has. Text is streamed: its valid lines in one statement, then, of the files that
    have others, the lines that did not get in, read once more. They are few, and keeping them would need memory.
    """
    kept, parameters, hashing = relation.kept, None, rules.hashing
    if hashing and kept != KEPT_UNREADABLE:
        # what that is was hashed before it was written to landing/
        kept, parameters = f"{quote_literal(TEXT_PREFIX)} || {hashing.sql(kept)}", hashing.parameters

    def checked(source: str) -> str:
        return check_lines_sql(
            contract,
            source,
            relation.values,
            start_date=rules.start_date.isoformat(),
            rates=rules.rates,
            kept=kept,
            carried=relation.carried,
            is_nested=relation.is_nested,
            is_double=relation.is_double,
            session_max_hours=rules.session_max_hours,
            origin=relation.origin,
            quotes_values=hashing is None,
        )

    names = ", ".join(quote_identifier(column.name) for column in raw_columns(contract))
    insert_valid = (
        f"insert into leap_raw.{contract.table} ({names}) "
        f"select {names} from ({checked(relation.sql)}) where reason is null"
    )
    columns = ", ".join(column.name for column in REJECTED_LINE)
    # of Parquet files the lines are picked by their numbers, of text the others are not even read
    others = (
        relation.sql
        if relation.text
        else f"(select * from {relation.sql} semi join other_line using ({OTHER}))"
    )
    insert_rejected = (
        f"insert into leap_raw.rejected_line ({columns}) "
        f"select {columns} from (select *, {quote_literal(contract.log)} as log from ({checked(others)})) "
        "where reason is not null"
    )
    if relation.text is None:
        try:
            connection.execute(insert_valid, parameters)
            for valid in _valid_numbers(connection, contract, relation.rows):
                with _other_rows(connection, relation.rows, valid):
                    connection.execute(insert_rejected, parameters)
        except duckdb.Error as error:
            raise find_unreadable(connection, relation.files, error) or error from error
        return relation.rows
    received: dict[LandedFile, int] = {}
    while len(received) < len(relation.files):
        rest = relation.files[len(received) :]
        with stream_lines(connection, relation.text, _count_lines(relation.text, rest, received)):
            connection.execute(insert_valid, parameters)
    for valid in _valid_numbers(connection, contract, received):
        with stream_lines(connection, relation.text, _other_lines(relation.text, valid)):
            connection.execute(insert_rejected, parameters)
    return received


def _count_lines(
    text: TextLines, files: Sequence[LandedFile], received: dict[LandedFile, int]
) -> Iterator[tuple[LandedFile, pa.Table]]:
    """Lines of the first of some files, as many as one statement takes; `received` is counted up as they pass."""
    passed = 0
    for file in files:
        received[file] = 0
        for table in text.read(file):
            received[file] += len(table)
            yield file, table
        passed += received[file]
        if passed >= STREAMED_LINES:
            return


def _other_lines(
    text: TextLines, valid: Mapping[LandedFile, npt.NDArray[np.int64]]
) -> Iterator[tuple[LandedFile, pa.Table]]:
    """Lines of some files without those of the given numbers, which are in order."""
    for file, numbers in valid.items():
        passed = 0
        for table in text.read(file):
            if not len(table):
                continue
            own = table["line_number"].to_numpy()
            # only the numbers of this table: comparing with all would take the square of a file's lines
            first, passed = passed, passed + int(np.searchsorted(numbers[passed:], own[-1], side="right"))
            if passed - first == len(table):
                continue
            is_other = np.ones(len(table), bool)
            is_other[np.searchsorted(own, numbers[first:passed])] = False
            yield file, table.filter(pa.array(is_other))


@contextlib.contextmanager
def _other_rows(
    connection: duckdb.DuckDBPyConnection,
    rows: Mapping[LandedFile, int],
    valid: Mapping[LandedFile, npt.NDArray[np.int64]],
) -> Iterator[None]:
    """Let DuckDB see which rows of some Parquet files are not among the given numbers, as `other_line`."""
    tables = []
    for file, numbers in valid.items():
        others = np.setdiff1d(np.arange(1, rows[file] + 1), numbers, assume_unique=True)
        tables.append(pa.table({"source_file": [file.source_file] * len(others), "line_number": others}))
    connection.register("other_line", pa.concat_tables(tables))
    try:
        yield
    finally:
        connection.unregister("other_line")


def _valid_numbers(
    connection: duckdb.DuckDBPyConnection, contract: Contract, received: Mapping[LandedFile, int]
) -> Iterator[dict[LandedFile, npt.NDArray[np.int64]]]:
    """Numbers of the valid lines of the files that have others too, some files at a time."""
    days = [file.delivery_date for file in received]
    loaded = dict(
        connection.execute(
            f"""select source_file, count(*) from leap_raw.{contract.table}
            where delivery_date between ? and ? group by all""",
            [min(days), max(days)],
        ).fetchall()
    )
    lines = 0
    files: list[LandedFile] = []
    incomplete = [file for file, count in received.items() if count > loaded.get(file.source_file, 0)]
    for position, file in enumerate(incomplete):
        files.append(file)
        lines += received[file]
        if lines >= REREAD_LINES or position == len(incomplete) - 1:
            found = connection.execute(
                f"""select source_file, list(line_number) as line_numbers from leap_raw.{contract.table}
                where delivery_date between ? and ? and source_file in (select unnest(?)) group by all""",
                [files[0].delivery_date, files[-1].delivery_date, [file.source_file for file in files]],
            ).fetchnumpy()
            numbers = dict(zip(found["source_file"], found["line_numbers"], strict=True))
            yield {
                file: np.sort(numbers.get(file.source_file, np.empty(0, np.int64)), kind="stable")
                for file in files
            }
            lines, files = 0, []


def _refuse_wrong_days(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    received: Mapping[LandedFile, int],
) -> None:
    """Refuse a file whose lines all lie outside the window of its folder: it was put into the wrong one."""
    if contract.time is None:
        return
    out = dict(
        connection.execute(
            """select source_file, count(*) from leap_raw.rejected_line
            where log = ? and reason = 'out_of_window' and source_file in (select unnest(?))
            group by all""",
            [contract.log, [file.source_file for file in received]],
        ).fetchall()
    )
    for file, lines in received.items():
        if lines >= WRONG_DAY_MIN_LINES and out.get(file.source_file, 0) == lines:
            example = connection.execute(
                """select message from leap_raw.rejected_line where source_file = ? and log = ?
                order by line_number limit 1""",
                [file.source_file, contract.log],
            ).fetchall()[0][0]
            raise LandingError(
                f"{file.path} belongs to another day: none of its {lines} lines can have been delivered on "
                f"{file.delivery_date} ({example}). Move it to the folder of its day; nothing was loaded."
            )


def _book(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    received: Mapping[LandedFile, int],
    days: Sequence[dt.date],
) -> list[Loaded]:
    """Write the log's rows of leap_raw.delivery and check that no line got lost on the way."""
    window = [days[0], days[-1]]
    valid = dict(
        connection.execute(
            f"""select delivery_date, count(*) from leap_raw.{contract.table}
            where delivery_date between ? and ? group by all""",
            window,
        ).fetchall()
    )
    rejected = dict(
        connection.execute(
            """select delivery_date, count(*) from leap_raw.rejected_line
            where log = ? and delivery_date between ? and ? group by all""",
            [contract.log, *window],
        ).fetchall()
    )
    by_day: dict[dt.date, list[LandedFile]] = {}
    for file in received:
        by_day.setdefault(file.delivery_date, []).append(file)
    loaded = []
    for day in days:
        own = by_day.get(day, [])
        row = Loaded(
            log=contract.log,
            delivery_date=day,
            files=len(own),
            received=sum(received[file] for file in own),
            valid=valid.get(day, 0),
            rejected=rejected.get(day, 0),
        )
        if row.received != row.valid + row.rejected:
            raise LandingError(
                f"The books of log {row.log} on {day} do not balance: {row.received} lines were read, but "
                f"{row.valid} loaded and {row.rejected} rejected. A file may have changed while it was read: "
                "run the day again; nothing was loaded."
            )
        loaded.append(row)
    connection.executemany(
        "insert into leap_raw.delivery (log, delivery_date, files, received) values (?, ?, ?, ?)",
        [(row.log, row.delivery_date, row.files, row.received) for row in loaded],
    )
    return loaded
