"""The files of landing/, read a second time: records of a file as columns of values, with their line numbers.

Text is read with json and csv, Parquet with pyarrow. What a value must be is decided in `values.py`, what a line must
have in `judging.py`.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.landing.contracts import Column, Contract
from leap_assets.proofs.delivered.values import (
    DAY_US,
    EXACT_DOUBLE,
    EXACT_FLOAT,
    WRONG,
    Memo,
    convert_text,
    decimal_digits,
    float_to_id,
    object_column,
    read_json,
    unscaled,
    with_deep_stack,
)

ROWS_AT_ONCE = 20_000
# records in memory as Python objects
READ_BYTES = 1 << 20
MOST_JOINED = 100
# a quoted field of CSV goes over at most so many line ends: a stray quote must not swallow a file
ENDINGS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
PACKED = {".gz": "gzip", ".zst": "zstd"}
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload")
MARK = b"\xef\xbb\xbf"
UNREADABLE_COLUMN = "unreadable"
# of a mapped source: records that could not be read
MAPPED_COLUMNS = ("delivered_file", "delivered_line")
# of a mapped source: where a row comes from

csv.field_size_limit(sys.maxsize)


class UnreadableError(Exception):
    """A delivered file that cannot be read; the message names it."""


@dataclass(frozen=True)
class DeliveredFile:
    """A file of a delivery."""

    log: str
    day: int
    path: Path
    format: str
    packed: str | None


@dataclass(frozen=True)
class Records:
    """Some records of a file.

    Attributes
    ----------
    rows : int
        All lines, those that are no record too.
    columns : mapping from str to list
        Typed values by column of the contract, absent ones left out, of the lines that are records.
    is_record : list of bool, or None
        Of each line; None where all are.
    """

    rows: int
    columns: Mapping[str, list[Any]]
    is_record: list[bool] | None = None


def list_delivered(landing_dir: Path, log: str, day: dt.date, number: int) -> list[DeliveredFile]:
    """Files of a log's delivery of a day, in the order of their names."""
    folder = landing_dir / log / day.isoformat()
    if not folder.is_dir():
        return []
    files = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        endings = [ending.lower() for ending in path.suffixes]
        if path.name.startswith(".") or (endings and endings[-1] in UNFINISHED):
            continue
        packed = PACKED.get(endings[-1]) if endings else None
        ending = endings[-2:-1] if packed else endings[-1:]
        if not ending or ending[0] not in ENDINGS:
            raise UnreadableError(
                f"{path} is no file that Leap reads: its name must end in one of {', '.join(ENDINGS)}"
            )
        files.append(DeliveredFile(log, number, path, ENDINGS[ending[0]], packed))
    return files


def read_records(file: DeliveredFile, contract: Contract) -> Iterator[Records]:
    """Records of a file, some at a time.

    Raises
    ------
    UnreadableError
        When its bytes cannot be read.
    """
    try:
        if file.format == "parquet":
            yield from _read_parquet(file, contract)
        elif file.format == "csv":
            yield from _read_csv(file, contract)
        else:
            yield from _read_json(file, contract)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise UnreadableError(f"{file.path} cannot be read ({error})") from error


def _open(file: DeliveredFile) -> pa.NativeFile:
    return pa.input_stream(str(file.path), compression=file.packed)


def _lines(file: DeliveredFile) -> Iterator[bytes]:
    """Lines with their ends, without the mark of UTF-8."""
    with _open(file) as stream:
        pieces: list[bytes] = []
        is_first = True
        while block := stream.read(READ_BYTES):
            if is_first:
                block, is_first = block.removeprefix(MARK), False
            *whole, rest = block.split(b"\n")
            for line in whole:
                pieces.append(line)
                yield b"".join(pieces) + b"\n"
                pieces = []
            if rest:
                pieces.append(rest)
        if pieces:
            yield b"".join(pieces)


def _decode(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


class _Typed:
    """Raw values of a text format on their way to typed columns; what was met is remembered from batch to batch."""

    def __init__(self, contract: Contract, *, is_csv: bool) -> None:
        self._columns = contract.columns
        self._memos = {column.name: Memo(convert_text(column, is_csv=is_csv)) for column in contract.columns}

    def __call__(self, raws: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        return {
            column.name: object_column(raws[column.name])
            if column.type == "object"
            else self._memos[column.name].column(raws[column.name])
            for column in self._columns
            if column.name in raws
        }


def _read_json(file: DeliveredFile, contract: Contract) -> Iterator[Records]:
    typed = _Typed(contract, is_csv=False)
    names = contract.names
    texts = _elements(file) if file.format == "json" and _is_array(file) else _json_lines(file)
    members: list[dict[str, Any]] = []
    is_record: list[bool] = []

    def batch() -> Records:
        columns = typed({name: [one.get(name) for one in members] for name in names})
        return Records(len(is_record), columns, None if len(members) == len(is_record) else is_record)

    for text in texts:
        try:
            value = None if text is None else read_json(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            members.append(value)
        is_record.append(isinstance(value, dict))
        if len(is_record) >= ROWS_AT_ONCE:
            yield batch()
            members, is_record = [], []
    if is_record:
        yield batch()


def _json_lines(file: DeliveredFile) -> Iterator[str | None]:
    for line in _lines(file):
        if line not in (b"\n", b"\r\n", b"\r"):
            yield _decode(line)


def _is_array(file: DeliveredFile) -> bool:
    with _open(file) as stream:
        begin = stream.read(READ_BYTES).removeprefix(MARK).lstrip()
        while not begin and (block := stream.read(READ_BYTES)):
            begin = block.lstrip()
    return bool(begin.startswith(b"["))


def _elements(file: DeliveredFile) -> Iterator[str | None]:
    """Elements of a JSON array; what follows the first damaged one is one element that is no record."""
    with _open(file) as stream:
        text = stream.read().removeprefix(MARK).decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder(parse_int=float)
    blanks = " \t\r\n"

    def behind_blanks(position: int) -> int:
        while position < len(text) and text[position] in blanks:
            position += 1
        return position

    position = behind_blanks(text.index("[") + 1)
    is_closed = text[position : position + 1] == "]"
    position += is_closed
    while not is_closed:
        try:
            try:
                _, end = decoder.raw_decode(text, position)
            except RecursionError:
                _, end = with_deep_stack(decoder.raw_decode, text, position)
        except ValueError:
            break
        yield _whole(text[position:end])
        position = behind_blanks(end)
        sign = text[position : position + 1]
        if sign != ",":
            is_closed = sign == "]"
            position += is_closed
            break
        position = behind_blanks(position + 1)
    if text[position:].strip(blanks) or not is_closed:
        yield _whole(text[position:])


def _whole(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text


def _read_csv(file: DeliveredFile, contract: Contract) -> Iterator[Records]:
    typed = _Typed(contract, is_csv=True)
    lines = iter(enumerate(_lines(file)))
    header: list[str] = []
    for _, line in lines:
        if line in (b"\n", b"\r\n"):
            continue
        fields = _fields(line)
        if fields is None:
            raise UnreadableError(f"{file.path} has no header that can be read")
        header = [name.strip() for name in fields]
        break
    place = {name: header.index(name) for name in contract.names if name in header}
    rows: list[list[str]] = []
    is_record: list[bool] = []

    def batch() -> Records:
        columns = typed({name: [row[number] for row in rows] for name, number in place.items()})
        return Records(len(is_record), columns, None if len(rows) == len(is_record) else is_record)

    for record in _csv_records((line for _, line in lines), len(header)):
        if record is not None:
            rows.append(record)
        is_record.append(record is not None)
        if len(is_record) >= ROWS_AT_ONCE:
            yield batch()
            rows, is_record = [], []
    if is_record:
        yield batch()


def _csv_records(lines: Iterator[bytes], fields: int) -> Iterator[list[str] | None]:
    """Records of CSV lines, None for a line that is none.

    A line with an odd number of quotes goes on up to the next such line, if that gives a record; else it stands alone.
    """
    waiting: list[bytes] = []

    def following() -> bytes | None:
        return waiting.pop(0) if waiting else next(lines, None)

    while (line := following()) is not None:
        if line.count(b'"') % 2:
            taken: list[bytes] = []
            joined = None
            while len(taken) < MOST_JOINED and (more := following()) is not None:
                taken.append(more)
                if more.count(b'"') % 2:
                    joined = _fields(b"".join([line, *taken]))
                    break
            if joined is not None and len(joined) == fields:
                yield joined
                continue
            waiting[:0] = taken
        if line in (b"\n", b"\r\n", b"\r"):
            continue
        alone = _fields(line)
        yield alone if alone is not None and len(alone) == fields else None


def _fields(record: bytes) -> list[str] | None:
    text = _decode(record)
    if text is None:
        return None
    text = text.rstrip("\r\n")
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True), None)
    except csv.Error:
        return None


def _read_parquet(file: DeliveredFile, contract: Contract) -> Iterator[Records]:
    with pq.ParquetFile(file.path) as opened:
        schema = opened.schema_arrow
        if (
            schema.names
            and schema.names[0] == UNREADABLE_COLUMN
            and not set(schema.names) & set(contract.names)
        ):
            rows = opened.metadata.num_rows
            if rows:
                yield Records(rows, {}, [False] * rows)
            return
        # a name that differs by case is another column
        chosen = [column for column in contract.columns if column.name in schema.names]
        is_mapped = set(MAPPED_COLUMNS) <= set(schema.names)
        memos: dict[str, Memo] = {}
        if not chosen:
            if opened.metadata.num_rows:
                yield Records(opened.metadata.num_rows, {})
            return
        for group in opened.iter_batches(ROWS_AT_ONCE, columns=[column.name for column in chosen]):
            yield Records(
                len(group),
                {
                    column.name: from_arrow(column, group[column.name], memos, is_mapped=is_mapped)
                    for column in chosen
                },
            )


def from_arrow(
    column: Column, array: pa.Array, memos: dict[str, Memo], *, is_mapped: bool = False
) -> list[Any]:
    """Values of a column that has a type in its file already; a text of a mapped source may have been a number."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        array, kind = array.storage, kind.storage_type
    if pa.types.is_dictionary(kind):
        array, kind = array.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        raws = array.to_pylist()
        if column.type == "object":
            return object_column(raws)
        if column.name not in memos:
            memos[column.name] = Memo(convert_text(column, is_csv=is_mapped))
        return memos[column.name].column(raws)
    if pa.types.is_null(kind):
        return [None] * len(array)
    if column.type == "object":
        if pa.types.is_struct(kind) or pa.types.is_map(kind):
            return [None if value is None else _as_json(value, kind) for value in array.to_pylist()]
        return _all_wrong(array)
    convert = _physical(column, kind)
    if convert is None:
        return _all_wrong(array)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # as whole numbers of their unit: not every one is a time of Python
        array = array.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64())
    return [None if value is None else convert(value) for value in array.to_pylist()]


def _all_wrong(array: pa.Array) -> list[Any]:
    return [None if is_null else WRONG for is_null in array.is_null().to_pylist()]


_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _physical(column: Column, kind: pa.DataType) -> Callable[[Any], Any] | None:
    """A function from a value of a type of Arrow to one of the contract's; None where none can ever be one."""
    types = pa.types
    wanted = column.type
    if types.is_timestamp(kind) or types.is_date(kind):
        return _from_moment(wanted, kind)
    if types.is_boolean(kind):
        return (lambda value: value) if wanted == "boolean" else None
    is_whole, is_float, is_decimal = types.is_integer(kind), types.is_floating(kind), types.is_decimal(kind)
    if not (is_whole or is_float or is_decimal):
        if wanted in ("text", "id") and kind == getattr(pa, "uuid", lambda: None)():
            return str
        return None
    exact = EXACT_FLOAT if types.is_float32(kind) else EXACT_DOUBLE
    if wanted == "id":
        if is_whole:
            return str
        if is_float:
            return lambda value: float_to_id(value, exact)
        # 17.00 is 17, and 17.50 is 17.5
        return lambda value: f"{value:f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))
    if wanted == "text":
        return str if not is_float else _spell_float
    if wanted == "integer":
        return _integer_of
    if wanted == "double":
        return float
    if wanted in ("decimal", "micros", "duration"):
        digits = decimal_digits(column)
        return lambda value: _decimal_of(value, digits)
    return None


def _from_moment(wanted: str, kind: pa.DataType) -> Callable[[Any], Any] | None:
    if pa.types.is_date32(kind):
        scale = (DAY_US, 1)
    elif pa.types.is_date64(kind):
        scale = (1_000, 1)
    else:
        scale = (1_000_000, _PER_SECOND[kind.unit])

    def micros(value: int) -> int:
        return value * scale[0] // scale[1]

    if wanted == "timestamp":
        return micros
    if wanted == "date":
        return lambda value: micros(value) // DAY_US
    if wanted in ("text", "id"):
        is_day = pa.types.is_date(kind)
        zone = "+00" if pa.types.is_timestamp(kind) and kind.tz else ""
        return lambda value: spell_moment(micros(value), is_day=is_day) + zone
    return None


def spell_moment(at: int, *, is_day: bool = False) -> str:
    """A time or a day as a text."""
    try:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=at)
    except OverflowError:
        # beyond the calendar of Python; nobody is called so
        return f"{at} microseconds after 1970"
    if is_day:
        return moment.date().isoformat()
    text = moment.isoformat(" ")
    return text.rstrip("0") if "." in text else text


def _spell_float(value: float) -> str:
    return repr(value) if math.isfinite(value) else str(value)


def _integer_of(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return WRONG
    whole = int(value)
    return whole if whole == value else WRONG


def _decimal_of(value: Any, digits: int) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return WRONG
    return unscaled(Decimal(value), digits)


def _as_json(value: Any, kind: pa.DataType) -> Any:
    """A nested value of Arrow in the form of `read_json`."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, dict):
        return {name: _as_json(member, kind) for name, member in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(one, tuple) and len(one) == 2 for one in value):
            return {str(name): _as_json(member, kind) for name, member in value}
        if pa.types.is_map(kind) and not value:
            return {}
        return [_as_json(one, kind) for one in value]
    if isinstance(value, dt.datetime | dt.date):
        return str(value)
    if isinstance(value, float):
        return (_spell_float(value),)
    return (str(value),)
