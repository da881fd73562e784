"""Columns and tables: text as codes into its distinct values, and the few operations that rows need.

``Coded`` keeps a 36-character id at four bytes a row. A table is a mapping from column name to column.
Nothing in here knows a log or draws a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_MIXER = np.uint64(0x9E3779B97F4A7C15)
# Any large odd number spreads texts that differ in some characters.


@dataclass(frozen=True, eq=False)
class Coded:
    """A text column.

    Attributes
    ----------
    codes : ndarray of int32, shape (rows,)
        Position in ``values``; -1 is null.
    values : ndarray of str, shape (k,)
        Distinct texts. A value may have no row.
    """

    codes: NDArray[np.int32]
    values: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.codes)

    def text(self) -> NDArray[np.object_]:
        """Give the texts row by row, ``None`` for null; for looking at, not for millions of rows."""
        texts = np.full(len(self.values) + 1, None, dtype=object)
        texts[:-1] = self.values
        chosen: NDArray[np.object_] = texts[self.codes]
        return chosen


Column: TypeAlias = "NDArray[Any] | Coded"
Table: TypeAlias = "dict[str, Column]"


def code(codes: NDArray[Any], values: Sequence[str] | NDArray[np.str_]) -> Coded:
    """Make a column of codes into known values."""
    return Coded(codes.astype(np.int32), np.asarray(values, dtype=np.str_))


def count_rows(table: Mapping[str, Column]) -> int:
    """Count the rows of a table that has at least one column."""
    return len(next(iter(table.values())))


def take(column: Column, rows: NDArray[Any]) -> Column:
    """Give the rows asked for (positions or a mask), in the order asked for."""
    if isinstance(column, Coded):
        return Coded(column.codes[rows], column.values)
    chosen: NDArray[Any] = column[rows]
    return chosen


def take_rows(table: Mapping[str, Column], rows: NDArray[Any]) -> Table:
    """Give the rows asked for of every column."""
    return {name: take(column, rows) for name, column in table.items()}


def compact(table: Mapping[str, Column]) -> Table:
    """Drop the text values that no row refers to, so that a small table does not keep a large one's ids."""
    return {name: _compact(column) if isinstance(column, Coded) else column for name, column in table.items()}


def _compact(column: Coded) -> Coded:
    used = np.unique(column.codes[column.codes >= 0])
    new_code = np.full(len(column.values) + 1, -1, dtype=np.int32)
    new_code[used] = np.arange(len(used), dtype=np.int32)
    return Coded(new_code[column.codes], column.values[used])


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
        values, recoded = _union(first.values, coded)
        return Coded(_stack(first.codes, keep, recoded, copies), values)
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


def _union(
    base: NDArray[np.str_], others: Sequence[Coded]
) -> tuple[NDArray[np.str_], list[NDArray[np.int32]]]:
    if not any(len(other) for other in others):
        return base, [other.codes for other in others]
    known = _find(base, np.concatenate([other.values for other in others]))
    added: list[str] = []
    recoded = []
    for other in others:
        new_code = []
        for text in other.values.tolist():
            if text not in known:
                known[text] = len(base) + len(added)
                added.append(text)
            new_code.append(known[text])
        recoded.append(np.array([*new_code, -1], dtype=np.int32)[other.codes])
    return (np.concatenate([base, np.array(added, dtype=np.str_)]) if added else base), recoded


def _find(base: NDArray[np.str_], wanted: NDArray[np.str_]) -> dict[str, int]:
    """Give the positions of a few wanted texts among many, and by chance of some others.

    A dictionary of all the texts would be most of the cost of a day's ids.
    """
    if not len(wanted):
        return {}
    mark, marks = _mark(base), np.sort(_mark(wanted))
    place = np.minimum(np.searchsorted(marks, mark), len(marks) - 1)
    likely = np.flatnonzero(marks[place] == mark)
    return dict(zip(base[likely].tolist(), likely.tolist(), strict=True))


def _mark(texts: NDArray[np.str_]) -> NDArray[np.uint64]:
    """Give a number for the first eight characters of each text, by chance the same for some others."""
    words = texts.astype("U8").view(np.uint64).reshape(len(texts), 4)
    mixed: NDArray[np.uint64] = words[:, 0].copy()
    for word in (1, 2, 3):
        mixed *= _MIXER
        mixed += words[:, word]
    return mixed
