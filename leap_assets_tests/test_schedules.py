"""The nightly schedule: which days it asks for."""

import datetime as dt

import dagster as dg
import pytest

from leap_assets.assets.published import KEY
from leap_assets.definitions import defs
from leap_assets.schedules import missing_range

TODAY = dt.date(2025, 3, 20)
START = dt.date(2025, 1, 1)


def status(**by_age: str | None) -> dict[dt.date, str | None]:
    known = {TODAY - dt.timedelta(days=n): "MATERIALIZED" for n in range(1, 20)}
    changed = {TODAY - dt.timedelta(days=int(age[1:])): value for age, value in by_age.items()}
    return known | changed


def ago(n: int) -> dt.date:
    return TODAY - dt.timedelta(days=n)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (status(), None),
        (status(d1=None), (ago(1), ago(1))),
        (status(d5=None, d3="FAILED"), (ago(5), ago(1))),
        (status(d3="FAILED"), (ago(3), ago(1))),
        (status(d2="IN_PROGRESS"), None),
        (status(d15=None), None),
        (status(d14=None), (ago(14), ago(1))),
        ({}, (ago(14), ago(1))),
    ],
)
def test_the_range_starts_at_the_first_missing_or_failed_day(known, expected):
    assert missing_range(known, TODAY, START) == expected


def test_no_day_before_the_first_is_asked_for():
    assert missing_range({}, TODAY, ago(3)) == (ago(3), ago(1))
    assert missing_range({}, TODAY, TODAY) is None


def test_no_day_is_asked_for_that_nobody_has_delivered_yet():
    assert missing_range(status(d1=None, d3=None), TODAY, START, ago(2)) == (ago(3), ago(2))
    assert missing_range(status(d1=None), TODAY, START, ago(2)) is None


def test_the_schedule_requests_one_run_over_the_range(tmp_path):
    schedule = defs.resolve_schedule_def("nightly")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for day in range(1, 15):
            if day != 4:
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(KEY, partition=ago(day).isoformat())
                )
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=dt.datetime(2025, 3, 20, 2, tzinfo=dt.UTC)
        )
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2025-03-16"
    assert request.tags["dagster/asset_partition_range_end"] == "2025-03-19"
