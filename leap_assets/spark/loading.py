"""Deliveries into leap_raw on Spark: a file a task, by the loader of the embedded engine: the same rules and books.

A task loads its file into a DuckDB file of its own and hands the rows on. Nothing is written before all files of the
run have been read, so that a file that is refused changes nothing. The books are written last.
"""

import datetime as dt
import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from leap_assets.landing.contracts import CONTRACTS, Column
from leap_assets.landing.files import LandedFile, LandingError, describe_format, is_left_alone
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.ingestion import DELIVERY, REJECTED_LINE, Loaded, load_files, raw_columns
from leap_assets.landing.validation import quote_identifier
from leap_assets.spark.tables import create_table, replace_partitions, struct_type
from leap_assets.warehouse.connections import limit_memory

VALID, REJECTED, READ, SAID, REFUSED = "valid", "rejected", "read", "said", "refused"
BY_DAY, BY_LOG_AND_DAY = ("delivery_date",), ("log", "delivery_date")
BATCH_ROWS = 10_000
LOGS_AT_ONCE = 4


@dataclass(frozen=True)
class FileLoader:
    """Loads one file of a delivery on a worker; travels there with all that it needs."""

    log: str
    start_date: dt.date
    rates: Mapping[str, dt.date]
    session_max_hours: float
    hashing: KeyedHash | None
    memory_limit: str
    event_types: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        """What a task gives, as Spark writes it: the kind says which of the other columns count."""
        valid, rejected = (struct_type(columns) for columns in self._columns)
        return f"kind string, delivery_date date, received bigint, said string, valid {valid}, rejected {rejected}"

    @property
    def _columns(self) -> tuple[Sequence[Column], Sequence[Column]]:
        return raw_columns(CONTRACTS[self.log]), REJECTED_LINE

    def load(self, file: LandedFile) -> Iterator[pa.RecordBatch]:
        """The rows of a file, what was said of it, and how many lines it has; or why it is refused."""
        with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/file.duckdb") as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set threads = 1")
            limit_memory(connection, self.memory_limit)
            said: list[tuple[str, str]] = []
            try:
                [loaded] = load_files(
                    connection,
                    {self.log: [file]},
                    [file.delivery_date],
                    start_date=self.start_date,
                    rates=self.rates,
                    session_max_hours=self.session_max_hours,
                    hashing=self.hashing,
                    event_types=self.event_types,
                    say=lambda sentence: said.append((SAID, sentence)),
                )
            except LandingError as error:
                # a row, not an error: Spark would try the task again
                yield from self._tell(connection, file, [(REFUSED, str(error))])
                return
            yield from self._tell(connection, file, said)
            yield from self._rows(connection, READ, file, received=loaded.received)
            yield from self._rows(connection, VALID, file, table=f"leap_raw.{CONTRACTS[self.log].table}")
            yield from self._rows(connection, REJECTED, file, table="leap_raw.rejected_line")

    def _tell(
        self, connection: duckdb.DuckDBPyConnection, file: LandedFile, said: Iterable[tuple[str, str]]
    ) -> Iterator[pa.RecordBatch]:
        for kind, sentence in said:
            yield from self._rows(connection, kind, file, said=sentence)

    def _rows(
        self,
        connection: duckdb.DuckDBPyConnection,
        kind: str,
        file: LandedFile,
        *,
        table: str = "",
        received: int | None = None,
        said: str | None = None,
    ) -> Iterator[pa.RecordBatch]:
        structs = []
        for name, columns in zip((VALID, REJECTED), self._columns, strict=True):
            kinds = ", ".join(f"{quote_identifier(column.name)} {_sent_type(column)}" for column in columns)
            values = ", ".join(f"{quote_identifier(column.name)}::{_sent_type(column)}" for column in columns)
            structs.append(f"{f'row({values})' if name == kind else 'null'}::struct({kinds}) as {name}")
        result = connection.execute(
            f"""select ?::varchar as kind, ?::date as delivery_date, ?::bigint as received, ?::varchar as said,
            {", ".join(structs)} {f"from {table}" if table else ""}""",
            [kind, file.delivery_date, received, said],
        )
        yield from result.to_arrow_reader(BATCH_ROWS)


def _sent_type(column: Column) -> str:
    # a time of Spark is one with a zone to Arrow
    return "timestamptz" if column.sql_type == "timestamp" else column.sql_type


def list_uri_files(session: Any, uri: str, log: str, days: Sequence[dt.date]) -> tuple[list[LandedFile], Any]:
    """Files that were delivered of a log on some days below an address that the cluster can read.

    Returns
    -------
    list of LandedFile
        Their paths are names alone: a worker writes the content where its loader reads it.
    DataFrame
        Of `path` and `content`.
    """
    from pyspark.errors import AnalysisException

    pattern = f"{uri.rstrip('/')}/{log}/{{{','.join(day.isoformat() for day in days)}}}/*"
    try:
        frame = session.read.format("binaryFile").load(pattern)
        paths = sorted(row.path for row in frame.select("path").collect())
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in str(error):
            return [], None
        raise
    files = []
    for path in paths:
        *_, day, name = path.split("/")
        if is_left_alone(name):
            continue
        form, compression = describe_format(Path(name))
        files.append(LandedFile(log, dt.date.fromisoformat(day), Path(name), form, compression))
    return files, frame.select("path", "content")


def load_deliveries(
    session: Any,
    files: Mapping[str, Sequence[LandedFile]],
    days: Sequence[dt.date],
    *,
    start_date: dt.date,
    rates: Mapping[str, dt.date],
    session_max_hours: float,
    hashing: KeyedHash | None,
    event_types: Sequence[str] = (),
    memory_limit: str,
    contents: Mapping[str, Any],
    say: Callable[[str], None],
) -> list[Loaded]:
    """Replace the rows that some delivery days brought, for some logs.

    Parameters
    ----------
    session : SparkSession
    files : mapping from log to sequence of LandedFile
        In folders that the workers see under the same path, or listed by `list_uri_files`.
    days : sequence of date
        Delivery days, consecutive.
    start_date, rates, session_max_hours, hashing, event_types, say
        As of the embedded engine's loader.
    memory_limit : str
        Memory that a task's DuckDB takes before it works on disk.
    contents : mapping from log to DataFrame
        Of files that have addresses.

    Returns
    -------
    list of Loaded
        One per log and day.

    Raises
    ------
    LandingError
        For a file that cannot be read or belongs to another day. Nothing was written.
    """
    create_raw_tables(session)
    frames = {
        log: _read(
            session,
            FileLoader(
                log, start_date, dict(rates), session_max_hours, hashing, memory_limit, tuple(event_types)
            ),
            own,
            contents.get(log),
        ).persist()
        for log, own in files.items()
        if own
    }
    try:
        with ThreadPoolExecutor(LOGS_AT_ONCE) as threads:
            counted = dict(zip(frames, threads.map(_count, frames.values()), strict=True))
            _tell(counted.values(), say)
            loaded = [
                _book(log, own, day, counted.get(log, {})) for log, own in files.items() for day in days
            ]
            writes = [threads.submit(_write_valid, session, log, frames.get(log), loaded) for log in files]
            writes.append(threads.submit(_write_rejected, session, list(frames.values()), loaded))
            for write in writes:
                write.result()
    finally:
        for frame in frames.values():
            frame.unpersist()
    _write_books(session, loaded)
    return loaded


def create_raw_tables(session: Any) -> None:
    """Create leap_raw and its tables where they do not exist yet."""
    for contract in CONTRACTS.values():
        create_table(session, f"leap_raw.{contract.table}", raw_columns(contract), BY_DAY)
    create_table(session, "leap_raw.rejected_line", REJECTED_LINE, BY_LOG_AND_DAY)
    create_table(session, "leap_raw.delivery", DELIVERY, BY_LOG_AND_DAY)


def _read(session: Any, loader: FileLoader, files: Sequence[LandedFile], contents: Any) -> Any:
    if contents is None:
        # a file a task
        numbers = session.range(0, len(files), 1, len(files))

        def load(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for number in batch["id"].to_pylist():
                    yield from loader.load(files[number])

        return numbers.mapInArrow(load, loader.schema)

    def load_contents(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                *_, day, name = row["path"].split("/")
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, name)
                    path.write_bytes(row["content"])
                    for file in files:
                        if (file.delivery_date.isoformat(), file.path.name) == (day, name):
                            yield from loader.load(replace(file, path=path))

    return contents.repartition(len(files), "path").mapInArrow(load_contents, loader.schema)


def _count(frame: Any) -> dict[tuple[str, Any], Any]:
    """Lines that were read and rows of each kind by day; of what is said, by kind alone, the sentences."""
    rows = frame.groupBy("kind", "delivery_date").agg(
        {"*": "count", "received": "sum", "said": "collect_set"}
    )
    counts: dict[tuple[str, Any], Any] = {}
    for kind, day, number, received, sentences in rows.select(
        "kind", "delivery_date", "`count(1)`", "`sum(received)`", "`collect_set(said)`"
    ).collect():
        if kind in (SAID, REFUSED):
            counts.setdefault((kind, None), []).extend(sentences)
        else:
            counts[kind, day] = received if kind == READ else number
    return counts


def _tell(counted: Iterable[Mapping[tuple[str, Any], Any]], say: Callable[[str], None]) -> None:
    """Say what was said of files; refuse them all when one is refused."""
    counts = list(counted)
    if refused := [sentence for count in counts for sentence in count.get((REFUSED, None), [])]:
        raise LandingError(min(refused))
    for sentence in sorted(sentence for count in counts for sentence in count.get((SAID, None), [])):
        say(sentence)


def _book(
    log: str, files: Sequence[LandedFile], day: dt.date, counts: Mapping[tuple[str, Any], Any]
) -> Loaded:
    return Loaded(
        log=log,
        delivery_date=day,
        files=sum(file.delivery_date == day for file in files),
        received=counts.get((READ, day), 0),
        valid=counts.get((VALID, day), 0),
        rejected=counts.get((REJECTED, day), 0),
    )


def _write_valid(session: Any, log: str, frame: Any, loaded: Sequence[Loaded]) -> None:
    own = [row for row in loaded if row.log == log]
    replace_partitions(
        session,
        f"leap_raw.{CONTRACTS[log].table}",
        frame.where(f"kind = '{VALID}'").select("valid.*") if frame is not None else None,
        raw_columns(CONTRACTS[log]),
        BY_DAY,
        {(row.delivery_date,) for row in own if row.valid},
        [(row.delivery_date,) for row in own],
    )


def _write_rejected(session: Any, frames: Sequence[Any], loaded: Sequence[Loaded]) -> None:
    # all logs in one write: two that replace partitions of one table at once would be in each other's way
    rows = [frame.where(f"kind = '{REJECTED}'").select("rejected.*") for frame in frames]
    replace_partitions(
        session,
        "leap_raw.rejected_line",
        functools.reduce(lambda one, other: one.unionByName(other), rows) if rows else None,
        REJECTED_LINE,
        BY_LOG_AND_DAY,
        {(row.log, row.delivery_date) for row in loaded if row.rejected},
        [(row.log, row.delivery_date) for row in loaded],
    )


def _write_books(session: Any, loaded: Sequence[Loaded]) -> None:
    books = pa.Table.from_pylist(
        [
            {"log": row.log, "delivery_date": row.delivery_date, "files": row.files, "received": row.received}
            for row in loaded
        ],
        pa.schema(
            [
                ("log", pa.string()),
                ("delivery_date", pa.date32()),
                ("files", pa.int64()),
                ("received", pa.int64()),
            ]
        ),
    )
    days = {(row.log, row.delivery_date) for row in loaded}
    replace_partitions(
        session, "leap_raw.delivery", session.createDataFrame(books), DELIVERY, BY_LOG_AND_DAY, days, days
    )
