"""Old runs go, the state of every day and check stays: tried on the SQLite files of a real instance."""

import os
import sqlite3
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml

from leap_assets.assets.dbt import remove_leftovers
from leap_assets.resources import Warehouse
from leap_assets.retention import prune_history
from leap_assets.settings import PROJECT_DIR, Settings

DAYS = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-08")
KEYS = DAYS.get_partition_keys()
TABLE = dg.AssetKey("a")


@dg.multi_asset(
    specs=[dg.AssetSpec("a")],
    check_specs=[dg.AssetCheckSpec("c", asset="a")],
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def table(context: dg.AssetExecutionContext):
    context.log.info("said in the log of the run")
    if context.run.tags.get("fails"):
        raise RuntimeError("on purpose")
    yield dg.MaterializeResult("a")
    yield dg.AssetCheckResult(check_name="c", asset_key="a", passed=True)


def test_folders_of_killed_parses_go_after_a_day(tmp_path):
    for name, age_s in (("parsing-old", 90_000), ("parsing-now", 10), ("other", 90_000)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "manifest.json").touch()
        os.utime(folder, (time.time() - age_s,) * 2)
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"parsing-now", "other"}


@pytest.fixture
def home(tmp_path) -> Path:
    config = (PROJECT_DIR / "dagster.yaml").read_text().replace("data/dagster", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(config)
    return tmp_path


@pytest.fixture
def instance(home):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def run(instance: dg.DagsterInstance, first: int, last: int | None = None, **tags: str) -> str:
    """Run days by number from 0; the run's id."""
    tags |= {
        "dagster/asset_partition_range_start": KEYS[first],
        "dagster/asset_partition_range_end": KEYS[last if last is not None else first],
    }
    return dg.materialize([table], instance=instance, tags=tags, raise_on_error=False).run_id


def state(instance: dg.DagsterInstance) -> dict[str, str | None]:
    """What Dagster says of each day, without what it remembers of earlier questions."""
    instance.event_log_storage.wipe_asset_cached_status(TABLE)
    found = instance.get_status_by_partition(TABLE, KEYS, DAYS) or {}
    return {key: status and status.value for key, status in found.items()}


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def files_of(home: Path, run_id: str) -> list[Path]:
    return [path for path in home.rglob("*") if run_id in str(path.relative_to(home))]


def count(home: Path, table: str) -> int:
    with sqlite3.connect(home / "history" / "runs" / "index.db") as connection:
        return int(connection.execute(f"select count(*) from {table}").fetchone()[0])


def test_the_state_of_every_day_is_the_same_without_the_old_runs(home, instance):
    run(instance, 0, 3)
    failed = run(instance, 2, fails="yes")
    run(instance, 5, fails="yes")
    again = run(instance, 5)
    latest = run(instance, 1)
    before = state(instance)
    assert set(before.values()) == {"MATERIALIZED", "FAILED", None}
    assert before[KEYS[2]] == "FAILED"
    prune_history(instance, 1, latest)
    assert state(instance) == before
    assert instance.get_materialized_partitions(TABLE) == {KEYS[n] for n in (0, 1, 2, 3, 5)}
    # its days still rest upon it, its log is gone
    assert failed in run_ids(instance)
    assert files_of(home, failed) == []
    assert files_of(home, again) == []
    assert files_of(home, latest)


def test_runs_whose_days_were_all_run_again_are_forgotten(home, instance):
    ids = [run(instance, 0, 3) for _ in range(5)]
    before = state(instance)
    assert prune_history(instance, 2, ids[-1]) == 3
    assert run_ids(instance) == set(ids[-2:])
    assert [run_id for run_id in ids if files_of(home, run_id)] == ids[-2:]
    assert state(instance) == before
    assert prune_history(instance, 2, ids[-1]) == 0


@pytest.mark.slow
def test_the_history_does_not_grow_with_runs_of_the_same_days(home, instance):
    tables = ("event_logs", "asset_event_tags", "asset_check_executions")
    counted = []
    for _ in range(5):
        prune_history(instance, 2, run(instance, 0, 6))
        counted.append([count(home, table) for table in tables])
    assert counted[0] < counted[1]
    assert counted[2] == counted[3] == counted[4]
    # at most the pages of one run more than are kept, whole
    size = (home / "history" / "runs" / "index.db").stat().st_size
    for _ in range(3):
        prune_history(instance, 2, run(instance, 0, 6))
    assert (home / "history" / "runs" / "index.db").stat().st_size <= 1.1 * size


def test_the_latest_result_of_a_check_stays(home, instance):
    run(instance, 0, 3)
    key = dg.AssetCheckKey(TABLE, "c")
    checked = run(instance, 4)
    latest = run(instance, 5, fails="yes")
    prune_history(instance, 1, latest)
    assert checked in run_ids(instance)
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    assert "SUCCEEDED" in {record.status.value for record in history}


def test_plans_of_checks_that_were_evaluated_go_at_once(home, instance):
    run_id = run(instance, 0, 6)
    prune_history(instance, 30, run_id)
    key = dg.AssetCheckKey(TABLE, "c")
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    assert [record.status.value for record in history] == ["SUCCEEDED"]


def test_nothing_goes_with_0_nor_of_runs_that_have_not_ended(home, instance):
    ids = [run(instance, 0) for _ in range(3)]
    before = count(home, "event_logs")
    assert prune_history(instance, 0, ids[-1]) == 0
    assert count(home, "event_logs") == before
    waiting = instance.create_run_for_job(dg.Definitions([table]).resolve_implicit_global_asset_job_def())
    prune_history(instance, 1, ids[-1])
    assert run_ids(instance) == {waiting.run_id, ids[-1]}


@pytest.mark.parametrize("killed_in", ["compute_log_manager", "event_log_storage", "run_storage"])
def test_a_prune_that_was_killed_is_taken_up_by_the_next(home, instance, monkeypatch, killed_in):
    ids = [run(instance, 0, 2) for _ in range(3)]
    before = state(instance)
    method = {"compute_log_manager": "delete_logs", "run_storage": "delete_run"}.get(killed_in)
    with monkeypatch.context() as patch:
        if method:
            patch.setattr(getattr(instance, killed_in), method, _die)
        else:
            patch.setattr("leap_assets.retention.REFERENCES", "no statement")
        with pytest.raises(Exception, match=r"killed|no statement"):
            prune_history(instance, 1, ids[-1])
    assert state(instance) == before
    assert prune_history(instance, 1, ids[-1]) == 2
    assert run_ids(instance) == {ids[-1]}
    assert state(instance) == before


def _die(*args, **options):
    raise RuntimeError("killed")


def test_a_run_without_a_log_can_be_looked_at_by_somebody_who_has_seen_it(instance):
    first = run(instance, 0)
    latest = run(instance, 1)
    assert instance.all_logs(first)
    prune_history(instance, 1, latest)
    assert instance.all_logs(first) == []
    assert first in run_ids(instance)


def test_dagster_yaml_keeps_what_the_schedule_did_for_a_while():
    config = yaml.safe_load((PROJECT_DIR / "dagster.yaml").read_text())
    assert config["retention"]["schedule"]["purge_after_days"] > 0


@dg.asset(partitions_def=DAYS)
def written(warehouse: Warehouse) -> None:
    pass


def run_with_warehouse(instance: dg.DagsterInstance, home: Path, keep_runs: int) -> dg.ExecuteInProcessResult:
    warehouse = Warehouse.from_settings(Settings(data_dir=home / "data", keep_runs=keep_runs))
    return dg.materialize(
        [written], instance=instance, partition_key=KEYS[0], resources={"warehouse": warehouse}
    )


def test_a_run_prunes_at_its_end_by_the_setting(home, instance):
    ids = [run_with_warehouse(instance, home, 2).run_id for _ in range(4)]
    assert run_ids(instance) == set(ids[-2:])


def test_a_history_that_cannot_be_pruned_is_a_warning_and_the_lock_is_free(home, instance, monkeypatch):
    monkeypatch.setattr("leap_assets.resources.prune_history", _die)
    result = run_with_warehouse(instance, home, 7)
    assert result.success
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any("could not be shortened to LEAP_KEEP_RUNS=7: killed" in message for message in said)
    assert run_with_warehouse(instance, home, 7).success
