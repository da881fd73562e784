"""From the bytes of text files to Arrow tables of lines, losing none: NDJSON, JSON arrays and CSV.

Every line comes out as the bytes it had, with its number; a damaged line is one damaged line and never takes its
neighbours along. What a line must contain is checked in `validation.py`.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from leap_assets.landing.files import Readable, TextError, unreadable

BLOCK_BYTES = 2 * 1024 * 1024
# large enough that Arrow and DuckDB work on full vectors, small enough to bound memory
ARROW_BYTES = 2**30
# of a line that Arrow splits: its blocks end at twice that
QUOTED_SPAN_LINES = 100
# a quoted CSV field may go over this many line ends; a stray quote must not swallow the rest of the file
BOM = b"\xef\xbb\xbf"
# of UTF-16 and UTF-32, in either order of bytes
OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
OBJECTS_OF_CR = re.compile(rb"\}[ \t]*\r[ \t\r]*\{")
# JSON objects with nothing but carriage returns between them
NEWLINE, RETURN, QUOTE = 10, 13, 34
EMPTY_LINES = (b"\n", b"\r\n", b"\r")
# the last is how a file may end
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
# brackets of JSON, strings apart
_DECODER = json.JSONDecoder(parse_int=float)
# only ends of elements are wanted, and int() refuses thousands of digits

csv.field_size_limit(sys.maxsize)
# of quoted fields; fields without quotes have no limit either

SCHEMA = pa.schema([("line_number", pa.int64()), ("text", pa.large_string()), ("damaged", pa.binary())])
# a line is a text, or bytes that are not UTF-8


def csv_schema(n_fields: int) -> pa.Schema:
    """Schema of CSV lines with their fields: texts, all of them null where a line is no record."""
    return pa.schema([*SCHEMA, *(pa.field(name, pa.string()) for name in field_names(n_fields))])


def field_names(n_fields: int) -> list[str]:
    """Names of the columns with the fields of a line, in their order."""
    return [f"field_{number}" for number in range(1, n_fields + 1)]


def read_records(file: Readable) -> Iterator[pa.Table]:
    """Tables of (line_number, text, damaged) of an NDJSON or JSON file; empty lines are left out.

    Raises
    ------
    LandingError
        When the bytes cannot be read (a damaged gzip file, say).
    """
    if file.format == "json" and is_array(file):
        yield _array_elements(b"".join(_blocks(file)))
        return
    first_line = 1
    for block in _whole_lines(file):
        if first_line == 1 and b"\r" in block and b"\n" not in block and OBJECTS_OF_CR.search(block):
            raise _of_old_macs(file)
        starts = _line_starts(block)
        yield _table(block, starts, first_line)
        first_line += len(starts) - 1


def read_csv_header(file: Readable, delimiter: str = ",") -> list[str]:
    """Names in the first line of a CSV file that is not empty, [] for an empty file.

    Raises
    ------
    LandingError
        When the bytes cannot be read, or the line is not a complete record.
    """
    lines = (line for block in _whole_lines(file) for line in block.split(b"\n"))
    first = next((line for line in lines if line not in (b"", b"\r")), b"")
    try:
        # strict: a quote that stays open would take the next line into the header
        return [
            name.strip()
            for name in next(csv.reader([first.decode().rstrip("\r")], delimiter=delimiter, strict=True), [])
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        if b"\r" in first.rstrip(b"\r") and isinstance(error, csv.Error):
            raise _of_old_macs(file) from error
        raise unreadable(file, error) from error


def read_csv_records(
    file: Readable, n_fields: int, delimiter: str = ",", *, has_header: bool = True
) -> Iterator[pa.Table]:
    """Tables like those of `read_records` of a CSV file, behind its header if it has one; see `with_fields`.

    A record may go over several lines inside quotes (RFC 4180).
    """
    carried, first_line = b"", 1
    is_headed = not has_header
    blocks = _whole_lines(file)
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        data = carried + block
        starts = _line_starts(data)
        spans, open_from = _join_quoted(data, starts, n_fields, delimiter, is_last=following is None)
        carried = b""
        if open_from is not None:
            carried = data[starts[open_from] :]
            data, starts = data[: starts[open_from]], starts[: open_from + 1]
        table = _table(data, starts, first_line, spans)
        first_line += len(starts) - 1
        if not is_headed and len(table):
            is_headed, table = True, table.slice(1)
        yield table
        block = following


def with_fields(table: pa.Table, n_fields: int, delimiter: str = ",") -> pa.Table:
    """CSV lines with their fields, see `csv_schema`: Arrow splits nearly all of them, the others go one by one."""
    if not len(table):
        return csv_schema(n_fields).empty_table()
    texts = table["text"].combine_chunks()
    has_text = texts.is_valid().to_numpy(zero_copy_only=False)
    is_plain = has_text
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    if ((data == QUOTE) | (data == RETURN)).any():
        # to Arrow, a carriage return alone ends a line
        odd = pc.fill_null(pc.match_substring_regex(texts, '"|\r[^\n]'), False)
        is_plain = is_plain & ~odd.to_numpy(zero_copy_only=False)
    if texts.nbytes > ARROW_BYTES:
        lengths = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False)
        is_plain = is_plain & (lengths < ARROW_BYTES)
    plain, is_record = _split(texts.filter(pa.array(is_plain)), n_fields, delimiter)
    position = np.full(len(table), -1)
    # of the line's fields among all that were found
    position[np.flatnonzero(is_plain)[is_record]] = np.arange(len(plain))
    others: list[list[str]] = []
    for i in np.flatnonzero(has_text & ~is_plain).tolist():
        line = texts[i].as_py()
        fields = _parse_csv(line.encode(), delimiter) if '"' in line else line.rstrip("\r\n").split(delimiter)
        if fields is not None and len(fields) == n_fields:
            position[i] = len(plain) + len(others)
            others.append(fields)
    columns = zip(*others, strict=True) if others else [()] * n_fields
    found = pa.concat_tables(
        [plain, pa.table([pa.array(column, pa.string()) for column in columns], names=plain.column_names)]
    )
    fields_of_lines = found.take(pa.array(position, mask=position < 0))
    return pa.table([*table.columns, *fields_of_lines.columns], schema=csv_schema(n_fields))


def _blocks(file: Readable) -> Iterator[bytes]:
    with file.open() as stream:
        try:
            is_first = True
            while block := stream.read(BLOCK_BYTES):
                if is_first and is_other_encoding(block):
                    raise TextError(
                        f"{file.path} is UTF-16 or UTF-32, but Leap reads UTF-8. Save it as UTF-8 (spreadsheets call "
                        f"it CSV UTF-8), or move it out of {file.place}; nothing was loaded."
                    )
                is_first = False
                yield block
        except (OSError, pa.ArrowException) as error:
            raise unreadable(file, error) from error


def is_other_encoding(head: bytes) -> bool:
    """Whether the start of a file is that of a text in UTF-16 or UTF-32, with or without its mark."""
    if head.startswith(OTHER_BOMS):
        return True
    # a text for machines starts with characters of ASCII, of which every other byte is then 0
    first, second = head[0:4:2], head[1:4:2]
    return len(head) >= 4 and (
        (first == b"\0\0" and second.strip(b"\0") != b"") or (second == b"\0\0" and first.strip(b"\0") != b"")
    )


def _of_old_macs(file: Readable) -> TextError:
    return TextError(
        f"{file.path} has lines that end in a carriage return alone, as on old Macs. Save it with line feeds, or move "
        f"it out of {file.place}; nothing was loaded."
    )


def _whole_lines(file: Readable) -> Iterator[bytes]:
    """Blocks that end at a line end."""
    rest: list[bytes] = []
    # of a line, in pieces: joining them block by block would take the square of its length
    for number, block in enumerate(_blocks(file)):
        if number == 0:
            block = block.removeprefix(BOM)
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest.append(block)
            continue
        yield b"".join([*rest, block[:cut]])
        rest = [block[cut:]]
    if last := b"".join(rest):
        yield last


def _line_starts(block: bytes) -> npt.NDArray[np.int64]:
    """Offsets at which lines start, and the end of the block behind them."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE) + 1
    starts = np.concatenate([[0], ends]).astype(np.int64)
    return starts if starts[-1] == len(block) else np.append(starts, len(block))


def _table(
    block: bytes, starts: npt.NDArray[np.int64], first_line: int, spans: dict[int, int] | None = None
) -> pa.Table:
    """Lines of a block without the empty ones; `spans` joins line i with those up to j, both included."""
    numbers = np.arange(len(starts) - 1, dtype=np.int64)
    if spans:
        inner = np.concatenate([np.arange(i + 1, j + 1) for i, j in spans.items()])
        numbers = np.delete(numbers, inner)
        starts = np.delete(starts, inner)
    damaged = _find_damaged(block, starts)
    valid = np.ones(len(numbers), bool)
    valid[list(damaged)] = False
    # the block itself becomes the column: no text is copied
    texts = pa.LargeStringArray.from_buffers(
        len(numbers),
        pa.py_buffer(starts),
        pa.py_buffer(block),
        pa.py_buffer(np.packbits(valid, bitorder="little")) if damaged else None,
    )
    table = _lines(numbers + first_line, texts, damaged)
    short = np.flatnonzero(np.diff(starts) <= 2)
    empty = [i for i in short.tolist() if block[starts[i] : starts[i + 1]] in EMPTY_LINES]
    if empty:
        keep = np.ones(len(table), bool)
        keep[empty] = False
        table = table.filter(pa.array(keep))
    return table


def _lines(
    numbers: npt.NDArray[np.int64], texts: pa.Array | list[str | None], damaged: dict[int, bytes]
) -> pa.Table:
    """The table of some lines; `damaged` holds the bytes of those that have no text, by position."""
    others: list[bytes | None] = [None] * len(numbers)
    for position, line in damaged.items():
        others[position] = line
    kept = pa.array(others, pa.binary()) if damaged else pa.nulls(len(numbers), pa.binary())
    return pa.table({"line_number": numbers, "text": texts, "damaged": kept}, schema=SCHEMA)


def _find_damaged(block: bytes, starts: npt.NDArray[np.int64]) -> dict[int, bytes]:
    """Lines that are not UTF-8, by position."""
    try:
        block.decode()
    except UnicodeDecodeError:
        pass
    else:
        return {}
    beyond_ascii = np.flatnonzero(np.frombuffer(block, np.uint8) >= 0x80)
    candidates = np.unique(np.searchsorted(starts, beyond_ascii, side="right") - 1).tolist()
    lines = {
        position: block[starts[position] : starts[position + 1]].rstrip(b"\r\n") for position in candidates
    }
    return {position: line for position, line in lines.items() if not _is_utf8(line)}


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_array(file: Readable) -> bool:
    """Whether the first thing in a JSON file is the bracket of an array."""
    blocks = _blocks(file)
    head = next(blocks, b"").removeprefix(BOM).lstrip()
    while not head and (block := next(blocks, b"")):
        # nothing but spaces so far
        head = block.lstrip()
    return head.startswith(b"[")


def _array_elements(data: bytes) -> pa.Table:
    """Elements of a JSON array as lines; what follows a damaged element is one line that will be rejected."""
    # surrogateescape keeps bytes that are not UTF-8, so that each element goes out as it came in
    text = data.removeprefix(BOM).decode("utf-8", "surrogateescape")
    spaces = " \t\r\n"
    elements: list[str] = []
    position = text.index("[") + 1
    while True:
        while position < len(text) and text[position] in spaces:
            position += 1
        if not elements and text[position : position + 1] == "]":
            position += 1
            break
        try:
            _, end = _DECODER.raw_decode(text, position)
        except ValueError:
            break
        except RecursionError:
            # too deep for Python, not for DuckDB, which will judge it
            if (closing := _closing(text, position)) is None:
                break
            end = closing
        elements.append(text[position:end])
        position = end
        while position < len(text) and text[position] in spaces:
            position += 1
        if text[position : position + 1] != ",":
            position += text[position : position + 1] == "]"
            break
        position += 1
    if rest := text[position:].strip(spaces):
        elements.append(rest)
    elif not text.rstrip(spaces).endswith("]"):
        # cut off between two elements: say so by an element that cannot be parsed
        elements.append("")
    lines = [element.encode("utf-8", "surrogateescape") for element in elements]
    damaged = {position: line for position, line in enumerate(lines) if not _is_utf8(line)}
    texts = [None if position in damaged else element for position, element in enumerate(elements)]
    return _lines(np.arange(1, len(lines) + 1, dtype=np.int64), texts, damaged)


def _closing(text: str, start: int) -> int | None:
    """Where the array or object that starts at `start` is closed, None when it never is."""
    depth = 0
    for match in _BRACKETS.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return None


def _join_quoted(
    block: bytes, starts: npt.NDArray[np.int64], n_fields: int, delimiter: str, *, is_last: bool
) -> tuple[dict[int, int], int | None]:
    """Which lines belong together because a quoted field goes over their ends.

    Returns a map from first to last line of each such record, and the first line that may go on in the next
    block (None when all are settled). A line whose quote is never closed within reach, or that would not give
    `n_fields` fields when joined, stays alone and is rejected alone.
    """
    quotes = np.flatnonzero(np.frombuffer(block, np.uint8) == QUOTE)
    if not len(quotes):
        return {}, None
    line_of = np.searchsorted(starts, quotes, side="right") - 1
    odd = np.flatnonzero(np.bincount(line_of, minlength=len(starts) - 1) % 2).tolist()
    spans: dict[int, int] = {}
    k = 0
    while k < len(odd):
        first = odd[k]
        closing = odd[k + 1] if k + 1 < len(odd) else None
        if closing is None and not is_last and len(starts) - 1 - first <= QUOTED_SPAN_LINES:
            return spans, first
        if closing is not None and closing - first <= QUOTED_SPAN_LINES:
            fields = _parse_csv(block[starts[first] : starts[closing + 1]], delimiter)
            if fields is not None and len(fields) == n_fields:
                spans[first] = closing
                k += 2
                continue
        k += 1
    return spans, None


def _parse_csv(record: bytes, delimiter: str) -> list[str] | None:
    """Fields of one CSV record, None when it is not one record."""
    try:
        # one item: what ends a line in Python (U+2028, form feed) does not end a record
        return next(csv.reader([record.decode().rstrip("\r\n")], delimiter=delimiter, strict=True), None)
    except (UnicodeDecodeError, csv.Error):
        return None


def _split(
    lines: pa.LargeStringArray, n_fields: int, delimiter: str
) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
    """Fields of the lines without quotes that have as many as they should, and which lines those are.

    No line is empty, since Arrow would leave that out.
    """
    names = field_names(n_fields)
    is_record = np.ones(len(lines), bool)

    def skip(row: pacsv.InvalidRow) -> str:
        is_record[row.number - 1] = False
        return "skip"

    if not len(lines):
        return csv_schema(n_fields).empty_table().select(names), is_record
    # they lie side by side, each with its line end
    _, offsets, data = lines.buffers()
    first, end = np.frombuffer(offsets, np.int64)[[lines.offset, lines.offset + len(lines)]].tolist()
    table = pacsv.read_csv(
        pa.BufferReader(data.slice(first, end - first)),
        pacsv.ReadOptions(use_threads=False, column_names=names, block_size=end - first + 1),
        pacsv.ParseOptions(delimiter=delimiter, quote_char=False, invalid_row_handler=skip),
        pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), check_utf8=False),
    )
    return table, is_record
