"""Deliveries into leap_raw: every valid line into its log's table, every other into rejected_line, all counted.

One call replaces a window of delivery days of some logs in one transaction; whatever cannot be read is refused
before anything changed. The rules of a line are generated in `validation.py`.
"""

import csv
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.landing.contracts import CONTRACTS, LINEAGE, Column, Contract
from leap_assets.landing.files import LandedFile, LandingError, list_files, unreadable
from leap_assets.landing.records import read_csv_header, read_csv_records, read_records
from leap_assets.landing.validation import (
    IS_NESTED,
    Value,
    check_lines_sql,
    quote_identifier,
    quote_literal,
)

WRONG_DAY_MIN_LINES = 10
# a file whose lines are all out of the window was put into the wrong folder; fewer may be a few bad clocks
BATCH_BYTES = 64 * 1024 * 1024
# small files are checked together: a statement a file would cost more than its lines

REJECTED_LINE = (
    Column("log", "text", "Log that the line was delivered for"),
    *LINEAGE[1:],
    Column("reason", "text", "Rule that the line breaks"),
    Column("message", "text", "What is wrong, with the column and its value"),
    Column("raw_line", "text", "The line as delivered; bytes that are not UTF-8 as \\xFF"),
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


def read_rates(seed: Path) -> dict[str, dt.date]:
    """First day with an exchange rate, by currency, from the dbt seed exchange_rates."""
    first: dict[str, dt.date] = {}
    with seed.open(newline="") as file:
        for row in csv.DictReader(file):
            day = dt.date.fromisoformat(row["valid_from"])
            first[row["currency"]] = min(day, first.get(row["currency"], day))
    return first


def load_deliveries(
    connection: duckdb.DuckDBPyConnection,
    landing_dir: Path,
    days: Sequence[dt.date],
    *,
    logs: Iterable[str] = tuple(CONTRACTS),
    start_date: dt.date,
    rates: Mapping[str, dt.date],
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
    create_raw_tables(connection)
    connection.begin()
    try:
        loaded = [
            row
            for log, files in deliveries.items()
            for row in _load_log(connection, CONTRACTS[log], files, days, start_date, rates, say)
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
    start_date: dt.date,
    rates: Mapping[str, dt.date],
    say: Callable[[str], None],
) -> list[Loaded]:
    window = [days[0], days[-1]]
    connection.execute(f"delete from leap_raw.{contract.table} where delivery_date between ? and ?", window)
    for table in ("rejected_line", "delivery"):
        connection.execute(
            f"delete from leap_raw.{table} where log = ? and delivery_date between ? and ?",
            [contract.log, *window],
        )
    received = dict.fromkeys(range(len(files)), 0)
    for batch in _batches(connection, contract, files):
        for index, lines in batch.received.items():
            received[index] += lines
        _store(connection, contract, batch, start_date, rates)
    _refuse_wrong_days(connection, contract, files, received)
    for index, file in enumerate(files):
        if not received[index]:
            say(f"{file.path} is empty: it brings nothing. If that is not meant, deliver it again.")
    return _book(connection, contract, files, received, days)


@dataclasses.dataclass(frozen=True)
class _Batch:
    """Lines that can be checked by one statement.

    `source` is the relation that `check_lines_sql` wants, `values` says where its columns are, `received` counts the
    lines of each file. `kept` is SQL of a rejected line's text, worked out for those alone from the columns `carried`.
    """

    source: str
    values: Mapping[str, Value]
    received: Mapping[int, int]
    kept: str = "coalesce(rtrim(text, chr(13) || chr(10)), damaged::varchar)"
    carried: str = "text, damaged"
    is_nested: str = ""
    is_cheap: bool = False


def _batches(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[LandedFile]
) -> Iterator[_Batch]:
    """Read the files of a log, grouped by what one statement can check."""
    indexed = list(enumerate(files))
    yield from _json_batches(connection, contract, [x for x in indexed if x[1].format in ("ndjson", "json")])
    yield from _csv_batches(connection, contract, [x for x in indexed if x[1].format == "csv"])
    yield from _parquet_batches(connection, contract, [x for x in indexed if x[1].format == "parquet"])


def _together(
    tables: Iterable[tuple[int, LandedFile, pa.Table]],
) -> Iterator[tuple[pa.Table, dict[int, int]]]:
    """Join small tables of lines into batches; also the number of lines of each file in the batch."""
    parts: list[pa.Table] = []
    received: dict[int, int] = {}
    size = 0
    for index, file, table in tables:
        parts.append(_with_origin(table, file))
        received[index] = received.get(index, 0) + len(table)
        size += table.nbytes
        if size >= BATCH_BYTES:
            yield pa.concat_tables(parts), received
            parts, received, size = [], {}, 0
    if parts:
        yield pa.concat_tables(parts), received


def _with_origin(table: pa.Table, file: LandedFile) -> pa.Table:
    """Lines with the delivery day and file that they came from.

    As columns, not by a join: DuckDB takes registered lines for few and would build its hash table over all of them.
    """
    same = pa.array(np.zeros(len(table), np.int32))
    for name, value in (("delivery_date", file.delivery_date), ("source_file", file.source_file)):
        table = table.append_column(name, pa.DictionaryArray.from_arrays(same, pa.array([value])))
    return table


def _json_batches(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[tuple[int, LandedFile]]
) -> Iterator[_Batch]:
    fields = ", ".join(f'"{name}": "VARCHAR"' for name in contract.names)
    tables = ((index, file, table) for index, file in files for table in read_records(file))
    for lines, received in _together(tables):
        connection.register("landed_lines", lines)
        # from_json fails for the whole statement on a text that is no JSON, and `try` makes a vector slow for one
        source = f"""(
            select
                *,
                coalesce(starts_with(ltrim(text), '{{'), false) and record is not null as is_parsed
            from (
                select *, case when json_valid(text) then from_json(text, '{{{fields}}}') end as record
                from landed_lines
            )
        )"""
        values = {name: Value(f"record.{quote_identifier(name)}", is_text=True) for name in contract.names}
        is_nested = IS_NESTED.replace("{json}", "case when is_parsed then text end")
        yield _Batch(source, values, received, is_nested=is_nested)
        connection.unregister("landed_lines")


def _csv_batches(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[tuple[int, LandedFile]]
) -> Iterator[_Batch]:
    by_header: dict[tuple[str, ...], list[tuple[int, LandedFile]]] = {}
    for index, file in files:
        header = tuple(read_csv_header(file))
        if header and not set(header) & set(contract.names):
            raise LandingError(
                f"{file.path} has no column of the log {contract.log} in its first line ({', '.join(header)[:200]}). "
                f"Its header must name columns among {', '.join(contract.names)}; nothing was loaded."
            )
        by_header.setdefault(header, []).append((index, file))
    for header, group in by_header.items():
        tables = ((i, file, table) for i, file in group for table in read_csv_records(file, len(header)))
        for lines, received in _together(tables):
            connection.register("landed_lines", lines)
            source = f"""(
                select
                    *,
                    coalesce(len(record) = {len(header)}, false) as is_parsed
                from (
                    select *, coalesce(fields, string_split(rtrim(text, chr(13) || chr(10)), ',')) as record
                    from landed_lines
                )
            )"""
            values = {
                name: Value(f"record[{header.index(name) + 1}]", is_text=True)
                for name in contract.names
                if name in header
            }
            yield _Batch(source, values, received)
            connection.unregister("landed_lines")


def _parquet_batches(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[tuple[int, LandedFile]]
) -> Iterator[_Batch]:
    by_schema: dict[str, list[tuple[int, LandedFile, int]]] = {}
    for index, file in files:
        if file.compression:
            raise LandingError(
                f"{file.path}: Parquet files carry their own compression. Decompress it first; nothing was loaded."
            )
        try:
            with pq.ParquetFile(file.path) as opened:
                schema, rows = opened.schema_arrow, opened.metadata.num_rows
        except (OSError, pa.ArrowException) as error:
            raise unreadable(file, error) from error
        if not set(schema.names) & set(contract.names):
            raise LandingError(
                f"{file.path} has no column of the log {contract.log} (it has {', '.join(schema.names)[:200]}). "
                f"It must have columns among {', '.join(contract.names)}; nothing was loaded."
            )
        by_schema.setdefault(str(schema.remove_metadata()), []).append((index, file, rows))
    for group in by_schema.values():
        paths = ", ".join(quote_literal(_escape_glob(str(file.path))) for _, file, _ in group)
        scan = f"read_parquet([{paths}], filename = 'landed_path', file_row_number = true)"
        described = connection.execute(f"describe select * from {scan}").fetchall()
        types = {name: kind for name, kind, *_ in described}
        own = [name for name in types if name not in ("landed_path", "file_row_number")]
        # a struct keeps the row as it was, but only rejected rows ever ask for it
        row = ", ".join(f"{quote_identifier(name)} := {quote_identifier(name)}" for name in own)
        connection.execute(
            """create or replace temp table landed_path (
                landed_path varchar, delivery_date date, source_file varchar
            )"""
        )
        origins = [(str(file.path), file.delivery_date, file.source_file) for _, file, _ in group]
        connection.executemany("insert into landed_path values (?, ?, ?)", origins)
        source = f"""(
            select
                scan.*, landed_path.delivery_date, landed_path.source_file,
                file_row_number + 1 as line_number, true as is_parsed, struct_pack({row}) as landed_row
            from {scan} as scan join landed_path using (landed_path)
        )"""
        values = {
            column.name: _parquet_value(column, types[column.name])
            for column in contract.columns
            if column.name in types
        }
        yield _Batch(
            source,
            values,
            {index: count for index, _, count in group},
            kept="to_json(landed_row)::varchar",
            carried="landed_row",
            is_cheap=True,
        )


def _parquet_value(column: Column, physical: str) -> Value:
    name = quote_identifier(column.name)
    if column.type == "object" and physical.startswith(("STRUCT", "MAP")):
        # nested properties are checked as the JSON that the text formats have
        return Value(f"to_json({name})::varchar", is_text=True)
    return Value(name, is_text=physical in ("VARCHAR", "JSON"), physical=physical)


def _escape_glob(path: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def _store(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    batch: _Batch,
    start_date: dt.date,
    rates: Mapping[str, dt.date],
) -> None:
    """Check one batch and append its rows to the log's table and to rejected_line."""
    checked = check_lines_sql(
        contract,
        batch.source,
        batch.values,
        start_date=start_date.isoformat(),
        rates=rates,
        kept=batch.kept,
        carried=batch.carried,
        is_nested=batch.is_nested,
    )
    names = ", ".join(quote_identifier(column.name) for column in raw_columns(contract))
    if batch.is_cheap:
        # Parquet is cheap to scan twice, and typed rows need no copy in between
        relation = f"({checked})"
    else:
        connection.execute(f"create or replace temp table checked_lines as {checked}")
        relation = "checked_lines"
    connection.execute(
        f"insert into leap_raw.{contract.table} ({names}) select {names} from {relation} where reason is null"
    )
    connection.execute(
        f"""insert into leap_raw.rejected_line
            (log, delivery_date, source_file, line_number, reason, message, raw_line)
        select ?, delivery_date, source_file, line_number, reason, message, raw_line
        from {relation} where reason is not null""",
        [contract.log],
    )


def _refuse_wrong_days(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    files: Sequence[LandedFile],
    received: Mapping[int, int],
) -> None:
    """Refuse a file whose lines all lie outside the window of its folder: it was put into the wrong one."""
    if contract.time is None:
        return
    out = dict(
        connection.execute(
            """select source_file, count(*) from leap_raw.rejected_line
            where log = ? and reason = 'out_of_window' and source_file in (select unnest(?))
            group by all""",
            [contract.log, [file.source_file for file in files]],
        ).fetchall()
    )
    for index, file in enumerate(files):
        lines = received[index]
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
    files: Sequence[LandedFile],
    received: Mapping[int, int],
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
    loaded = []
    for day in days:
        own = [index for index, file in enumerate(files) if file.delivery_date == day]
        row = Loaded(
            log=contract.log,
            delivery_date=day,
            files=len(own),
            received=sum(received[index] for index in own),
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
