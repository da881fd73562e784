"""The daily schedule: every night it asks for what the last two weeks still lack, in one run."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg

from leap_assets.assets.published import KEY as PUBLISHED_KEY

LOOK_BACK_DAYS = 14
# a hole older than this is a decision, not an accident: backfill it by hand


def missing_range(
    status: Mapping[dt.date, str | None], today: dt.date, start_date: dt.date
) -> tuple[dt.date, dt.date] | None:
    """From the first day of the last two weeks that is not materialised to yesterday; None when nothing lacks.

    Parameters
    ----------
    status : mapping
        What Dagster knows of each day: "MATERIALIZED", "FAILED", "IN_PROGRESS" or None.
    today, start_date : date
    """
    yesterday = today - dt.timedelta(days=1)
    first = max(today - dt.timedelta(days=LOOK_BACK_DAYS), start_date)
    day = first
    while day <= yesterday:
        if status.get(day) not in ("MATERIALIZED", "IN_PROGRESS"):
            return day, yesterday
        day += dt.timedelta(days=1)
    return None


def build_schedules(
    job: Any, partitions: dg.DailyPartitionsDefinition, start_date: dt.date
) -> list[dg.ScheduleDefinition]:
    """The nightly schedule at 02:00 UTC."""

    @dg.schedule(
        job=job,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        description=(
            "At 02:00 UTC, one run over the days from the first missing or failed one of the last "
            f"{LOOK_BACK_DAYS} to yesterday."
        ),
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        today = context.scheduled_execution_time.astimezone(dt.UTC).date()
        days = [today - dt.timedelta(days=n) for n in range(LOOK_BACK_DAYS, 0, -1)]
        keys = [day.isoformat() for day in days if day >= start_date]
        known = context.instance.get_status_by_partition(PUBLISHED_KEY, keys, partitions) or {}
        status = {dt.date.fromisoformat(key): value and value.value for key, value in known.items()}
        missing = missing_range(status, today, start_date)
        if missing is None:
            return dg.SkipReason(
                f"Every day from {keys[0] if keys else start_date} to yesterday is in the warehouse."
            )
        first, last = missing
        return dg.RunRequest(
            run_key=f"{first}...{last}@{today}",
            tags={
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": last.isoformat(),
            },
        )

    return [nightly]
