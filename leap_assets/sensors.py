"""The sensor of a mapped source: files that were delivered ask for a run, once, by what they hold.

A tick only lists the folder. New or changed listings ask for the job that takes in, which reads and hashes; days whose
lines are then others than those that were built ask for a run of the daily job. A touched file ends in no build.
"""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from leap_assets.assets.deliveries import TAKEN_IN_TAG
from leap_assets.settings import Settings
from leap_assets.sources.delivered import Listing, list_delivered
from leap_assets.sources.ledger import Ledger
from leap_assets.sources.taking_in import TAKE_IN_JOB, TAKE_IN_OP, buildable, ranges_of

INTERVAL_S = 30
CURSOR_FILES = 2000
# files that a cursor remembers one by one; more are settled together or not at all
ALL = "*"


def settle(
    pending: Mapping[str, Listing], before: Mapping[str, str]
) -> tuple[list[str], list[str], dict[str, str]]:
    """Which new or changed files look as they did at the tick before, which do not, and the marks of this tick.

    Parameters
    ----------
    pending : mapping
        Listings of the new or changed files by path.
    before : mapping
        Marks of the tick before.
    """
    marks = {_mark(path): _mark(str(dataclasses.astuple(listing))) for path, listing in pending.items()}
    if len(marks) > CURSOR_FILES:
        marks = {ALL: _mark(json.dumps(marks, sort_keys=True))}
    if ALL in marks:
        is_settled = before.get(ALL) == marks[ALL]
        settled = list(pending) if is_settled else []
    else:
        settled = [path for path in pending if before.get(_mark(path)) == marks[_mark(path)]]
    unsettled = sorted(set(pending) - set(settled))
    return settled, unsettled, marks


def _read_cursor(cursor: str | None) -> dict[str, Any]:
    try:
        return dict(json.loads(cursor or "{}"))
    except (ValueError, TypeError):
        # of another version
        return {}


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_sensors(settings: Settings, jobs: Mapping[str, Any], daily_job: str) -> list[dg.SensorDefinition]:
    """The sensor of a mapped source, stopped until somebody starts it."""

    @dg.sensor(
        name="deliveries",
        jobs=[jobs[TAKE_IN_JOB], jobs[daily_job]],
        minimum_interval_seconds=INTERVAL_S,
        description=(
            f"Every {INTERVAL_S} s, lists the folder of delivered files. What is new or changed, and has been the same "
            "in two ticks, is taken in; then the days whose lines changed are built. Nothing is asked for twice."
        ),
    )
    def deliveries(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not settings.delivered_dir.is_dir():
            return dg.SkipReason(
                f"{settings.delivered_dir} does not exist. Put the files of the game there, or say where they are with "
                "LEAP_DELIVERED_DIR=<folder>."
            )
        ledger = Ledger(settings.landing_dir)
        pending = _pending(settings, ledger)
        before = _read_cursor(context.cursor)
        settled, unsettled, marks = settle(pending, before.get("marks", {}))
        # a file that cannot be read stays new: it is not asked for again, and does not hold up the days of the others
        asked = {name: mark for name, mark in before.get("asked", {}).items() if marks.get(name) == mark}
        fresh = [path for path in settled if (_mark(path) if ALL not in marks else ALL) not in asked]
        asked |= {name: marks[name] for name in (ALL if ALL in marks else _mark(path) for path in fresh)}
        cursor = json.dumps({"marks": marks, "asked": asked})
        if fresh:
            key = _mark(json.dumps([[path, *dataclasses.astuple(pending[path])] for path in fresh]))
            request = dg.RunRequest(
                job_name=TAKE_IN_JOB,
                run_key=key,
                run_config={"ops": {TAKE_IN_OP: {"config": {"leave": unsettled}}}},
            )
            return dg.SensorResult(run_requests=[request], cursor=cursor)
        requests = list(_daily_requests(settings, ledger, daily_job))
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=cursor)
        waiting = (
            f"{len(unsettled):,} files were new or changing at this tick" if unsettled else "nothing is new"
        )
        return dg.SensorResult(
            skip_reason=f"{settings.delivered_dir}: {waiting}.", cursor=cursor, run_requests=[]
        )

    return [deliveries]


def _pending(settings: Settings, ledger: Ledger) -> dict[str, Listing]:
    """Listings of the files that are new or not listed as they were when they were taken in."""
    known = ledger.delivered()
    pending = {}
    for relative, path in list_delivered(settings.delivered_dir).files.items():
        try:
            listing = Listing.of(path)
        except OSError:
            # gone since the folder was listed
            continue
        if relative not in known or known[relative].listing != listing:
            pending[relative] = listing
    return pending


def _daily_requests(settings: Settings, ledger: Ledger, daily_job: str) -> Iterator[dg.RunRequest]:
    """One run for each range of days whose lines are not those that were built."""
    today = dt.datetime.now(dt.UTC).date()
    stale = ledger.stale_days()
    for first, last in ranges_of(buildable(stale, settings.start_date, today)):
        days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
        yield dg.RunRequest(
            job_name=daily_job,
            run_key=f"{first}...{last}@{_mark(' '.join(stale[day] for day in days))}",
            tags={
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": last.isoformat(),
                TAKEN_IN_TAG: "before",
            },
        )
