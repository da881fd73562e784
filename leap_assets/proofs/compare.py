"""The comparison of a proof: expected rows against a mart's rows, key by key, column by column.

Equal means: texts, days, times, counts, amounts and rounded quotients exactly, a double to 1e-9 of its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_assets.proofs.frames import Frame
from leap_assets.proofs.known import Ints

RELATIVE = 1e-9
# of doubles: both sides divide whole numbers, but not in the same order
EXAMPLES = 5


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    days : ndarray of int64, shape (d,)
        Day numbers, ascending.
    compared, differing : ndarray of int64, shape (d,)
        Rows of either side on that day: all, and those missing, superfluous or with another value.
    matched, expected, actual : int
        Rows equal in both, rows of the truth, rows of the mart.
    examples : list of str
        Some differing rows in words.
    """

    days: Ints
    compared: Ints
    differing: Ints
    matched: int
    expected: int
    actual: int
    examples: list[str]

    @property
    def rows_compared(self) -> int:
        """All rows of either side."""
        return int(self.compared.sum())

    @property
    def rows_differing(self) -> int:
        """Those that are not the same in both."""
        return int(self.differing.sum())


def compare(
    expected: Frame,
    actual: Frame,
    types: Mapping[str, str],
    key: Sequence[str],
    days: tuple[Ints, Ints] | int,
    say: Callable[[str, Any], str] = lambda _, value: str(value),
    source: str = "the truth",
) -> Comparison:
    """Compare two tables row by row.

    Parameters
    ----------
    expected, actual : Frame
    types : mapping from column to {"text", "double", "exact"}
        Of the mart; both sides must have exactly these columns.
    key : sequence of str
        Columns that identify a row.
    days : pair of ndarray of int64, or int
        The day number that each row is counted on, of both sides; or the day of all rows.
    say : callable
        From a column and one of its values to how people read it.
    source : str
        What the expected rows come from, in words.

    Raises
    ------
    ValueError
        When the columns are not the same.
    """
    for side, frame in ((source, expected), ("the mart", actual)):
        if set(frame) != set(types):
            raise ValueError(
                f"columns of {side} and of the type list differ: {sorted(set(frame) ^ set(types))}"
            )
    numbers = _number_rows([(expected[name], actual[name]) for name in key])
    count = len(numbers[0])
    both = np.concatenate(numbers)
    order = np.argsort(both, kind="stable")
    group = np.cumsum(np.diff(both[order], prepend=-1) != 0) - 1
    of_row = np.empty(len(both), dtype=np.int64)
    of_row[order] = group
    groups = int(group[-1]) + 1 if len(group) else 0
    sides = np.zeros((2, groups), dtype=np.int64)
    np.add.at(sides[0], of_row[:count], 1)
    np.add.at(sides[1], of_row[count:], 1)
    row = np.full((2, groups), -1)
    row[0][of_row[:count]] = np.arange(count)
    row[1][of_row[count:]] = np.arange(len(both) - count)

    is_pair = (sides == 1).all(axis=0)
    pairs = np.flatnonzero(is_pair)
    unequal: dict[str, npt.NDArray[np.bool_]] = {}
    differs = ~is_pair
    for name, kind in types.items():
        wrong = ~_equal(expected[name][row[0][pairs]], actual[name][row[1][pairs]], kind)
        if wrong.any():
            unequal[name] = wrong
            differs[pairs] |= wrong
    # a key that is there twice on a side: every row beyond a pair differs
    size = sides.max(axis=0)
    of_group = np.zeros(groups, dtype=np.int64)
    if isinstance(days, tuple):
        of_group[of_row] = np.concatenate(days)
    else:
        of_group[:] = days
    distinct_days, which = np.unique(of_group, return_inverse=True)
    compared, differing = np.zeros((2, len(distinct_days)), dtype=np.int64)
    np.add.at(compared, which.reshape(-1), size)
    np.add.at(differing, which.reshape(-1), np.where(differs, size, 0))
    examples = []
    for number in np.flatnonzero(differs)[:EXAMPLES].tolist():
        one, other = row[:, number]
        frame, at = (expected, one) if one >= 0 else (actual, other)
        said = ", ".join(f"{name} {say(name, frame[name][at])}" for name in key)
        if sides[1][number] == 0:
            said += ": missing"
        elif sides[0][number] == 0:
            said += f": not in {source}"
        elif not is_pair[number]:
            said += f": {sides[1][number]} rows, expected {sides[0][number]}"
        else:
            place = int(np.searchsorted(pairs, number))
            wrong_columns = [name for name, wrong in unequal.items() if wrong[place]]
            said += ": " + ", ".join(
                f"{name} {say(name, actual[name][other])}, expected {say(name, expected[name][one])}"
                for name in wrong_columns
            )
        examples.append(said)
    matched = int((~differs).sum())
    return Comparison(distinct_days, compared, differing, matched, count, len(both) - count, examples)


def join_comparisons(parts: Sequence[Comparison]) -> Comparison:
    """One comparison of several that share no key; they may share days."""
    days, which = np.unique(np.concatenate([part.days for part in parts]), return_inverse=True)
    compared, differing = np.zeros((2, len(days)), dtype=np.int64)
    np.add.at(compared, which.reshape(-1), np.concatenate([part.compared for part in parts]))
    np.add.at(differing, which.reshape(-1), np.concatenate([part.differing for part in parts]))
    matched, expected, actual = (
        sum(getattr(part, name) for part in parts) for name in ("matched", "expected", "actual")
    )
    examples = [example for part in parts for example in part.examples][:EXAMPLES]
    return Comparison(days, compared, differing, matched, expected, actual, examples)


def _number_rows(columns: Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> tuple[Ints, Ints]:
    """One number a row for the combination of its key columns, the same on both sides."""
    split = len(columns[0][0])
    number = np.zeros(split + len(columns[0][1]), dtype=np.int64)
    for one, other in columns:
        both = np.concatenate([one, other])
        if both.dtype == object:
            position: dict[Any, int] = {}
            code = np.array(
                [position.setdefault(value, len(position)) for value in both.tolist()], dtype=np.int64
            )
        else:
            code = np.unique(both, return_inverse=True)[1].reshape(-1)
        # numbered anew after each column: the product of two is far from overflowing
        number = np.unique(number * (int(code.max(initial=0)) + 1) + code, return_inverse=True)[1].reshape(-1)
    return number[:split], number[split:]


def _equal(expected: npt.NDArray[Any], actual: npt.NDArray[Any], kind: str) -> npt.NDArray[np.bool_]:
    if kind == "text":
        return np.asarray(expected == actual, dtype=bool)
    if kind == "double":
        return _near(expected, actual)
    if object in (expected.dtype, actual.dtype):
        # Python compares whole numbers of any size with each other and with doubles exactly
        return np.array(
            [one == other for one, other in zip(_with_none(expected), _with_none(actual), strict=True)],
            dtype=bool,
        )
    equal = np.asarray(expected == actual, dtype=bool)
    if expected.dtype.kind == "f" and actual.dtype.kind == "f":
        equal |= np.isnan(expected) & np.isnan(actual)
    return equal


def _with_none(column: npt.NDArray[Any]) -> list[Any]:
    values = column.tolist()
    return [None if value != value else value for value in values] if column.dtype.kind == "f" else values


def _near(expected: npt.NDArray[Any], actual: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether two values are near each other, or both null."""
    one, other = actual.astype(float), expected.astype(float)
    near: npt.NDArray[np.bool_] = np.isclose(one, other, rtol=RELATIVE, atol=0.0, equal_nan=True)
    return near
