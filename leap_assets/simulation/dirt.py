"""The known defects of a delivery: which good lines come late, and which bad lines are added beside others.

Rates and kinds are decided here, and the columns of copies that differ from their original. Damage to the
text of a line (cut off, wrong type, missing field, bad encoding) is done by whoever writes the text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.coded import Coded, Table
from leap_assets.simulation.config import WorldConfig

DEFECT_KINDS = (
    "duplicate",
    "conflicting_duplicate",
    "future_clock",
    "truncated",
    "wrong_type",
    "missing_field",
    "bad_encoding",
    "unknown_event",
)
# New kinds go to the end: a log that cannot have them then keeps the defects it had.

LATEST_DAYS = 3
# Lines over 72 hours older than their delivery day would be rejected.

_TEXT_ONLY = ("truncated", "wrong_type", "bad_encoding")
_BINARY_LOGS = ("heartbeat",)
_UNTIMED_LOGS = ("product",)
_EVENT_LOGS = ("client",)
_CONFLICTING_COLUMN = {
    "player": "platform",
    "product": "price",
    "signons": "platform",
    "session": "kills",
    "transaction": "purchase_price",
    "heartbeat": "position_x",
}
_CLIENT_MEASURES = {
    "level_start": "level",
    "level_complete": "score",
    "level_fail": "score",
    "purchase": "price",
    "ad_watched": "revenue",
    "achievement_unlocked": "achievement",
    "feature_used": "feature",
    "session_end": "session_length",
}
# What a copy has different, by event type; a session_start has nothing but its time.
_CLOCK_STEP = np.timedelta64(500, "ms")
# A player-session starts on a whole second and lasts at least one: half of one more is inside it, on the same day.
_ONE_MORE = ("kills", "level", "score", "session_length")
_CENT = 10_000
_MICROSECONDS_A_DAY = 86_400_000_000


def defect_rates(config: WorldConfig, log: str) -> dict[str, float]:
    """Give the rate of every kind of defect in a log, 0 for a kind that the log cannot have."""
    rates = {kind: float(getattr(config, f"{kind}_rate")) for kind in DEFECT_KINDS}
    if log in _BINARY_LOGS:
        rates |= dict.fromkeys(_TEXT_ONLY, 0.0)
    if log in _UNTIMED_LOGS:
        rates["future_clock"] = 0.0
    if log not in _EVENT_LOGS:
        rates["unknown_event"] = 0.0
    return rates


def draw_late_rows(
    rng: np.random.Generator, config: WorldConfig, log: str, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the rows of an event day that come late.

    Returns
    -------
    row : ndarray of int64, shape (k,)
        Ascending.
    delay : ndarray of int64, shape (k,)
        Days, 1 to 3.
    """
    if log in _UNTIMED_LOGS:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    count = int(rng.binomial(rows, config.late_rate))
    row = (
        np.sort(rng.choice(rows, size=count, replace=False, shuffle=False))
        if count
        else np.empty(0, dtype=np.int64)
    )
    return row.astype(np.int64), rng.integers(1, LATEST_DAYS + 1, size=count)


def draw_defects(
    rng: np.random.Generator, config: WorldConfig, log: str, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the good rows of a delivery that get a bad line beside them, each at most one.

    Returns
    -------
    row : ndarray of int64, shape (k,)
        Ascending.
    kind : ndarray of int64, shape (k,)
        Position in ``DEFECT_KINDS``.
    """
    rates = list(defect_rates(config, log).values())
    counts = rng.multinomial(rows, [*rates, max(0.0, 1.0 - sum(rates))])[:-1]
    total = int(counts.sum())
    if not total:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    row = rng.choice(rows, size=total, replace=False)
    order = np.argsort(row)
    return row[order].astype(np.int64), np.repeat(np.arange(len(DEFECT_KINDS)), counts)[order]


def alter_copies(
    rng: np.random.Generator, log: str, table: Table, first: int, kind: NDArray[np.int64], day: np.datetime64
) -> None:
    """Change the copies that differ from their original, in place.

    Parameters
    ----------
    rng : Generator
    log : str
    table : Table
        A delivery's rows; the copies are its last ``len(kind)`` rows, from row ``first`` on.
    first : int
    kind : ndarray of int64
        Positions in ``DEFECT_KINDS``.
    day : datetime64[D]
        Delivery day.
    """
    conflicting = first + np.flatnonzero(kind == DEFECT_KINDS.index("conflicting_duplicate"))
    if len(conflicting) and log in _EVENT_LOGS:
        _change_events(table, conflicting)
    elif len(conflicting):
        _change_measure(table, _CONFLICTING_COLUMN[log], conflicting)
    early = first + np.flatnonzero(kind == DEFECT_KINDS.index("future_clock"))
    times = table.get("timestamp" if log in _EVENT_LOGS else "event_date_time")
    if len(early) and isinstance(times, np.ndarray):
        # Two midnights on is 24 hours after the end of the day; an hour to a year more leaves no doubt.
        beyond_us = 2 * _MICROSECONDS_A_DAY + rng.integers(3600, 365 * 86_400, size=len(early)) * 1_000_000
        times[early] = day.astype("datetime64[us]") + beyond_us.astype("timedelta64[us]")


def _change_events(table: Table, rows: NDArray[np.int64]) -> None:
    types, times = table["event_type"], table["timestamp"]
    if not isinstance(types, Coded) or not isinstance(times, np.ndarray):
        raise AssertionError("client events have a coded type and a time")
    of_row = types.values[types.codes[rows]]
    times[rows[of_row == "session_start"]] += _CLOCK_STEP
    for event_type, measure in _CLIENT_MEASURES.items():
        _change_measure(table, measure, rows[of_row == event_type])


def _change_measure(table: Table, name: str, rows: NDArray[np.int64]) -> None:
    column = table[name]
    if isinstance(column, Coded):
        column.codes[rows] = (column.codes[rows] + 1) % len(column.keys)
    elif column.dtype == np.float64:
        # One unit towards the middle: still inside the cube.
        column[rows] = np.round(column[rows] - np.where(column[rows] > 0, 1.0, -1.0), 2)
    elif name in _ONE_MORE:
        column[rows] += 1
    elif name == "revenue":
        column[rows] += _CENT
    else:
        # One unit of the currency more, with the sign of a refund kept.
        column[rows] += 100 * np.where(column[rows] < 0, -1, 1)
