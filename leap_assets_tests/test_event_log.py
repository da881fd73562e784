"""The batched event log writes what the stock one writes, and never falls back."""

import sqlite3
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy.exc import OperationalError

from leap_assets.event_log import BatchedSqliteEventLogStorage, UnwritableHistoryError
from leap_assets.settings import PROJECT_DIR

DAYS = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-08")
KEYS = DAYS.get_partition_keys()


@dg.multi_asset(
    specs=[dg.AssetSpec("a"), dg.AssetSpec("b", deps=["a"])],
    check_specs=[dg.AssetCheckSpec("c", asset="a")],
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def two_tables(context: dg.AssetExecutionContext):
    for name in ("a", "b"):
        for key in context.partition_keys:
            context.add_asset_metadata({"dagster/partition_row_count": 7}, name, key)
        yield dg.MaterializeResult(name)
    yield dg.AssetCheckResult(check_name="c", asset_key="a", passed=True)


def run(home: Path, storage: dict[str, Any], days: list[str] = KEYS) -> dg.DagsterInstance:
    home.mkdir(exist_ok=True)
    config = {
        "telemetry": {"enabled": False},
        "event_log_storage": storage | {"config": {"base_dir": str(home / "history" / "runs")}},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    instance = dg.DagsterInstance.from_config(str(home))
    tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
    assert dg.materialize([two_tables], instance=instance, tags=tags).success
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
    "select asset_key, check_name, partition, execution_status from asset_check_executions",
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_rows_are_those_of_stock_storage(tmp_path, monkeypatch, query, capfd):
    with run(tmp_path / "batched", BATCHED) as instance:
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLogStorage)
        status = instance.get_status_by_partition(dg.AssetKey("b"), KEYS, DAYS)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with run(tmp_path / "stock", STOCK) as stock:
        assert stock.get_status_by_partition(dg.AssetKey("b"), KEYS, DAYS) == status
    found = rows(tmp_path / "batched", query)
    assert found
    assert found == rows(tmp_path / "stock", query)
    assert "Exception while storing event batch" not in capfd.readouterr().err


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


@pytest.mark.parametrize(
    "said", ["disk I/O error", "database or disk is full", "attempt to write a readonly database"]
)
def test_a_history_that_cannot_be_written_is_told_with_what_to_do(tmp_path, monkeypatch, said):
    def fail(*_):
        raise OperationalError("insert", {}, sqlite3.OperationalError(said))

    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    monkeypatch.setattr(SqliteEventLogStorage, "store_event", fail)
    with pytest.raises(UnwritableHistoryError, match=r"Free space .* run the days of this run again"):
        storage.store_event(None)  # type: ignore[arg-type]


def test_dagster_yaml_of_the_project_names_this_storage():
    config = yaml.safe_load((PROJECT_DIR / "dagster.yaml").read_text())
    assert {name: config["event_log_storage"][name] for name in BATCHED} == BATCHED
