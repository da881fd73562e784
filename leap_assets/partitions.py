"""THE daily partitions, and every step from partition keys to days and windows. A leaf: no other Leap module.

A run has a range of *delivery days*. Raw tables are replaced for exactly those; everything after raw is kept by
*event day*, and late or early lines reach further: `event_window` is the one home of that rule on the Python side
(`dbt_project/macros/window.sql` receives its result).
"""

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator

import dagster as dg

# Lines are accepted up to 72 h after their event.
LATE_DAYS = 3
# Clocks may be up to 24 h ahead of the end of the delivery day, to the first moment of the day behind.
EARLY_DAYS = 2


@dataclasses.dataclass(frozen=True)
class Window:
    """Consecutive UTC days, both ends included."""

    first: dt.date
    last: dt.date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a window must not end before it starts: {self.first} to {self.last}")

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    def __iter__(self) -> Iterator[dt.date]:
        return (self.first + dt.timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def end(self) -> dt.date:
        """The day after the last one: the exclusive end that SQL and dbt want."""
        return self.last + dt.timedelta(days=1)


def daily_partitions(start_date: dt.date) -> dg.DailyPartitionsDefinition:
    """The one partitions definition: a UTC day each, from `start_date` to yesterday."""
    return dg.DailyPartitionsDefinition(start_date=start_date.isoformat(), timezone="UTC")


def delivery_window(context: dg.AssetExecutionContext) -> Window:
    """The delivery days of a run.

    Raises
    ------
    dagster.Failure
        When the run has no days: Dagster accepts a reversed `--partition-range` and selects nothing.
    """
    keys = context.partition_keys
    if not keys:
        raise dg.Failure(
            "This run selects no day, so nothing was done. A range is written first...last, for example "
            "--partition-range 2025-01-01...2025-01-31; was it reversed?",
            allow_retries=False,
        )
    days = sorted(dt.date.fromisoformat(key) for key in keys)
    return Window(days[0], days[-1])


def session_days(session_max_hours: float) -> int:
    """How many midnights a session of the greatest length surely reaches over, at least one."""
    return max(1, math.ceil(session_max_hours / 24))


def event_window(delivered: Window, start_date: dt.date, session_max_hours: float) -> Window:
    """The event days whose rows lines delivered in `delivered` can change.

    A line's own time lies at most 3 days before and 2 days after the start of its delivery day, both included. A
    session or a match that crosses midnights takes days beside it along, as many as LEAP_SESSION_MAX_HOURS allows; what
    a player does behind the midnight after the end of their session, a day more.
    """
    beside = session_days(session_max_hours)
    first = delivered.first - dt.timedelta(days=LATE_DAYS + beside)
    last = delivered.last + dt.timedelta(days=EARLY_DAYS + beside + 1)
    return Window(max(first, start_date), max(last, start_date))
