"""One value of a line: what it is in the type that the contract wants, missing, or of the wrong type.

Plain Python, value by value; columns remember what they have met (`Memo`). Which values a line must have is judged in
`judging.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import sys
import threading
import unicodedata
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from leap_assets.landing.contracts import Column

WRONG: Final = object()
# a value that is there and is none of its type; a missing one is None
NESTED: Final = object()
# an object or an array of JSON where the contract wants a single value
UNREADABLE: Final = object()
# what a file has in place of a value that its own format cannot bring

MICRO = 1_000_000
DAY_US = 86_400 * MICRO
EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
EXACT_DOUBLE, EXACT_FLOAT = 2**53, 2**24
# beyond these a float stands for several whole numbers
LARGEST_INTEGER = 2**63 - 1
MOST_DIGITS = 308
# a number that has more before its point is beyond a double, and no amount and no count
DEEPEST, DEEP_STACK_BYTES = 500_000, 512 * 1024 * 1024
# levels of a JSON value, and room for them; only what is used of it becomes memory
REMEMBERED = 200_000
# values of a column; more are seldom met again

_INVISIBLE = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf"))
# categories of Unicode: white space, control characters, and formatting, the zero-width characters among it
_NUMBER = re.compile(r"[ \t\r\n\f\v]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t\r\n\f\v]*")
_NOT_FINITE = re.compile(r"[ \t\r\n\f\v]*[+-]?(?:nan|inf|infinity)[ \t\r\n\f\v]*", re.IGNORECASE)
_WHOLE_FIELD = re.compile(r"(-?[0-9]+)\.0+")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
    r" ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_TRUE, _FALSE = frozenset(("true", "t", "yes", "y", "1")), frozenset(("false", "f", "no", "n", "0"))
_EXACT = Context(prec=1000, rounding=ROUND_HALF_UP)


class Memo(dict[Any, Any]):
    """What each value met so far became; a value is asked for by its own form, see `reading.py`."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, raw: Any) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        value = self[raw] = self._convert(raw)
        return value

    def column(self, raws: list[Any]) -> list[Any]:
        """Values of a column of raws."""
        try:
            return [self[raw] for raw in raws]
        except TypeError:
            # objects and arrays cannot be looked up
            return [self[NESTED if isinstance(raw, dict | list) else raw] for raw in raws]


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: empty, or white space and zero-width characters alone."""
    return not text[:1].isalnum() and all(unicodedata.category(sign) in _INVISIBLE for sign in text)


def decimal_digits(column: Column) -> int:
    """Digits behind the point of a decimal type."""
    return int(column.sql_type.rstrip(")").partition(",")[2])


def convert_text(column: Column, *, is_csv: bool = False) -> Callable[[Any], Any]:
    """A function from a raw value of a text format to the column's value.

    A raw value is None, a str, a tuple with the text of a JSON number, a bool, or `NESTED`. Decimals become whole
    numbers of their last digit, times microseconds and days days since 1970.
    """
    by_type: dict[str, Callable[[Any], Any]] = {
        "text": _to_text,
        "id": _field_to_id if is_csv else _to_id,
        "integer": _to_integer,
        "double": _to_double,
        "boolean": _to_boolean,
        "timestamp": _to_time,
        "date": lambda raw: _day_of(_to_time(raw)),
        "object": _to_object,
    }
    convert = by_type.get(column.type) or _to_decimal(decimal_digits(column))

    def converted(raw: Any) -> Any:
        if raw is None or raw == "":
            return None
        return WRONG if raw is NESTED else convert(raw)

    return converted


def _text_of(raw: Any) -> str:
    """The characters of a raw value that is no object."""
    if isinstance(raw, str):
        return raw
    return raw[0] if isinstance(raw, tuple) else str(raw).lower()


def _to_text(raw: Any) -> Any:
    if isinstance(raw, bool):
        return WRONG
    return raw if isinstance(raw, str) else spell_number(raw[0])


def spell_number(literal: str) -> str:
    """The text that a JSON number becomes: whole numbers in all their digits, others as a double is written."""
    if re.fullmatch("-?[0-9]+", literal):
        return "0" if literal == "-0" else literal
    value = float(literal)
    return repr(value) if math.isfinite(value) else literal


def _to_id(raw: Any) -> Any:
    if isinstance(raw, bool):
        return WRONG
    if isinstance(raw, str):
        return None if raw in ("NaN", "nan") or is_blank(raw) else raw
    literal: str = raw[0]
    if re.fullmatch("-?[0-9]+", literal):
        return "0" if literal == "-0" else literal
    return float_to_id(float(literal), EXACT_DOUBLE)


def _field_to_id(raw: Any) -> Any:
    whole = _WHOLE_FIELD.fullmatch(raw)
    if whole is None:
        return _to_id(raw)
    return "0" if whole[1] == "-0" else whole[1]


def float_to_id(value: float, exact: int) -> Any:
    """An id that somebody stored as a float: whole ones are that number, where floats are still exact."""
    if math.isnan(value):
        return None
    if abs(value) > exact:
        return WRONG
    return str(int(value)) if value == int(value) else repr(value)


def read_number(raw: Any) -> Decimal | None:
    """The exact value of a number in any decimal form, None for anything else and for what is beyond a double."""
    match = _NUMBER.fullmatch(_text_of(raw))
    if match is None:
        return None
    value = Decimal(match[1])
    return None if value and value.adjusted() > MOST_DIGITS else value


def _to_integer(raw: Any) -> Any:
    if isinstance(raw, str) and raw.isdecimal() and raw.isascii() and len(raw) < 19:
        return int(raw)
    number = read_number(raw)
    return WRONG if number is None else whole_number(number)


def whole_number(number: Decimal) -> Any:
    """A whole number of any size: what is beyond its column is a matter of bounds, not of types."""
    if number and number.adjusted() < 0:
        return WRONG
    if number != number.to_integral_value() and abs(number) <= LARGEST_INTEGER:
        return WRONG
    return int(number)


def _to_decimal(digits: int) -> Callable[[Any], Any]:
    def convert(raw: Any) -> Any:
        number = read_number(raw)
        return WRONG if number is None else unscaled(number, digits)

    return convert


def unscaled(number: Decimal, digits: int) -> int:
    """A decimal as a whole number of its last digit, halves away from zero."""
    if number.adjusted() < -digits - 1:
        return 0
    return int(_EXACT.quantize(number.scaleb(digits, _EXACT), Decimal(1)))


def _to_double(raw: Any) -> Any:
    text = _text_of(raw)
    match = _NUMBER.fullmatch(text)
    if match:
        return float(match[1])
    return float(text) if _NOT_FINITE.fullmatch(text) else WRONG


def _to_boolean(raw: Any) -> Any:
    text = _text_of(raw).lower()
    return True if text in _TRUE else False if text in _FALSE else WRONG


def _to_time(raw: Any) -> Any:
    match = _TIME.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        return WRONG
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        # the year 0 is one of ISO 8601, and like the year 400 in all but its distance
        days = dt.date(int(year) or 400, int(month), int(day)).toordinal() - EPOCH_DAY
        days -= 0 if int(year) else 146_097
    except ValueError:
        return WRONG
    if hour is None:
        return days * DAY_US
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return WRONG
    # beyond microseconds is cut
    micros = int(((fraction or "") + "000000")[:6])
    at = days * DAY_US + (hours * 3600 + minutes * 60 + seconds) * MICRO + micros
    if zone and zone[0] in "+-":
        behind = zone[1:].replace(":", "")
        off_hours, off_minutes = int(behind[:2]), int(behind[2:] or 0)
        if off_hours > 15 or off_minutes > 59:
            return WRONG
        at -= (off_hours * 3600 + off_minutes * 60) * MICRO * (1 if zone[0] == "+" else -1)
    return at


def _day_of(at: Any) -> Any:
    return at // DAY_US if isinstance(at, int) else at


def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Members of a JSON object; of a name that is there twice the first."""
    members = dict(pairs)
    return members if len(members) == len(pairs) else dict(reversed(pairs))


def _number(literal: str) -> tuple[str]:
    return (literal,)


_DECODER = json.JSONDecoder(
    object_pairs_hook=first_of_each, parse_float=_number, parse_int=_number, parse_constant=_number
)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=[ \t\r\n]*[}\]])', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


def read_json(text: str) -> Any:
    """A JSON value with numbers as `(text,)`; a comma before a closing bracket is read over.

    Raises
    ------
    ValueError
        For a text that is no JSON.
    """
    stripped = text.strip(" \t\r\n")
    try:
        value = _decode(stripped)
    except ValueError:
        without = _TRAILING_COMMA.sub(lambda match: match[1] or "", stripped)
        if without == stripped:
            raise
        value = _decode(without)
    if "\\ud" in text or "\\uD" in text:
        _refuse_half_pairs(text)
    return value


def with_deep_stack(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a recursive function gives for a value nested deeper than Python's usual limit.

    Raises
    ------
    ValueError
        When it is nested deeper than that.
    """
    found: list[Any] = []

    def call() -> None:
        try:
            found.append(function(*arguments))
        except (ValueError, RecursionError) as error:
            found.append(error)

    limit, stack = sys.getrecursionlimit(), threading.stack_size(DEEP_STACK_BYTES)
    sys.setrecursionlimit(DEEPEST)
    try:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(stack)
    if isinstance(found[0], Exception):
        raise ValueError(str(found[0]))
    return found[0]


def _decode(text: str) -> Any:
    try:
        value, end = _DECODER.raw_decode(text)
    except RecursionError:
        value, end = with_deep_stack(_DECODER.raw_decode, text)
    if end != len(text):
        raise ValueError("more than one value")
    return value


def _refuse_half_pairs(text: str) -> None:
    """Refuse a text that spells half of a surrogate pair anywhere: it is no character."""
    high_until = -1
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1] or "0", 16)
        is_low = 0xDC00 <= code < 0xE000
        if is_low != (escape.start() == high_until):
            raise ValueError("half of a surrogate pair")
        high_until = escape.end() if 0xD800 <= code < 0xDC00 else -1
        if high_until >= 0 and not text.startswith("\\u", high_until):
            raise ValueError("half of a surrogate pair")


def _to_object(raw: Any) -> Any:
    """The members of an object, which JSON formats bring as they are and others as a text."""
    if isinstance(raw, dict):
        return raw
    try:
        value = read_json(raw) if isinstance(raw, str) else None
    except ValueError:
        value = None
    return value if isinstance(value, dict) else WRONG


def object_column(raws: list[Any]) -> list[Any]:
    """Values of a column of objects."""
    return [
        None if raw is None or raw == "" else WRONG if isinstance(raw, list) else _to_object(raw)
        for raw in raws
    ]


def canonical(value: Any) -> Any:
    """A form of a JSON value that is equal for equal values, whatever their writing."""
    if isinstance(value, dict):
        return ("{", *sorted((name, canonical(member)) for name, member in value.items()))
    if isinstance(value, list):
        return ("[", *map(canonical, value))
    if isinstance(value, tuple):
        number = read_number(value)
        return ("#", value[0] if number is None else str(number.normalize(_EXACT)) if number else "0")
    if isinstance(value, str):
        return ("'", value)
    return ("", str(value))
