"""THE daily partitions, and every step from partition keys to days and windows. A leaf: no other Leap module.

A run has a range of *delivery days*. Raw tables are replaced for exactly those; everything after raw is kept by
*event day*, and late or early lines reach further: `event_window` is the one home of that rule on the Python side
(`dbt_project/macros/window.sql` receives its result).
"""

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator

import click
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


def refuse_other_days(start_date: dt.date) -> None:
    """Refuse a `dagster` command whose days are no partitions, before Dagster does so by a stack trace.

    Dagster's command line loads the definitions first, so its arguments are known when they are loaded; everywhere
    else (the UI, the daemon, a test) there are none, and nothing happens.

    Raises
    ------
    click.ClickException
        With what is wrong, which days there are and what to do. Click prints it and exits with 1.
    """
    command = click.get_current_context(silent=True)
    if command is None or not {"partition", "partition_range"} <= set(command.params):
        return
    day, days = command.params["partition"], command.params["partition_range"]
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    if said := _describe_other_days(day, days, start_date, yesterday):
        raise click.ClickException(f"{said} Nothing was done.")


def _describe_other_days(day: str | None, days: str | None, first: dt.date, last: dt.date) -> str | None:
    """What is wrong with the days that a command was given, None for nothing; `last` is the newest partition."""
    if first > last:
        return f"There is no day yet: the first is {first} (LEAP_START_DATE), and a day can be run when it is over."
    there_are = f"The days are {first} (LEAP_START_DATE) to {last}, yesterday in UTC"
    if day and days:
        return "--partition and --partition-range were both given. Give one of them."
    if not day and not days:
        return (
            f"No day was given. {there_are}: add --partition {last}, or --partition-range {first}...{last}."
        )
    keys = [day] if day else str(days).split("...")
    if days and len(keys) != 2:
        return f"--partition-range {days} is no range. Write it first...last: --partition-range {first}...{last}."
    for key in keys:
        try:
            found = dt.date.fromisoformat(str(key))
        except ValueError:
            found = None
        if found is None or found.isoformat() != key:
            return f"{key} is no day such as {last}. {there_are}: give one of them."
        if found < first:
            return f"{key} is before the first day. {there_are}: give one of them, or set LEAP_START_DATE."
        if found > last:
            return f"{key} is not over yet. {there_are}: give one of them, or wait until midnight UTC after {key}."
    if keys[0] > keys[-1]:
        return f"--partition-range {days} ends before it starts. Write it {keys[-1]}...{keys[0]}."
    return None


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
