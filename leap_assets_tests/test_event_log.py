"""The batched event log writes what the stock one writes, others see it at once, and it never falls back."""

import contextlib
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy.exc import OperationalError

from leap_assets.event_log import BatchedSqliteEventLogStorage, UnwritableHistoryError
from leap_assets.settings import PROJECT_DIR
from leap_assets_tests.conftest import FALL_BACK

DAYS = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-08")
KEYS = DAYS.get_partition_keys()


@dg.multi_asset(
    specs=[dg.AssetSpec("a"), dg.AssetSpec("b", deps=["a"])],
    check_specs=[dg.AssetCheckSpec("c", asset="a"), dg.AssetCheckSpec("d", asset="b")],
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def two_tables(context: dg.AssetExecutionContext):
    for name in ("a", "b"):
        if name in context.run.tags.get("fails", ""):
            raise dg.Failure("as wanted", allow_retries=False)
        for key in context.partition_keys:
            context.add_asset_metadata({"dagster/partition_row_count": 7}, name, key)
        yield dg.MaterializeResult(name)
    yield dg.AssetCheckResult(check_name="c", asset_key="a", passed=True)
    yield dg.AssetCheckResult(check_name="d", asset_key="b", passed=False)


def open_history(home: Path, storage: dict[str, Any]) -> dg.DagsterInstance:
    home.mkdir(exist_ok=True)
    config = {
        "telemetry": {"enabled": False},
        "event_log_storage": storage | {"config": {"base_dir": str(home / "history" / "runs")}},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    return dg.DagsterInstance.from_config(str(home))


def run(home: Path, storage: dict[str, Any], days: list[str] = KEYS, fails: str = "") -> dg.DagsterInstance:
    instance = open_history(home, storage)
    tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
    if fails:
        tags["fails"] = fails
    ended = dg.materialize([two_tables], instance=instance, tags=tags, raise_on_error=False)
    assert ended.success == (not fails)
    return instance


BATCHED = {"module": "leap_assets.event_log", "class": "BatchedSqliteEventLogStorage"}
STOCK = {"module": "dagster._core.storage.event_log", "class": "SqliteEventLogStorage"}


@pytest.fixture(autouse=True)
def _batch_size_is_restored(monkeypatch):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "history" / "runs" / "index.db") as connection:
        return sorted(connection.execute(query).fetchall(), key=repr)


QUERIES = [
    "select dagster_event_type, step_key, asset_key, partition from event_logs",
    "select asset_key, key from asset_event_tags",
    "select asset_key, last_materialization is not null, wipe_timestamp from asset_keys",
    "select asset_key, check_name, partition, execution_status from asset_check_executions"
    " where execution_status <> 'PLANNED'",
]


@pytest.fixture(scope="module")
def histories(tmp_path_factory) -> dict[str, Path]:
    """The same three runs in both storages: of one day, of a range, and one whose second table fails."""
    homes = {}
    for name, storage, size in (("batched", BATCHED, "1000"), ("stock", STOCK, "0")):
        homes[name] = home = tmp_path_factory.mktemp("histories") / name
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("DAGSTER_EVENT_BATCH_SIZE", size)
            for days, fails in ((KEYS[:1], ""), (KEYS[1:5], ""), (KEYS[3:6], "b")):
                run(home, storage, days, fails).dispose()
    return homes


@pytest.mark.parametrize("query", QUERIES)
def test_the_rows_are_those_of_stock_storage(histories, query):
    found = rows(histories["batched"], query)
    assert found
    assert found == rows(histories["stock"], query)


def test_the_log_of_each_run_is_that_of_stock_storage(histories):
    logs = {}
    for name, storage in (("batched", BATCHED), ("stock", STOCK)):
        with open_history(histories[name], storage) as instance:
            runs = instance.get_runs(ascending=True)
            logs[name] = [
                [
                    (
                        entry.dagster_event_type,
                        entry.step_key,
                        entry.dagster_event and entry.dagster_event.partition,
                    )
                    for entry in instance.all_logs(run.run_id)
                    # a change that names the storage
                    if entry.dagster_event_type
                ]
                for run in runs
            ]
    assert [len(log) for log in logs["batched"]] == [len(log) for log in logs["stock"]]
    assert logs["batched"] == logs["stock"]


def test_the_status_of_every_day_is_that_of_stock_storage(histories):
    told = []
    for name, storage in (("batched", BATCHED), ("stock", STOCK)):
        with open_history(histories[name], storage) as instance:
            for table in ("a", "b"):
                status = instance.get_status_by_partition(dg.AssetKey(table), KEYS, DAYS) or {}
                told.append({day: state and state.value for day, state in status.items()})
    assert told[:2] == told[2:]
    assert set(told[1].values()) == {"MATERIALIZED", "FAILED", None}


def test_a_check_is_planned_once_a_run_and_not_once_a_day(histories):
    planned = "select check_name, partition from asset_check_executions where execution_status = 'PLANNED'"
    # of the run that failed before its checks
    assert rows(histories["batched"], planned) == [("c", None), ("d", None)]
    days = len(KEYS[:1]) + len(KEYS[1:5]) + len(KEYS[3:6])
    assert len(rows(histories["stock"], planned)) == 2 * days
    for name, storage in (("batched", BATCHED), ("stock", STOCK)):
        with open_history(histories[name], storage) as instance:
            latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
                [dg.AssetCheckKey(dg.AssetKey("a"), "c")]
            )
            assert [record.status.value for record in latest.values()] == ["PLANNED"], name


def test_events_are_really_stored_in_batches(tmp_path, monkeypatch):
    sizes: list[int] = []
    store = BatchedSqliteEventLogStorage.store_event_batch

    def count(self, events):
        sizes.append(len(events))
        store(self, events)

    monkeypatch.setattr(BatchedSqliteEventLogStorage, "store_event_batch", count)
    run(tmp_path, BATCHED)
    assert sizes.count(len(KEYS)) == 2
    assert max(sizes) >= 2 * len(KEYS)


def test_stock_storage_goes_on_with_the_same_files(tmp_path):
    run(tmp_path, BATCHED, KEYS[:3])
    with run(tmp_path, STOCK, KEYS[3:]) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("a")) == set(KEYS)


PROGRAM = """
    import sys, time
    from pathlib import Path
    import dagster as dg

    days = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-08")
    policy = dg.BackfillPolicy.single_run()
    go_on = Path(sys.argv[1], "go-on")

    @dg.asset(partitions_def=days, backfill_policy=policy)
    def first(context) -> None: ...

    @dg.asset(partitions_def=days, backfill_policy=policy, deps=[first])
    def second(context) -> None:
        while not go_on.exists():
            # again and again: a watch tells what comes after it has begun
            context.log.info("in the second step")
            time.sleep(0.2)

    tags = {"dagster/asset_partition_range_start": "2025-01-01", "dagster/asset_partition_range_end": "2025-01-07"}
    with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
        dg.materialize([first, second], instance=instance, tags=tags)
"""
FIRST, SECOND = dg.AssetKey("first"), dg.AssetKey("second")
PATIENCE_S = 120


@contextlib.contextmanager
def going_run(home: Path) -> Iterator[tuple[subprocess.Popen[str], dg.DagsterInstance, str]]:
    """A run of another process that waits in its second step, the history that it writes, and its id."""
    with open_history(home, BATCHED) as instance:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(PROGRAM), str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            wait_until(lambda: instance.get_runs())
            yield process, instance, instance.get_runs()[0].run_id
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_a_watch_hears_of_an_event_when_it_is_stored(tmp_path):
    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    storage.store_event(entry_of("before"))
    heard: list[str] = []
    storage.watch("r", None, lambda entry, cursor: heard.append(entry.user_message))
    for number in range(3):
        storage.store_event(entry_of(f"{number}"))
        wait_until(lambda number=number: f"{number}" in heard)
    storage.dispose()


def entry_of(sentence: str) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None,
        level="info",
        user_message=sentence,
        run_id="r",
        timestamp=time.time(),
        step_key=None,
        job_name=None,
    )


def test_others_see_the_log_and_the_days_of_a_run_while_it_goes(tmp_path):
    with going_run(tmp_path) as (process, instance, run_id):
        said: list[str] = []
        # what the log of a run in the UI does
        instance.watch_event_logs(run_id, None, lambda entry, cursor: said.append(entry.user_message))
        wait_until(lambda: "in the second step" in said)
        status = instance.get_status_by_partition(SECOND, KEYS, DAYS) or {}
        assert {state and state.value for state in status.values()} == {"IN_PROGRESS"}
        assert instance.get_materialized_partitions(FIRST) == set(KEYS)
        (tmp_path / "go-on").touch()
        output, _ = process.communicate()
        assert process.returncode == 0, output
        assert FALL_BACK not in output
        wait_until(lambda: any("Finished execution of run" in sentence for sentence in said))
        assert instance.get_materialized_partitions(SECOND) == set(KEYS)


def test_nothing_of_a_finished_step_is_lost_when_the_run_is_killed(tmp_path):
    with going_run(tmp_path) as (process, instance, run_id):
        wait_until(lambda: any(e.user_message == "in the second step" for e in instance.all_logs(run_id)))
        process.kill()
        process.wait()
    with open_history(tmp_path, BATCHED) as instance:
        assert instance.get_materialized_partitions(FIRST) == set(KEYS)
        stored = [e for e in instance.all_logs(run_id) if e.dagster_event_type == MATERIALIZED]
        assert sorted(e.get_dagster_event().partition or "" for e in stored) == KEYS
        assert instance.get_materialized_partitions(SECOND) == set()


MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION


def test_a_history_that_is_closed_leaves_no_file_open(tmp_path):
    run(tmp_path, BATCHED).dispose()
    opened = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    assert not [path for path in opened if path.startswith(str(tmp_path))]


@pytest.mark.parametrize(
    "said", ["disk I/O error", "database or disk is full", "attempt to write a readonly database"]
)
def test_a_history_that_cannot_be_written_is_told_with_what_to_do(tmp_path, monkeypatch, said):
    def fail(*_):
        raise OperationalError("insert", {}, sqlite3.OperationalError(said))

    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    monkeypatch.setattr(SqliteEventLogStorage, "run_connection", fail)
    with pytest.raises(UnwritableHistoryError, match=r"Free space .* run the days of this run again"):
        storage.store_event(entry_of(""))


def test_dagster_yaml_of_the_project_names_this_storage():
    config = yaml.safe_load((PROJECT_DIR / "dagster.yaml").read_text())
    assert {name: config["event_log_storage"][name] for name in BATCHED} == BATCHED
