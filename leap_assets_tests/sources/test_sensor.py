"""The sensor of a mapped source: what it asks for, and that it asks once."""

import datetime as dt
import logging
import os

import dagster as dg
import pytest

from leap_assets import sensors
from leap_assets.definitions import build_defs
from leap_assets.jobs import DAILY_JOB
from leap_assets.settings import load_settings
from leap_assets.sources.ledger import Ledger
from leap_assets.sources.taking_in import TAKE_IN_JOB, TAKE_IN_OP
from leap_assets_tests.sources.conftest import event, ndjson


class Ticks:
    """Ticks of the sensor of an installation, one behind the other."""

    def __init__(self, leap, instance):
        self.leap, self.instance, self.cursor = leap, instance, None
        self.defs = build_defs(leap.settings)
        self.sensor = self.defs.resolve_sensor_def("deliveries")

    def tick(self) -> list[dg.RunRequest]:
        with dg.build_sensor_context(self.instance, cursor=self.cursor, definitions=self.defs) as context:
            result = self.sensor(context)
        self.cursor = result.cursor
        return list(result.run_requests or ())

    def execute(self, request: dg.RunRequest):
        job = self.defs.resolve_job_def(request.job_name)
        quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        return job.execute_in_process(
            run_config={**request.run_config, **quiet}, instance=self.instance, raise_on_error=False
        )


@pytest.fixture
def ticks(mapped_leap, tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield Ticks(mapped_leap(), instance)


def put(ticks, name, *records):
    path = ticks.leap.settings.delivered_dir / name
    path.write_bytes(ndjson(*records))
    return path


def test_the_sensor_is_there_for_a_mapped_source_alone_and_stopped(ticks):
    assert ticks.sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert not list(build_defs(load_settings({})).sensors or ())


def test_what_is_new_is_taken_in_and_built_once(ticks):
    assert ticks.tick() == []
    path = put(ticks, "a.ndjson", event(1), event(2, "2025-01-02"), event(3, "2025-01-05"))
    assert ticks.tick() == []
    (request,) = ticks.tick()
    assert request.job_name == TAKE_IN_JOB
    assert ticks.tick() == []
    assert ticks.execute(request).success
    daily = ticks.tick()
    assert [(one.job_name, one.tags["dagster/asset_partition_range_end"]) for one in daily] == [
        (DAILY_JOB, "2025-01-02"),
        (DAILY_JOB, "2025-01-05"),
    ]
    assert [one.run_key for one in ticks.tick()] == [one.run_key for one in daily]
    Ledger(ticks.leap.settings.landing_dir).record_built([dt.date(2025, 1, day) for day in (1, 2, 5)])
    assert ticks.tick() == []
    os.utime(path, ns=(1, 1))
    assert ticks.tick() == []
    (touched,) = ticks.tick()
    assert touched.run_key != request.run_key
    assert ticks.execute(touched).success
    assert ticks.tick() == []


def test_a_file_that_still_changes_is_left_alone(ticks):
    put(ticks, "done.ndjson", event(1))
    growing = put(ticks, "growing.ndjson", event(2))
    assert ticks.tick() == []
    with growing.open("ab") as file:
        file.write(b"{")
    (request,) = ticks.tick()
    assert request.run_config["ops"][TAKE_IN_OP]["config"] == {"leave": ["growing.ndjson"]}
    assert ticks.execute(request).success
    assert list(Ledger(ticks.leap.settings.landing_dir).delivered()) == ["done.ndjson"]


def test_the_days_that_the_sensor_builds_next_are_no_warning(ticks):
    put(ticks, "a.ndjson", event(1))
    ticks.tick()
    (request,) = ticks.tick()
    run = ticks.execute(request)
    logged = [one.user_message for one in ticks.instance.all_logs(run.run_id) if one.level > logging.INFO]
    assert not [message for message in logged if "new lines" in message]
    told = [one.user_message for one in ticks.instance.all_logs(run.run_id) if one.level == logging.INFO]
    assert any("1 day has new lines, which the next runs build" in message for message in told)


def test_a_file_that_cannot_be_read_does_not_hold_up_the_days_of_others(ticks):
    put(ticks, "good.ndjson", event(1))
    put(ticks, "notes.txt", "hello")
    ticks.tick()
    (request,) = ticks.tick()
    assert not ticks.execute(request).success
    (daily,) = ticks.tick()
    assert daily.job_name == DAILY_JOB


def test_many_files_settle_together_and_the_cursor_stays_small(ticks, monkeypatch):
    monkeypatch.setattr(sensors, "CURSOR_FILES", 3)
    for number in range(5):
        put(ticks, f"{number}.ndjson", event(number))
    assert ticks.tick() == []
    assert len(ticks.cursor) < 200
    put(ticks, "5.ndjson", event(5))
    assert ticks.tick() == []
    assert len(ticks.tick()) == 1


def test_a_wrong_mapping_fails_in_the_step_and_not_when_definitions_load(ticks):
    put(ticks, "a.ndjson", event(1))
    (ticks.leap.settings.source_dir / "client.sql").write_text("select nothing")
    ticks.tick()
    (request,) = ticks.tick()
    result = ticks.execute(request)
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "client.sql, line 1" in failure.event_specific_data.error.message
