"""Which lines a delivered file has, by other code than Leap's: whole files in memory, one character at a time.

A line is (number, bytes). Nothing here is fast, and nothing is shared with `leap_assets.landing`.
"""

import gzip
import re
import zlib

Line = tuple[int, bytes]
SPACES = " \t\r\n"
SPAN_LINES = 100
# docs/logs.md: a quoted field may go over so many line ends
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_SCALAR = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null|NaN|Infinity|-Infinity"
)


def decompress_gzip(data: bytes) -> bytes | None:
    """The bytes of a gzip file by Python's own reader, None when it is damaged."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def may_be_no_text(data: bytes) -> bool:
    """Whether a file may be refused as UTF-16, or for line ends of old Macs."""
    is_wide = data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]
    return is_wide or (b"\n" not in data and b"\r" in data)


def ndjson_lines(data: bytes) -> list[Line]:
    """Lines end at a line feed; an empty one is none."""
    lines = enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
    return [(number, line.rstrip(b"\r\n")) for number, line in lines if line not in (b"", b"\r")]


def json_lines(data: bytes) -> list[Line]:
    """Elements of an array up to the first that is damaged, and all that is behind it as one line."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if not text.lstrip(" \t\r\n\v\f").startswith("["):
        return ndjson_lines(data)
    elements = _elements(text, text.index("[") + 1)
    return [(n, element.encode("utf-8", "surrogateescape")) for n, element in enumerate(elements, 1)]


def _elements(text: str, at: int) -> list[str]:
    found: list[str] = []
    at = _skip(text, at)
    if text[at : at + 1] == "]":
        at += 1
    else:
        while (end := _value_end(text, at)) is not None:
            found.append(text[at:end])
            at = _skip(text, end)
            if text[at : at + 1] == "]":
                at += 1
                break
            if text[at : at + 1] != ",":
                break
            at = _skip(text, at + 1)
    rest = text[at:].strip(SPACES)
    if rest:
        found.append(rest)
    elif not text.rstrip(SPACES).endswith("]"):
        found.append("")
    return found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACES:
        at += 1
    return at


def _value_end(text: str, at: int) -> int | None:
    """Where the JSON value that starts at `at` ends, however deep it is; None when there is none."""
    closers: list[str] = []
    wanted = "value"
    while True:
        at = _skip(text, at) if closers else at
        char = text[at : at + 1]
        if wanted in ("value", "value or end"):
            if wanted == "value or end" and char == closers[-1]:
                closers.pop()
                at += 1
            elif char in ("[", "{") and char:
                closers.append("]" if char == "[" else "}")
                wanted = "value or end" if char == "[" else "key or end"
                at += 1
                continue
            else:
                match = _STRING.match(text, at) if char == '"' else _SCALAR.match(text, at)
                if not match:
                    return None
                at = match.end()
        elif wanted == "key or end" and char == "}":
            closers.pop()
            at += 1
        elif wanted in ("key or end", "key"):
            match = _STRING.match(text, at)
            if not match:
                return None
            at = _skip(text, match.end())
            if text[at : at + 1] != ":":
                return None
            at, wanted = at + 1, "value"
            continue
        else:
            if char == closers[-1]:
                closers.pop()
            elif char == ",":
                wanted = "key" if closers[-1] == "}" else "value"
                at += 1
                continue
            else:
                return None
            at += 1
        if not closers:
            return at
        wanted = "comma or end"


def csv_lines(data: bytes, delimiter: str = ",") -> tuple[list[str] | None, list[Line]]:
    """The header (None when it is no CSV text) and the records behind it."""
    lines = [(n, line) for n, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)]
    at = next((i for i, (_, line) in enumerate(lines) if line not in (b"", b"\r")), None)
    if at is None:
        return [], []
    header = _fields(lines[at][1].rstrip(b"\r"), delimiter)
    if header is None:
        return None, []
    records = _records(lines[at + 1 :], len(header), delimiter)
    return [name.strip() for name in header], [
        (number, record.rstrip(b"\r\n")) for number, record in records if record not in (b"", b"\r")
    ]


def _records(lines: list[Line], n_fields: int, delimiter: str) -> list[Line]:
    """A line with an open quote goes on to the next line with one, if that makes a record of so many fields."""
    odd = [i for i, (_, line) in enumerate(lines) if line.count(b'"') % 2]
    joined: dict[int, int] = {}
    k = 0
    while k < len(odd) - 1:
        first, last = odd[k], odd[k + 1]
        if last - first <= SPAN_LINES:
            joined_line = b"\n".join(line for _, line in lines[first : last + 1])
            fields = _fields(joined_line.rstrip(b"\r\n"), delimiter)
            if fields is not None and len(fields) == n_fields:
                joined[first] = last
                k += 1
        k += 1
    records = []
    i = 0
    while i < len(lines):
        last = joined.get(i, i)
        records.append((lines[i][0], b"\n".join(line for _, line in lines[i : last + 1])))
        i = last + 1
    return records


def _fields(record: bytes, delimiter: str) -> list[str] | None:
    """Fields of one record, None when quotes are not as RFC 4180 has them or it is not UTF-8."""
    try:
        text = record.decode()
    except UnicodeDecodeError:
        return None
    fields, at = [], 0
    while True:
        if text[at : at + 1] == '"':
            field, at = "", at + 1
            while True:
                end = text.find('"', at)
                if end < 0:
                    return None
                field += text[at:end]
                at = end + 1
                if text[at : at + 1] != '"':
                    break
                field, at = field + '"', at + 1
            if text[at : at + 1] not in ("", delimiter):
                return None
        else:
            end = text.find(delimiter, at)
            field, at = (text[at:], len(text)) if end < 0 else (text[at:end], end)
            if "\n" in field or "\r" in field:
                # neither belongs into a field without quotes
                return None
        fields.append(field)
        if at == len(text):
            return fields
        at += 1
