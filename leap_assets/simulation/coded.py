"""Columns and tables: text as codes into its distinct values, and the few operations that rows need.

``Coded`` keeps an id of 36 characters at four bytes a row and 16 an id. A table is a mapping from column name to
column.
Nothing in here knows a log or draws a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.streams import format_uuids

_MIXER = np.uint64(0x9E3779B97F4A7C15)
# Any large odd number spreads texts that differ in some characters.


@dataclass(frozen=True, eq=False)
class Coded:
    """A text column.

    Attributes
    ----------
    codes : ndarray of int32, shape (rows,)
        Position in ``keys``; -1 is null.
    keys : ndarray of str, shape (k,), or of uint8, shape (k, 16)
        Distinct texts; or distinct uuids as their bytes, a ninth of what their texts would take. A key may have no
        row.
    """

    codes: NDArray[np.int32]
    keys: NDArray[Any]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def values(self) -> NDArray[np.str_]:
        """Distinct texts, shape (k,); those of uuids are made when asked for, 144 bytes each."""
        texts: NDArray[np.str_] = format_uuids(self.keys) if are_uuids(self.keys) else self.keys
        return texts

    def text(self) -> NDArray[np.object_]:
        """Give the texts row by row, ``None`` for null; for looking at, not for millions of rows."""
        texts = np.full(len(self.keys) + 1, None, dtype=object)
        texts[:-1] = self.values
        chosen: NDArray[np.object_] = texts[self.codes]
        return chosen


Column: TypeAlias = "NDArray[Any] | Coded"
Table: TypeAlias = "dict[str, Column]"


def are_uuids(keys: NDArray[Any]) -> bool:
    """Whether keys are the bytes of uuids, shape (k, 16), and not texts, shape (k,)."""
    return keys.ndim == 2


def code(codes: NDArray[Any], values: Sequence[str] | NDArray[np.str_]) -> Coded:
    """Make a column of codes into known values; codes of int32 are taken as they are, not copied."""
    return Coded(codes.astype(np.int32, copy=False), np.asarray(values, dtype=np.str_))


def code_uuids(codes: NDArray[Any], raw: NDArray[np.uint8]) -> Coded:
    """Make a column of codes into uuids of shape (k, 16); codes of int32 are taken as they are, not copied."""
    return Coded(codes.astype(np.int32, copy=False), raw)


def count_rows(table: Mapping[str, Column]) -> int:
    """Count the rows of a table that has at least one column."""
    return len(next(iter(table.values())))


def take(column: Column, rows: NDArray[Any] | slice) -> Column:
    """Give the rows asked for (positions, a mask or a slice), in the order asked for; of a slice, views."""
    if isinstance(column, Coded):
        return Coded(column.codes[rows], column.keys)
    chosen: NDArray[Any] = column[rows]
    return chosen


def take_rows(table: Mapping[str, Column], rows: NDArray[Any] | slice) -> Table:
    """Give the rows asked for of every column."""
    return {name: take(column, rows) for name, column in table.items()}


def compact(table: Mapping[str, Column]) -> Table:
    """Drop the keys that no row refers to, so that a small table does not keep a large one's ids."""
    return {name: _compact(column) if isinstance(column, Coded) else column for name, column in table.items()}


def _compact(column: Coded) -> Coded:
    is_used = np.zeros(len(column.keys) + 1, dtype=bool)
    is_used[column.codes] = True
    # The last one is that of null, which the code -1 finds.
    used = np.flatnonzero(is_used[:-1])
    new_code = np.full(len(column.keys) + 1, -1, dtype=np.int32)
    new_code[used] = np.arange(len(used), dtype=np.int32)
    return Coded(new_code[column.codes], column.keys[used])


def stack(
    first: Column, keep: NDArray[np.bool_], others: Sequence[Column], copies: NDArray[np.int64]
) -> Column:
    """Put kept rows, further rows and copies of rows under each other, writing each row once.

    Parameters
    ----------
    first : column
        The day's own rows.
    keep : ndarray of bool
        Which of them stay.
    others : sequence of columns
        Rows that follow them.
    copies : ndarray of int64
        Positions in what has been put together so far, to be repeated at the end.
    """
    if isinstance(first, Coded):
        coded = [other for other in others if isinstance(other, Coded)]
        keys, recoded = _union(first.keys, coded)
        return Coded(_stack(first.codes, keep, recoded, copies), keys)
    return _stack(first, keep, [other for other in others if not isinstance(other, Coded)], copies)


def _stack(
    first: NDArray[Any], keep: NDArray[np.bool_], others: Sequence[NDArray[Any]], copies: NDArray[np.int64]
) -> NDArray[Any]:
    kept = int(np.count_nonzero(keep))
    good = kept + sum(len(other) for other in others)
    stacked = np.empty(good + len(copies), dtype=first.dtype)
    np.compress(keep, first, out=stacked[:kept])
    at = kept
    for other in others:
        stacked[at : at + len(other)] = other
        at += len(other)
    stacked[good:] = stacked[copies]
    return stacked


def _union(base: NDArray[Any], others: Sequence[Coded]) -> tuple[NDArray[Any], list[NDArray[np.int32]]]:
    """Add the keys of other columns that are not there yet; gives all keys, and the others' codes into them."""
    if not any(len(other) for other in others):
        return base, [other.codes for other in others]
    wanted = np.concatenate([other.keys for other in others])
    known = _find(base, wanted)
    added: list[int] = []
    new_code: list[int] = []
    for place, key in enumerate(_list_keys(wanted)):
        if key not in known:
            known[key] = len(base) + len(added)
            added.append(place)
        new_code.append(known[key])
    ends = np.cumsum([len(other.keys) for other in others])
    parts = np.split(np.array(new_code, dtype=np.int32), ends[:-1])
    none = np.array([-1], dtype=np.int32)
    recoded = [np.append(part, none)[other.codes] for part, other in zip(parts, others, strict=True)]
    return (np.concatenate([base, wanted[added]]) if added else base), recoded


def _find(base: NDArray[Any], wanted: NDArray[Any]) -> dict[Any, int]:
    """Give the positions of a few wanted keys among many, and by chance of some others.

    A dictionary of all the keys would be most of the cost of a day's ids.
    """
    if not len(wanted):
        return {}
    mark, marks = _mark(base), np.sort(_mark(wanted))
    place = np.minimum(np.searchsorted(marks, mark), len(marks) - 1)
    likely = np.flatnonzero(marks[place] == mark)
    return dict(zip(_list_keys(base[likely]), likely.tolist(), strict=True))


def _list_keys(keys: NDArray[Any]) -> list[Any]:
    """Give keys as what Python can look up: texts, or the bytes of uuids."""
    listed: list[Any] = (keys.view("V16")[:, 0] if are_uuids(keys) else keys).tolist()
    return listed


def _mark(keys: NDArray[Any]) -> NDArray[np.uint64]:
    """Give a number for the first eight characters or bytes of each key, by chance the same for some others."""
    if are_uuids(keys):
        return keys.view(np.uint64)[:, 0]
    words = keys.astype("U8").view(np.uint64).reshape(len(keys), 4)
    mixed: NDArray[np.uint64] = words[:, 0].copy()
    for word in (1, 2, 3):
        mixed *= _MIXER
        mixed += words[:, word]
    return mixed
