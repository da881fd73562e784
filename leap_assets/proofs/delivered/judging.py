"""The judgement of each line: accepted, or the reason why it is not, by the contract of its log.

The order of the reasons is the order in which they are looked at: the first that applies to any column is given.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap_assets.landing.contracts import Column, Contract
from leap_assets.proofs.delivered.reading import Records
from leap_assets.proofs.delivered.values import (
    DAY_US,
    MICRO,
    NESTED,
    WRONG,
    Memo,
    convert_text,
    decimal_digits,
)

HOUR_US = 3600 * MICRO
LATE_US, EARLY_US = 72 * HOUR_US, 48 * HOUR_US
# a line comes so long after its event; and its clock is at most a day ahead of the end of its delivery day

UNPARSABLE, MISSING, WRONG_TYPE, NOT_ALLOWED, UNKNOWN_TYPE, OUT = (
    "unparsable",
    "missing_required",
    "wrong_type",
    "value_not_allowed",
    "unknown_event_type",
    "out_of_window",
)


@dataclass(frozen=True)
class Limits:
    """What decides about a line besides its contract.

    Attributes
    ----------
    start : int
        First day number of the warehouse.
    first_rates : mapping from currency to int
        First day number with an exchange rate.
    session_us : int
        The longest player-session.
    event_types : tuple of str
        Known types of client events beside those of the contract.
    """

    start: int
    first_rates: Mapping[str, int]
    session_us: int
    event_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """Lines of a file: the accepted ones as columns, the others counted by reason.

    `columns` has the contract's columns and properties, and `started` (microseconds) of logs with a time.
    """

    received: int
    reasons: Counter[str]
    accepted: int
    columns: Mapping[str, list[Any]]


class Judge:
    """The rules of one log."""

    def __init__(self, contract: Contract, limits: Limits) -> None:
        self._contract = contract
        self._limits = limits
        self._types = {column.name: column for column in (*contract.columns, *contract.properties)}
        self._memos = {column.name: Memo(convert_text(column)) for column in contract.properties}
        self._forms = {
            column.name: re.compile(column.pattern) for column in self._types.values() if column.pattern
        }

    def judge(self, records: Records, day: int) -> Judged:
        """Judge some records of a delivery day."""
        reasons: Counter[str] = Counter()
        rows = records.rows if records.is_record is None else sum(records.is_record)
        if records.rows > rows:
            reasons[UNPARSABLE] = records.rows - rows
        nothing: list[Any] = [None] * rows
        columns = {name: records.columns.get(name, nothing) for name in self._contract.names}
        columns |= self._open_properties(columns, rows)
        found: list[str | None] = [None] * rows
        wrong = {name: _places(values, WRONG) for name, values in columns.items()}
        for number in self._missing(columns):
            found[number] = MISSING
        for places in wrong.values():
            for number in places:
                found[number] = found[number] or WRONG_TYPE
        # of the rest every value is of its type
        started = self._started(columns, day, rows, found)
        for number in self._not_allowed(columns, started, found):
            found[number] = found[number] or NOT_ALLOWED
        if self._contract.event_type:
            known = {*self._contract.event_types, *self._limits.event_types}
            for number, event_type in enumerate(columns[self._contract.event_type]):
                if event_type not in known:
                    found[number] = found[number] or UNKNOWN_TYPE
        if self._contract.time:
            for number in self._out_of_window(columns, started, day, found):
                found[number] = found[number] or OUT
            columns["started"] = started
        refused = Counter(reason for reason in found if reason)
        reasons += refused
        if refused:
            columns = {
                name: [value for value, reason in zip(values, found, strict=True) if reason is None]
                for name, values in columns.items()
            }
        return Judged(records.rows, reasons, rows - refused.total(), columns)

    def _open_properties(self, columns: Mapping[str, list[Any]], rows: int) -> dict[str, list[Any]]:
        """Properties of the lines whose event type has them."""
        opened: dict[str, list[Any]] = {column.name: [None] * rows for column in self._contract.properties}
        if not opened:
            return opened
        by_type: dict[str, list[Column]] = {}
        for column in self._contract.properties:
            for event_type in column.events:
                by_type.setdefault(event_type, []).append(column)
        types = columns[self._contract.event_type or ""]
        for number, (event_type, members) in enumerate(zip(types, columns["properties"], strict=True)):
            if not members or members is WRONG or event_type is WRONG:
                continue
            for column in by_type.get(event_type, ()):
                raw = members.get(column.name)
                if raw is not None:
                    if isinstance(raw, dict | list):
                        raw = NESTED
                    opened[column.name][number] = self._memos[column.name][raw]
        return opened

    def _missing(self, columns: Mapping[str, list[Any]]) -> Iterable[int]:
        for column in self._contract.columns:
            if column.required:
                yield from _places(columns[column.name], None)
        if not self._contract.event_type:
            return
        types, members = columns[self._contract.event_type], columns.get("properties", [])
        for column in self._contract.properties:
            for number in _places(columns[column.name], None) if column.required_for else ():
                if types[number] in column.required_for and members[number] is not WRONG:
                    yield number

    def _started(
        self, columns: Mapping[str, list[Any]], day: int, rows: int, found: Sequence[str | None]
    ) -> list[Any]:
        """When each line's fact started, in microseconds."""
        if self._contract.time is None:
            return [day * DAY_US] * rows
        times = columns[self._contract.time]
        if self._contract.length_s is None:
            return times
        unit = _micros_per_unit(self._types[self._contract.length_s])
        lengths = columns[self._contract.length_s]
        return [
            None if reason else at - length * unit
            for at, length, reason in zip(times, lengths, found, strict=True)
        ]

    def _not_allowed(
        self, columns: Mapping[str, list[Any]], started: list[Any], found: Sequence[str | None]
    ) -> Iterable[int]:
        for name, column in self._types.items():
            values = columns[name]
            if column.allowed:
                allowed = {*column.allowed, None, WRONG}
                yield from (number for number, value in enumerate(values) if value not in allowed)
            if column.pattern:
                fits = Memo(self._forms[name].fullmatch)
                yield from (
                    number
                    for number, value in enumerate(values)
                    if isinstance(value, str) and fits[value] is None
                )
            least, most = column.minimum, column.maximum
            if least is None and most is None and column.type != "double":
                continue
            unit = 10 ** decimal_digits(column) if column.sql_type.startswith("decimal") else 1
            low = -math.inf if least is None else least * unit
            high = math.inf if most is None else most * unit
            is_double = column.type == "double"
            for number, value in enumerate(values):
                if value is None or value is WRONG:
                    continue
                if not low <= value <= high or (is_double and not math.isfinite(value)):
                    yield number
        if self._contract.rated:
            first = self._limits.first_rates
            never = math.inf
            for number, (currency, at, reason) in enumerate(
                zip(columns[self._contract.rated], started, found, strict=True)
            ):
                if currency is not None and not reason and first.get(currency, never) > at // DAY_US:
                    yield number

    def _out_of_window(
        self, columns: Mapping[str, list[Any]], started: list[Any], day: int, found: Sequence[str | None]
    ) -> Iterable[int]:
        times = columns[self._contract.time or ""]
        last = day * DAY_US + EARLY_US
        first = day * DAY_US - LATE_US
        longest = math.inf
        if self._contract.length_s:
            longest = self._limits.session_us
            first -= max(0, longest - 24 * HOUR_US)
        first = max(first, self._limits.start * DAY_US)
        for number, (at, begun, reason) in enumerate(zip(times, started, found, strict=True)):
            if not reason and not (first <= begun and at <= last and at - begun <= longest):
                yield number


def _places(values: list[Any], wanted: object) -> list[int]:
    """Positions of None or WRONG."""
    return [number for number, value in enumerate(values) if value is wanted]


def _micros_per_unit(column: Column) -> int:
    """Microseconds of the last digit of a length in seconds."""
    return MICRO if column.type == "integer" else MICRO // 10 ** decimal_digits(column)


def length_us(contract: Contract, columns: Mapping[str, list[Any]]) -> list[int]:
    """Lengths of accepted lines in microseconds."""
    name = contract.length_s or ""
    column = next(column for column in contract.columns if column.name == name)
    unit = _micros_per_unit(column)
    return [length * unit for length in columns[name]]
