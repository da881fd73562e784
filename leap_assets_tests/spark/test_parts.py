"""Loading and the kernel on a Spark Connect server, without dbt; what is said when the cluster is not as it must be."""

import dataclasses
import datetime as dt
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from leap_assets.landing.files import LandingError
from leap_assets.landing.seeds import read_rates
from leap_assets.landing.thresholds import Thresholds
from leap_assets.partitions import Window
from leap_assets.resources import DBT_PROJECT_DIR, Warehouse, rule_of
from leap_assets.settings import ALL_LOGS, LANDING, SPARK, Settings, SettingsError, load_settings
from leap_assets.spark.local_cluster import find_lack, run_cluster
from leap_assets.spark.session import SparkError, connect, describe_error, errors_explained
from leap_assets.warehouse.match_day import SCHEMA, TABLES
from leap_assets_tests.conftest import FIRST_DAY

from .compare import compare_table

pytest.importorskip("pyspark", reason="make test-spark")

DAYS = [FIRST_DAY + dt.timedelta(days=n) for n in range(3)]
RAW = [*(f"leap_raw.event_{log}" for log in ALL_LOGS), "leap_raw.rejected_line", "leap_raw.delivery"]
READ_BY_KERNEL = [f"{SCHEMA}.{table}" for table in ("event_heartbeat", "stage_centroids", "stage_matches")]


def load(warehouse: Warehouse, settings: Settings, days: list[dt.date]) -> Any:
    return warehouse.load(
        settings.landing_dir,
        days,
        logs=ALL_LOGS,
        start_date=settings.start_date,
        rates=read_rates(DBT_PROJECT_DIR / "seeds" / "exchange_rates.csv"),
        session_max_hours=settings.session_max_hours,
        hashing=None,
        event_types=(),
        thresholds=Thresholds(),
        expected_logs=ALL_LOGS,
        say=lambda sentence: None,
    )


def spark_warehouse(settings: Settings, address: str, **changes: str) -> Any:
    from leap_assets.spark.warehouse import SparkWarehouse

    return SparkWarehouse.from_settings(
        dataclasses.replace(settings, engine=SPARK, spark_remote=address, **changes), remote=address
    )


def assert_same(settings: Settings, spark: Any, tables: list[str]) -> None:
    with Warehouse.from_settings(settings).get_connection() as connection:
        assert not [said for table in tables for said in compare_table(connection, spark.session, table)]


@pytest.mark.slow
@pytest.mark.smoke
def test_deliveries_and_conflicts_are_those_of_duckdb(make_leap, server):
    leap = make_leap()
    leap.run(1, 3)
    settings = dataclasses.replace(leap.settings)
    duck, spark = Warehouse.from_settings(settings), spark_warehouse(settings, server.address)
    assert load(spark, settings, DAYS) == load(duck, settings, DAYS)
    assert_same(settings, spark, RAW)

    # the day's own files are gone, and a log of it has none any more
    shutil.rmtree(settings.landing_dir / "session" / str(DAYS[1]))
    path = settings.landing_dir / "player" / str(DAYS[1]) / "more.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("no line of any log\n")
    assert load(spark, settings, DAYS[1:2]) == load(duck, settings, DAYS[1:2])
    assert_same(settings, spark, RAW)

    # a file that is refused changes nothing, of no log
    broken = settings.landing_dir / "heartbeat" / str(DAYS[2]) / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing else")
    shutil.rmtree(settings.landing_dir / "client" / str(DAYS[2]))
    with pytest.raises(LandingError, match=r"broken\.parquet cannot be read"):
        load(spark, settings, DAYS[2:])
    assert_same(settings, spark, RAW)

    with duck.get_connection() as connection:
        for table in READ_BY_KERNEL:
            rows = connection.execute(f"from {table}").to_arrow_table()
            copy_to_spark(spark.session, table, rows)
    window = Window(DAYS[0], DAYS[-1])
    assert spark.replace_conflicts(window, rule_of(settings)) == duck.replace_conflicts(
        window, rule_of(settings)
    )
    assert_same(settings, spark, [f"{SCHEMA}.{table}" for table in TABLES])
    spark.session.stop()


def copy_to_spark(session: Any, table: str, rows: Any) -> None:
    session.sql(f"create schema if not exists {table.split('.')[0]}")
    frame = session.createDataFrame(rows)
    # a time of DuckDB is one without a zone to Spark
    casts = [
        f"cast({name} as timestamp) as {name}" if kind == "timestamp_ntz" else name
        for name, kind in frame.dtypes
    ]
    frame.selectExpr(*casts).write.mode("overwrite").partitionBy("event_date").saveAsTable(table)


@pytest.mark.slow
def test_files_at_an_address_are_read_by_the_cluster(make_leap, tmp_path):
    if lack := find_lack():
        pytest.skip(lack)
    leap = make_leap()
    leap.run(1, 2, select="group:generators or group:raw")
    settings = dataclasses.replace(leap.settings, source=LANDING, simulation={})
    uri = leap.settings.landing_dir.as_uri()
    with run_cluster(tmp_path, workers=0) as running:
        spark = spark_warehouse(settings, running.address, landing_uri=uri)
        loaded, _ = load(spark, settings, DAYS[:2])
        assert sum(row.received for row in loaded) > 1000
        assert_same(leap.settings, spark, RAW)
        spark.session.stop()


@pytest.mark.slow
def test_workers_without_the_packages_are_told(tmp_path):
    if lack := find_lack():
        pytest.skip(lack)
    bare = Path(sys.base_prefix) / "bin" / "python3"
    with (
        run_cluster(tmp_path, workers=0, worker_python=bare) as running,
        pytest.raises(SparkError, match="Install duckdb, numpy, pandas, pyarrow on every worker"),
    ):
        connect(running.address)


@pytest.mark.slow
def test_a_task_without_memory_is_told(tmp_path):
    if lack := find_lack():
        pytest.skip(lack)

    def take_too_much(batches: Any) -> Any:
        for batch in batches:
            # no assert: what pytest makes of one is not on the workers
            held = bytearray(4_000_000_000)
            yield batch.slice(0, len(held))

    with run_cluster(tmp_path, workers=1, settings={"spark.executor.pyspark.memory": "2g"}) as running:
        session = connect(running.address)
        with (
            pytest.raises(SparkError, match="A task ran out of memory"),
            errors_explained(running.address),
        ):
            session.range(1).mapInArrow(take_too_much, "id bigint").collect()
        session.stop()


def test_a_server_that_is_not_there_is_told_at_once():
    with pytest.raises(SparkError, match=r"No Spark Connect server answers at 127\.0\.0\.1:1 "):
        connect("sc://127.0.0.1:1/;token=secret")


def test_an_old_server_is_told(monkeypatch):
    from leap_assets.spark import session

    with pytest.raises(SparkError, match=r"has version 3\.5\.4; Leap needs 4\.1 or newer"):
        session._check_version("3.5.4", "sc://spark.example:15002")
    session._check_version("4.1.0-amzn-0", "sc://spark.example")


def test_causes_are_known_and_others_are_left_alone():
    assert "PYSPARK_PYTHON" in str(describe_error(RuntimeError("[PYTHON_VERSION_MISMATCH] 3.9"), "sc://a"))
    assert "Executors were lost" in str(
        describe_error(RuntimeError("ExecutorLostFailure (executor 3)"), "sc://a")
    )
    assert describe_error(RuntimeError("something else"), "sc://a") is None


def test_settings_without_a_server_are_refused():
    with pytest.raises(SettingsError, match="needs SPARK_REMOTE"):
        load_settings({"LEAP_ENGINE": SPARK})
    with pytest.raises(SettingsError, match="must be 'duckdb' or 'spark'"):
        load_settings({"LEAP_ENGINE": "sparc"})
    with pytest.raises(SettingsError, match="LEAP_LANDING_URI is read with"):
        load_settings({"LEAP_LANDING_URI": "s3a://bucket/landing"})
    with pytest.raises(SettingsError, match="LEAP_REBUILD cannot be used"):
        load_settings({"LEAP_ENGINE": SPARK, "SPARK_REMOTE": "sc://a", "LEAP_REBUILD": "1"})
    assert load_settings({"LEAP_ENGINE": SPARK, "SPARK_REMOTE": "sc://a:1/;token=x"}).engine == SPARK


def test_the_embedded_engine_needs_nothing_of_spark():
    import subprocess

    program = (
        "import sys, leap_assets.definitions; print(*sorted(name.split('.')[0] for name in sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pyspark" not in loaded.stdout.split()
