"""Landed files as relations that one statement can check: text as a stream of lines, Parquet as DuckDB scans it.

What becomes of the rows is decided in `ingestion.py`, what a line must contain in `validation.py`.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.landing.contracts import Column, Contract
from leap_assets.landing.files import LandedFile, LandingError, unreadable
from leap_assets.landing.records import (
    SCHEMA,
    csv_schema,
    field_names,
    read_csv_header,
    read_csv_records,
    read_records,
    with_fields,
)
from leap_assets.landing.validation import IS_JSON_DOUBLE, IS_NESTED, Value, quote_identifier, quote_literal

ORIGIN = (
    pa.field("delivery_date", pa.dictionary(pa.int32(), pa.date32())),
    pa.field("source_file", pa.dictionary(pa.int32(), pa.string())),
)
_SCAN_COLUMNS = ("landed_path", "file_row_number")
# what the scan of Parquet files adds to their columns
UNREADABLE = "unreadable"
DELIVERED = ("delivered_file", "delivered_line")
# Parquet columns of what a mapped source made: a record that could not be read, and where a row comes from
KEPT_UNREADABLE = f"landed_row.{UNREADABLE}"
MOST_SHOWN = 5
# files of which one cannot be read
IS_CSV_DOUBLE = (
    "case when {value} < ':' and contains({value}, '.0') then regexp_full_match({value}, '-?[0-9]+\\.0+') end"
)
# a whole number of a program that writes numbers as floating-point; of others, CSV cannot tell whether they are texts
BATCH_LINES = 10_000
# what one thread of DuckDB takes at a time


@dataclasses.dataclass(frozen=True)
class TextLines:
    """How text files are read: tables of lines, which DuckDB sees with their fields, in `schema`, as `landed_lines`."""

    read: Callable[[LandedFile], Iterator[pa.Table]]
    schema: pa.Schema = SCHEMA
    with_fields: Callable[[pa.Table], pa.Table] = lambda table: table


@dataclasses.dataclass(frozen=True)
class Relation:
    """Files of a log that one statement can check.

    `sql` is the relation that `check_lines_sql` wants, `values` says where its columns are. `kept` is SQL of a
    rejected line's text, worked out for those alone from the columns `carried`, and `origin` of where it comes from.
    `text` is None for Parquet, whose rows are known beforehand.
    """

    files: Sequence[LandedFile]
    sql: str
    values: Mapping[str, Value]
    text: TextLines | None = None
    rows: Mapping[LandedFile, int] = dataclasses.field(default_factory=dict)
    kept: str = "coalesce(rtrim(text, chr(13) || chr(10)), damaged::varchar)"
    carried: str = "text, damaged"
    is_nested: str = ""
    is_double: str = ""
    origin: str = "''"


def list_relations(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[LandedFile]
) -> Iterator[Relation]:
    """Group the files of a log by what one statement can check.

    Raises
    ------
    LandingError
        For a file that cannot be opened or has no column of the log.
    """
    yield from _json_relations(contract, [file for file in files if file.format in ("ndjson", "json")])
    yield from _csv_relations(contract, [file for file in files if file.format == "csv"])
    yield from _parquet_relations(connection, contract, [file for file in files if file.format == "parquet"])


@contextlib.contextmanager
def stream_lines(
    connection: duckdb.DuckDBPyConnection,
    text: TextLines,
    tables: Iterable[tuple[LandedFile, pa.Table]],
) -> Iterator[None]:
    """Let DuckDB read tables of lines as `landed_lines` while they are made, so that no file is held in memory.

    An error in reading them comes out as it is, not as DuckDB words it.
    """
    errors: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for file, table in tables:
                yield from _with_origin(text.with_fields(table), file).to_batches(max_chunksize=BATCH_LINES)
        except Exception as error:
            errors.append(error)
            raise

    schema = pa.schema([*text.schema, *ORIGIN])
    connection.register("landed_lines", pa.RecordBatchReader.from_batches(schema, batches()))
    try:
        yield
    except duckdb.Error:
        if errors:
            raise errors[0] from None
        raise
    finally:
        connection.unregister("landed_lines")


def _with_origin(table: pa.Table, file: LandedFile) -> pa.Table:
    """Lines with the delivery day and file that they came from.

    As columns, not by a join: DuckDB takes registered lines for few and would build its hash table over all of them.
    """
    same = pa.array(np.zeros(len(table), np.int32))
    for field, value in zip(ORIGIN, (file.delivery_date, file.source_file), strict=True):
        constant = pa.DictionaryArray.from_arrays(same, pa.array([value], field.type.value_type))
        table = table.append_column(field, constant)
    return table


def _json_relations(contract: Contract, files: Sequence[LandedFile]) -> Iterator[Relation]:
    if not files:
        return
    fields = ", ".join(f'"{name}": "VARCHAR"' for name in contract.names)
    # from_json fails for the whole statement on a text that is no JSON, and `try` makes a vector slow for one
    sql = f"""(
        select
            *,
            coalesce(starts_with(ltrim(text), '{{'), false) and record is not null as is_parsed
        from (
            select *, case when json_valid(text) then from_json(text, '{{{fields}}}') end as record
            from landed_lines
        )
    )"""
    values = {name: Value(f"record.{quote_identifier(name)}", is_text=True) for name in contract.names}
    parsed = "case when is_parsed then text end"
    yield Relation(
        files,
        sql,
        values,
        TextLines(read_records),
        is_nested=IS_NESTED.replace("{json}", parsed),
        is_double=IS_JSON_DOUBLE.replace("{json}", parsed),
    )


def _csv_relations(contract: Contract, files: Sequence[LandedFile]) -> Iterator[Relation]:
    by_header: dict[tuple[str, ...], list[LandedFile]] = {}
    for file in files:
        header = tuple(read_csv_header(file))
        if twice := next((name for name in contract.names if header.count(name) > 1), None):
            raise LandingError(
                f"{file.path} has the column {twice} more than once in its first line, and which one counts cannot be "
                "known. Rename the others; nothing was loaded."
            )
        if header and not set(header) & set(contract.names):
            raise LandingError(
                f"{file.path} has no column of the log {contract.log} in its first line ({', '.join(header)[:200]}). "
                f"Its header must name columns among {', '.join(contract.names)}; nothing was loaded."
            )
        by_header.setdefault(header, []).append(file)
    for header, group in by_header.items():
        fields = field_names(len(header))
        is_parsed = f"{fields[0]} is not null" if fields else "false"
        sql = f"(select *, {is_parsed} as is_parsed from landed_lines)"
        values = {
            name: Value(fields[header.index(name)], is_text=True) for name in contract.names if name in header
        }
        lines = TextLines(
            functools.partial(read_csv_records, n_fields=len(header)),
            csv_schema(len(header)),
            functools.partial(with_fields, n_fields=len(header)),
        )
        yield Relation(group, sql, values, lines, is_double=IS_CSV_DOUBLE)


def _parquet_relations(
    connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[LandedFile]
) -> Iterator[Relation]:
    by_schema: dict[str, dict[LandedFile, int]] = {}
    names: dict[LandedFile, Sequence[str]] = {}
    for file in files:
        if file.compression:
            raise LandingError(
                f"{file.path}: Parquet files carry their own compression. Decompress it first; nothing was loaded."
            )
        try:
            with pq.ParquetFile(file.path) as opened:
                schema, rows = opened.schema_arrow, opened.metadata.num_rows
        except (OSError, ValueError, pa.ArrowException) as error:
            raise unreadable(file, error) from error
        if taken := [name for name in schema.names if name.lower() in _SCAN_COLUMNS]:
            raise LandingError(
                f"{file.path} has a column {taken[0]}, a name that is taken while files are read. Rename it or leave "
                "it out; nothing was loaded."
            )
        if not set(schema.names) & set(contract.names) and schema.names != [UNREADABLE, *DELIVERED]:
            raise LandingError(
                f"{file.path} has no column of the log {contract.log} (it has {', '.join(schema.names)[:200]}). "
                f"It must have columns among {', '.join(contract.names)}; nothing was loaded."
            )
        if twice := next((name for name in contract.names if schema.names.count(name) > 1), None):
            raise LandingError(
                f"{file.path} has the column {twice} more than once, and which one counts cannot be known. Rename the "
                "others; nothing was loaded."
            )
        by_schema.setdefault(str(schema.remove_metadata()), {})[file] = rows
        names[file] = schema.names
    for group in by_schema.values():
        yield _parquet_relation(connection, contract, group, names[next(iter(group))])


def _parquet_relation(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    group: Mapping[LandedFile, int],
    names: Sequence[str],
) -> Relation:
    """Files of one schema. Of their columns only the contract's are named: the others may have any name."""
    scan = _scan(*group)
    try:
        described = connection.cursor().execute(f"describe select * from {scan}").fetchall()
    except duckdb.Error as error:
        raise unreadable(next(iter(group)), error) from error
    types = {name: kind for name, kind, *_ in described if name not in _SCAN_COLUMNS}
    # a struct keeps the row as it was, but only rejected rows ever ask for it
    row = ", ".join(f"{quote_identifier(name)} := scan.{quote_identifier(name)}" for name in types)
    scanned = _scanned_names(next(iter(group)), names, list(types))
    own = {name: types[scanned[name]] for name in contract.names if name in scanned}
    columns = "".join(
        f"scan.{quote_identifier(scanned[name])} as {quote_identifier(f'own_{name}')}, " for name in own
    )
    connection.execute(
        """create or replace temp table landed_path (
            landed_path varchar, delivery_date date, source_file varchar
        )"""
    )
    origins = [(str(file.path), file.delivery_date, file.source_file) for file in group]
    connection.executemany("insert into landed_path values (?, ?, ?)", origins)
    is_unreadable = list(types) == [UNREADABLE, *DELIVERED]
    sql = f"""(
        select
            {columns}landed_path.delivery_date, landed_path.source_file,
            scan.file_row_number + 1 as line_number, {not is_unreadable} as is_parsed,
            struct_pack({row}) as landed_row
        from {scan} as scan join landed_path using (landed_path)
    )"""
    values = {
        column.name: parquet_value(column, own[column.name], quote_identifier(f"own_{column.name}"))
        for column in contract.columns
        if column.name in own
    }
    return Relation(
        list(group),
        sql,
        values,
        rows=group,
        kept=KEPT_UNREADABLE if is_unreadable else "to_json(landed_row)::varchar",
        carried="landed_row",
        # of what a mapped source made, a text may be the number of a record
        is_double=IS_CSV_DOUBLE if _is_mapped(types) else "",
        origin=_origin(types),
    )


def _scanned_names(file: LandedFile, names: Sequence[str], scanned: Sequence[str]) -> dict[str, str]:
    """How DuckDB calls the columns of a Parquet file: it renames those whose names differ from others by case alone.

    Its order is that of the file, so the exact name of a contract finds its own column, whatever others there are.
    """
    if len(names) != len(scanned):
        raise unreadable(
            file, ValueError(f"it has {len(names)} columns, of which {len(scanned)} can be read")
        )
    return dict(zip(names, scanned, strict=True))


def _is_mapped(types: Mapping[str, str]) -> bool:
    """Whether a file was made by a mapped source, whose rows tell which delivered record they come from."""
    return tuple(types.get(name) for name in DELIVERED) == ("VARCHAR", "BIGINT")


def _origin(types: Mapping[str, str]) -> str:
    """SQL of the delivered file and record that a row was made of, for rows that tell it."""
    if not _is_mapped(types):
        return "''"
    file, line = DELIVERED
    return f"concat(' (', landed_row.{file}, ', record ' || landed_row.{line}, ')')"


def find_unreadable(
    connection: duckdb.DuckDBPyConnection, files: Iterable[LandedFile], error: duckdb.Error
) -> LandingError | None:
    """The refusal of the Parquet file whose values cannot be read; reads all of them, so only after an error."""
    read = []
    for file in files:
        try:
            # apart from the transaction, which may have been given up
            # as text, because some values are no time at all and fail only then
            shown = f"select count(columns(*)::varchar) from {_scan(file)}"
            connection.cursor().execute(shown).fetchall()
        except duckdb.Error as found:
            return unreadable(file, found)
        read.append(file)
    if type(error) is not duckdb.Error:
        return None
    # an error of the Parquet reader itself; of some damage it depends on the memory whether it fails again
    if len(read) == 1:
        return unreadable(read[0], error)
    shown = ", ".join(str(file.path) for file in read[:MOST_SHOWN])
    others = f" and {len(read) - MOST_SHOWN} others" if len(read) > MOST_SHOWN else ""
    return LandingError(
        f"One of {shown}{others} cannot be read ({str(error).splitlines()[0]}), but which one cannot be told. Replace "
        "it with a complete copy, or move it out of landing/; nothing was loaded."
    )


def _scan(*files: LandedFile) -> str:
    paths = ", ".join(quote_literal(_escape_glob(str(file.path))) for file in files)
    # folders named `x=1` are no columns
    return f"read_parquet([{paths}], filename = 'landed_path', file_row_number = true, hive_partitioning = false)"


def parquet_value(column: Column, physical: str, name: str) -> Value:
    """How a value of a Parquet column is read: `physical` is its type in DuckDB, `name` its SQL."""
    if column.type == "object" and physical.startswith(("STRUCT", "MAP")):
        # nested properties are checked as the JSON that the text formats have
        return Value(f"to_json({name})::varchar", is_text=True)
    return Value(name, is_text=physical in ("VARCHAR", "JSON"), physical=physical)


def _escape_glob(path: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)
