"""Exact arithmetic of whole numbers of any size: sums, running sums, rounded quotients, and nulls among them.

Numbers are int64 where none can overflow, else Python's own in a column of objects: amounts of a currency of many zeros
pass 2^63 within a year. No fact and no mart is known in here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Whole: TypeAlias = "npt.NDArray[Any]"
# Whole numbers: int64, or Python's own as objects.

TOO_LARGE = 2**63
EXACT_DOUBLE = 2**53
# up to here each whole number is a double, so that a column of doubles may have NaN for null


def whole(numbers: Iterable[int]) -> Whole:
    """A column of whole numbers."""
    numbers = list(numbers)
    if all(-TOO_LARGE < number < TOO_LARGE for number in numbers):
        return np.array(numbers, dtype=np.int64)
    column = np.empty(len(numbers), dtype=object)
    column[:] = numbers
    return column


def largest(numbers: Whole) -> int:
    """The largest absolute value; 0 for none."""
    if numbers.dtype == object:
        return max(map(abs, numbers.ravel().tolist()), default=0)
    return max(abs(int(numbers.max(initial=0))), abs(int(numbers.min(initial=0))))


def _shrunk(numbers: Whole) -> Whole:
    return numbers.astype(np.int64) if largest(numbers) < TOO_LARGE else numbers


def sum_by(group: npt.NDArray[np.int64], values: Any, groups: int) -> Whole:
    """Sums of whole numbers by group, exact."""
    values = np.asarray(values)
    if values.dtype != object and largest(values) * max(len(values), 1) < TOO_LARGE:
        sums = np.zeros(groups, dtype=np.int64)
        np.add.at(sums, group, values)
        return sums
    sums = np.zeros(groups, dtype=object)
    np.add.at(sums, group, values.astype(object))
    return _shrunk(sums)


def accumulate(values: Whole) -> Whole:
    """Running sums along the last axis, exact."""
    if values.dtype != object and largest(values) * max(values.shape[-1], 1) < TOO_LARGE:
        return np.cumsum(values, axis=-1)
    return _shrunk(np.cumsum(values.astype(object), axis=-1))


def to_millionths(hundredths: Whole, millionths: Whole | int = 0) -> Whole:
    """An amount in hundredths and one in millionths, together in millionths."""
    millionths = np.asarray(millionths)
    if 10_000 * largest(hundredths) + largest(millionths) >= TOO_LARGE:
        hundredths = hundredths.astype(object)
    return _shrunk(np.asarray(10_000 * hundredths + millionths))


def round_quotient(numerator: Whole, denominator: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Quotients to the nearest whole number, halves away from zero; null where the denominator is 0, see `nullable`.

    Denominators are not negative.
    """
    if 2 * largest(numerator) + largest(denominator) >= TOO_LARGE:
        numerator = numerator.astype(object)
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    by = np.maximum(denominator, 1)
    size = (2 * np.abs(numerator) + by) // (2 * by)
    return nullable(_shrunk(np.where(numerator < 0, -size, size)), denominator > 0)


def nullable(values: Whole, is_known: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Values with null where they are not known: NaN in a column of doubles, or None beyond what a double holds."""
    if is_known.all():
        return values
    if values.dtype != object and largest(values) < EXACT_DOUBLE:
        return np.where(is_known, values, np.nan)
    column = values.astype(object)
    column[~is_known] = None
    return column
