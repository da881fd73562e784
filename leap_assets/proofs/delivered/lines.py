"""Accepted lines by log and event day, as compact arrays in the order of their arrival, and which of them repeat a key.

The order of arrival is that of delivery day, file and line; of the lines of a key and day the first one counts. What
lines mean is not in here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.proofs.delivered.judging import Judged, length_us
from leap_assets.proofs.delivered.values import DAY_US, canonical, with_deep_stack
from leap_assets.proofs.known import Dictionary, Ints, Names

Columns = dict[str, npt.NDArray[Any]]
NULL = np.iinfo(np.int64).min
# in a column of whole numbers

PLAYER, MATCH, WORD, WHOLE, REAL, OBJECT, DIGEST = range(7)
# how a column is kept: the number of a player, match or other text (-1 for null), int64, float64 (NaN for null), the
# text itself, or a digest of a JSON value
KEPT: Mapping[str, Mapping[str, int]] = {
    "player": {
        "player_id": PLAYER,
        "event_date_time": WHOLE,
        "country": WORD,
        "platform": WORD,
        "experiment_group": WORD,
        "display_name": WORD,
    },
    "product": {
        "purchase_item": WORD,
        "product_name": WORD,
        "transaction_type": WORD,
        "tier": WORD,
        "price": WHOLE,
        "currency": WORD,
        "cycle": WORD,
        "available_from": WHOLE,
    },
    "signons": {"player_id": PLAYER, "event_date_time": WHOLE, "platform": WORD},
    "session": {
        "player_id": PLAYER,
        "session_id": MATCH,
        "event_date_time": WHOLE,
        "country": WORD,
        "length_us": WHOLE,
        "kills": WHOLE,
        "deaths": WHOLE,
    },
    "transaction": {
        "transaction_id": OBJECT,
        "player_id": PLAYER,
        "event_date_time": WHOLE,
        "purchase_item": WORD,
        "purchase_price": WHOLE,
        "currency": WORD,
        "is_recurring": WHOLE,
        "cycle": WORD,
        "transaction_type": WORD,
        "refunded_transaction_id": OBJECT,
    },
    "heartbeat": {
        "player_id": PLAYER,
        "session_id": MATCH,
        "event_date_time": WHOLE,
        "team_id": WORD,
        "position_x": REAL,
        "position_y": REAL,
        "position_z": REAL,
    },
    "client": {
        "event_id": OBJECT,
        "player_id": PLAYER,
        "session_id": MATCH,
        "event_type": WORD,
        "timestamp": WHOLE,
        "properties": DIGEST,
        "level": WHOLE,
        "product": WORD,
        "price": WHOLE,
        "currency": WORD,
        "ad_type": WORD,
        "revenue": WHOLE,
        "feature": WORD,
    },
}
NOT_COMPARED: Mapping[str, tuple[str, ...]] = {
    "client": ("level", "product", "price", "currency", "ad_type", "revenue", "feature")
}
# read from a column that is compared
ATTRIBUTES = ("country", "platform", "experiment_group", "display_name")
# of a player: lines of one player and day agree while no attribute that both have differs


@dataclass(frozen=True)
class Numbering:
    """Numbers of players, matches and all other texts, common to all days."""

    names: Dictionary = field(default_factory=Dictionary)
    matches: Names = field(default_factory=Names)

    def number(self, kind: int, texts: Iterable[str | None]) -> Ints:
        """Numbers of texts, -1 for null."""
        of = (self.names.players, self.matches, self.names.words)[kind].of
        known: dict[str | None, int] = {None: -1}
        numbers = []
        for text in texts:
            number = known.get(text)
            if number is None:
                number = known[text] = of(text)  # type: ignore[arg-type]
            numbers.append(number)
        return np.array(numbers, dtype=np.int64)


class Store:
    """Lines by event day and log. `delivered_on` is the delivery day of a line, `day` its event day."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self._days: defaultdict[int, defaultdict[str, list[Columns]]] = defaultdict(lambda: defaultdict(list))

    def add(self, log: str, judged: Judged, delivered_on: int) -> None:
        """Take in accepted lines, which come in the order of arrival."""
        if not judged.accepted:
            return
        columns = dict(judged.columns)
        if log == "session":
            columns["length_us"] = length_us(CONTRACTS[log], columns)
        kept: Columns = {name: self._keep(kind, columns[name]) for name, kind in KEPT[log].items()}
        kept["delivered_on"] = np.full(judged.accepted, delivered_on, dtype=np.int64)
        started = columns.get("started")
        day = kept["delivered_on"] if started is None else np.array(started, dtype=np.int64) // DAY_US
        kept["day"] = day
        for number in np.unique(day).tolist():
            rows = day == number
            part = kept if rows.all() else {name: column[rows] for name, column in kept.items()}
            self._days[number][log].append(part)

    def _keep(self, kind: int, values: Sequence[Any]) -> npt.NDArray[Any]:
        if kind in (PLAYER, MATCH, WORD):
            return self.numbering.number(kind, values)
        if kind == WHOLE:
            return np.array([NULL if value is None else value for value in values], dtype=np.int64)
        if kind == REAL:
            return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        if kind == DIGEST:
            return np.array([digest(value) for value in values], dtype=np.int64)
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column

    @property
    def days(self) -> list[int]:
        """Event days with lines, ascending."""
        return sorted(self._days)

    def count(self, day: int) -> int:
        """Lines of an event day."""
        return sum(len(part["day"]) for parts in self._days.get(day, {}).values() for part in parts)

    def lines(self, log: str, first: int, last: int) -> Columns:
        """Lines of a log of some event days, ends included, day after day and in the order of arrival."""
        parts = [
            part
            for day in range(first, last + 1)
            if day in self._days
            for part in self._days[day].get(log, ())
        ]
        names = (*KEPT[log], "delivered_on", "day")
        if not parts:
            return {name: _nothing(KEPT[log].get(name, WHOLE)) for name in names}
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def forget(self, before: int) -> None:
        """Drop the lines of all days before one."""
        for day in [day for day in self._days if day < before]:
            del self._days[day]


def _nothing(kind: int) -> npt.NDArray[Any]:
    return np.empty(0, dtype={REAL: np.float64, OBJECT: object}.get(kind, np.int64))


def digest(members: Any) -> int:
    """A number that is equal for equal properties, however they are written."""
    if members is None:
        return NULL
    try:
        shown = repr(canonical(members))
    except RecursionError:
        shown = with_deep_stack(lambda: repr(canonical(members)))
    text = shown.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little", signed=True)


@dataclass(frozen=True)
class Repeats:
    """Which lines count, and what became of the others.

    Attributes
    ----------
    counts : ndarray of bool
        Whether a line is the first of its key and day.
    duplicate, conflicting : ndarray of bool
        The others, by whether their values are those of the first.
    """

    counts: npt.NDArray[np.bool_]
    duplicate: npt.NDArray[np.bool_]
    conflicting: npt.NDArray[np.bool_]

    def count(self, delivered_on: Ints, kind: npt.NDArray[np.bool_]) -> Counter[int]:
        """Lines of a kind by delivery day."""
        days, lines = np.unique(delivered_on[kind], return_counts=True)
        return Counter(dict(zip(days.tolist(), lines.tolist(), strict=True)))


def find_repeats(log: str, lines: Columns) -> Repeats:
    """Compare each line with the first line of its key and event day."""
    contract = CONTRACTS[log]
    rows = len(lines["day"])
    keys = [_sortable(lines[name]) for name in contract.key] + [lines["day"]]
    # stable: lines of a key stay in the order of arrival
    order = np.lexsort(keys)
    is_first = np.ones(rows, dtype=bool)
    if rows:
        same = np.ones(rows - 1, dtype=bool)
        for key in keys:
            same &= key[order][1:] == key[order][:-1]
        is_first[1:] = ~same
    leader = order[np.maximum.accumulate(np.where(is_first, np.arange(rows), 0))] if rows else order
    first_of = np.empty(rows, dtype=np.int64)
    first_of[order] = leader
    counts = np.zeros(rows, dtype=bool)
    counts[order[is_first]] = True
    conflicting = np.zeros(rows, dtype=bool)
    later = np.flatnonzero(~counts)
    if len(later):
        for name in KEPT[log]:
            if name in contract.key or name in NOT_COMPARED.get(log, ()):
                continue
            if log == "player" and name not in ATTRIBUTES:
                continue
            own, first = lines[name][later], lines[name][first_of[later]]
            differs = own != first
            if own.dtype.kind == "f":
                differs &= ~(np.isnan(own) & np.isnan(first))
            if log == "player":
                differs &= (own >= 0) & (first >= 0)
            conflicting[later] |= np.asarray(differs, dtype=bool)
    return Repeats(counts, ~counts & ~conflicting, conflicting)


def _sortable(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if column.dtype != object:
        return column
    number: dict[str, int] = {}
    return np.array([number.setdefault(text, len(number)) for text in column.tolist()], dtype=np.int64)


def keep(lines: Columns, rows: npt.NDArray[Any]) -> Columns:
    """Some rows of lines."""
    return {name: column[rows] for name, column in lines.items()}
