"""Small tools of all proofs: what a mart's rows look like, and statistics of groups. No mart is known in here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from leap_assets.proofs.known import EPOCH, Ints, date_of
from leap_assets.proofs.sums import sum_by as sum_by

Frame: TypeAlias = "dict[str, npt.NDArray[Any]]"
# A mart's rows by column: texts as objects, days as day numbers, times as microseconds since 1970, decimals as whole
# numbers of their last digit, exactly. A null is NaN in a column of float64, None in one of objects; the latter hold
# texts, and whole numbers that are too large for int64.

Floats: TypeAlias = "npt.NDArray[np.float64]"


def objects(texts: Iterable[object]) -> npt.NDArray[np.object_]:
    """A column of texts."""
    texts = list(texts)
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


def divide(numerator: Any, denominator: Any) -> Floats:
    """Quotients, NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    quotient = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def quantile_by(group: Ints, values: Ints, groups: int, share: float) -> Floats:
    """A quantile of each group, on the line between the two values around it; NaN for an empty group."""
    ordered = values[np.lexsort((values, group))]
    size = np.bincount(group, minlength=groups)
    quantiles = np.full(groups, np.nan)
    begin = 0
    for number, count in enumerate(size.tolist()):
        if count:
            quantiles[number] = np.quantile(ordered[begin : begin + count], share)
        begin += count
    return quantiles


def number_groups(*columns: npt.NDArray[Any]) -> tuple[Ints, list[npt.NDArray[Any]]]:
    """Number the distinct combinations of some columns: the number of each row, and the columns of the combinations."""
    rows, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return which.reshape(-1), list(rows.T)


def week_starts(days: Ints) -> Ints:
    """The Monday of each day's week."""
    distinct, which = np.unique(days, return_inverse=True)
    mondays = [day - date_of(day).weekday() for day in distinct.tolist()]
    return np.array(mondays, dtype=np.int64)[which.reshape(-1)]


def month_starts(days: Ints) -> Ints:
    """The first day of each day's month."""
    distinct, which = np.unique(days, return_inverse=True)
    firsts = [(date_of(day).replace(day=1) - EPOCH).days for day in distinct.tolist()]
    return np.array(firsts, dtype=np.int64)[which.reshape(-1)]


def month_ends(days: Ints) -> Ints:
    """The last day of each day's month."""
    # from the first of a month, 31 days on is in the next one
    ends: Ints = month_starts(month_starts(days) + 31) - 1
    return ends


def iso_weeks(days: Ints) -> tuple[Ints, Ints]:
    """ISO year and week of days."""
    weeks = [dt.date.isocalendar(date_of(day)) for day in days.tolist()]
    return (
        np.array([week.year for week in weeks], dtype=np.int64),
        np.array([week.week for week in weeks], dtype=np.int64),
    )
