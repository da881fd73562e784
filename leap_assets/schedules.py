"""The daily schedule: every night it asks for what the last two weeks still lack, in one run."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg

from leap_assets.assets.published import KEY as PUBLISHED_KEY
from leap_assets.landing.files import list_days
from leap_assets.settings import LANDING, Settings

LOOK_BACK_DAYS = 14
# a hole older than this is a decision, not an accident: backfill it by hand


def missing_range(
    status: Mapping[dt.date, str | None], today: dt.date, start_date: dt.date, last: dt.date | None = None
) -> tuple[dt.date, dt.date] | None:
    """From the first day of the last two weeks that is not materialised to the last; None when nothing lacks.

    Parameters
    ----------
    status : mapping
        What Dagster knows of each day: "MATERIALIZED", "FAILED", "IN_PROGRESS" or None.
    today, start_date : date
    last : date, optional
        Last day to ask for; yesterday when left out.
    """
    yesterday = today - dt.timedelta(days=1)
    last = min(last or yesterday, yesterday)
    first = max(today - dt.timedelta(days=LOOK_BACK_DAYS), start_date)
    day = first
    while day <= last:
        if status.get(day) not in ("MATERIALIZED", "IN_PROGRESS"):
            return day, last
        day += dt.timedelta(days=1)
    return None


def build_schedules(
    job: Any, partitions: dg.DailyPartitionsDefinition, settings: Settings
) -> list[dg.ScheduleDefinition]:
    """The nightly schedule at 02:00 UTC."""

    @dg.schedule(
        job=job,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        description=(
            "At 02:00 UTC, one run over the days from the first missing or failed one of the last "
            f"{LOOK_BACK_DAYS} to yesterday (with LEAP_SOURCE=landing, to the last day that was delivered)."
        ),
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        today = context.scheduled_execution_time.astimezone(dt.UTC).date()
        start_date, last = settings.start_date, None
        if settings.source == LANDING:
            # a day that nobody has delivered yet would be loaded as an empty one
            landed = [day for day in list_days(settings.landing_dir) if day < today]
            if not landed:
                return dg.SkipReason(f"{settings.landing_dir} holds no delivery yet.")
            last = landed[-1]
        days = [today - dt.timedelta(days=n) for n in range(LOOK_BACK_DAYS, 0, -1)]
        keys = [day.isoformat() for day in days if day >= start_date]
        known = context.instance.get_status_by_partition(PUBLISHED_KEY, keys, partitions) or {}
        status = {dt.date.fromisoformat(key): value and value.value for key, value in known.items()}
        missing = missing_range(status, today, start_date, last)
        if missing is None:
            return dg.SkipReason(
                f"Every day from {keys[0] if keys else start_date} to {last or 'yesterday'} is in the warehouse."
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
