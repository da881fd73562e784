"""Worlds to test on, and columns as plain rows; no claims in here."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import numpy as np

from leap_assets.simulation import Coded, DeliveryDay, World, WorldConfig
from leap_assets.simulation.dirt import DEFECT_KINDS

START = datetime.date(2025, 1, 1)
CLEAN = {"late_rate": 0.0} | {f"{kind}_rate": 0.0 for kind in DEFECT_KINDS}
DIRTY = {"late_rate": 0.08} | {f"{kind}_rate": 0.02 for kind in DEFECT_KINDS}


# The log's column that tells when something happened; the catalogue has none.
TIMES = {
    "player": "event_date_time",
    "signons": "event_date_time",
    "session": "event_date_time",
    "transaction": "event_date_time",
    "heartbeat": "event_date_time",
    "client": "timestamp",
}


def date_of(day: int) -> datetime.date:
    return START + datetime.timedelta(days=day)


def midnight_of(day: int) -> np.datetime64:
    return np.datetime64(date_of(day), "us")


def deliver(days: int, **knobs: float) -> list[DeliveryDay]:
    """Give the first deliveries of a small world, in ascending order."""
    world = World(WorldConfig(**{"initial_players": 150, "arrivals_per_day": 20.0} | knobs))
    return [world.day(date_of(day)) for day in range(days)]


def plain(column: Coded | np.ndarray) -> list:
    """Give a column as Python values; times and dates stay NumPy scalars, which compare exactly, NaT is None."""
    if isinstance(column, Coded):
        return column.text().tolist()
    if column.dtype.kind == "M":
        return [None if np.isnat(time) else time for time in column]
    return column.tolist()


def to_rows(table: Mapping[str, Coded | np.ndarray], *names: str) -> list[tuple]:
    """Give the named columns (all by default) as one tuple a row."""
    return list(zip(*(plain(table[name]) for name in names or table), strict=True))


def good_rows(delivery: DeliveryDay, log: str, *names: str) -> list[tuple]:
    """Give the named columns of a log's good rows."""
    day = delivery.logs[log]
    return to_rows(day.columns, *names)[: day.good_rows]


def same(one: DeliveryDay, other: DeliveryDay) -> bool:
    """Tell whether two deliveries are equal to the byte, truth included."""
    if one.date != other.date or list(one.logs) != list(other.logs) or list(one.truth) != list(other.truth):
        return False
    tables = [(one.logs[log].columns, other.logs[log].columns) for log in one.logs]
    tables += [(one.truth[name], other.truth[name]) for name in one.truth]
    return all(_same_table(*pair) for pair in tables) and all(
        np.array_equal(one.logs[log].defects, other.logs[log].defects) for log in one.logs
    )


def _same_table(one: Mapping, other: Mapping) -> bool:
    return list(one) == list(other) and all(_same_column(one[name], other[name]) for name in one)


def _same_column(one: Coded | np.ndarray, other: Coded | np.ndarray) -> bool:
    if isinstance(one, Coded) and isinstance(other, Coded):
        return _same_column(one.codes, other.codes) and _same_column(one.values, other.values)
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()
