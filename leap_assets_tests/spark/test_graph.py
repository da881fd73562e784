"""The whole graph on a cluster of two workers gives the tables that it gives on DuckDB: `make test-spark`."""

import datetime as dt
import filecmp
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from leap_assets.spark.local_cluster import Cluster, find_lack, run_cluster
from leap_assets.spark.session import connect
from leap_assets_tests.conftest import FIRST_DAY, Leap
from leap_assets_tests.sources.examples.test_graph import FRAMES, copy_frames, take_in

from .compare import find_differences, is_equal, list_tables
from .conftest import SparkLeap

pytest.importorskip("pyspark", reason="make test-spark")

pytestmark = pytest.mark.slow

LAST_DAY = FIRST_DAY + dt.timedelta(days=6)


@pytest.fixture(scope="module")
def both(make_leap: Callable[..., Leap], cluster: Cluster) -> tuple[Leap, SparkLeap]:
    """The demo's world on both engines: six days, nothing yet of the seventh."""
    duck, spark = (make_leap(initial_players=1000, proofs=True, simulation={}) for _ in range(2))
    duck.run(1, 6)
    on_spark = SparkLeap(spark, cluster)
    on_spark.run("2025-01-01", "2025-01-06")
    return duck, on_spark


def assert_same(duck: Leap, spark: SparkLeap) -> None:
    session = connect(spark.cluster.address)
    try:
        assert not find_differences(duck.settings.warehouse_path, session)
    finally:
        session.stop()


def published(leap: Leap) -> Iterator[tuple[str, list[str], list[tuple[Any, ...]]]]:
    path = leap.settings.published_path
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in list_tables(path):
            if table != "leap_published.snapshot":
                described = sorted(connection.execute(f"describe {table}").fetchall())
                columns = [f'"{name}" {kind}' for name, kind, *_ in described]
                names = ", ".join(f'"{name}"' for name, *_ in described)
                yield (
                    table,
                    columns,
                    connection.execute(f"select {names} from {table} order by all").fetchall(),
                )


def files_of(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def kill_an_executor(after_s: float) -> list[int]:
    """Kill -9 an executor of the cluster that has come up, some seconds from now; gives its process."""
    time.sleep(after_s)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "org.apache.spark.executor.CoarseGrainedExecutorBackend" in command:
            os.kill(int(folder.name), signal.SIGKILL)
            return [int(folder.name)]
    return []


def test_the_workers_write_the_files_that_the_simulator_writes_here(both):
    duck, spark = both
    for name in ("landing_dir", "truth_dir"):
        one, other = getattr(duck.settings, name), getattr(spark.leap.settings, name)
        files = files_of(one)
        assert files
        assert files == files_of(other)
        assert filecmp.cmpfiles(one, other, files, shallow=False)[1:] == ([], [])


def test_every_table_is_the_same_then_with_late_data_and_after_an_executor_was_killed(both):
    duck, spark = both
    assert_same(duck, spark)
    # the seventh day brings lines of the days before
    duck.run(7)
    spark.run("2025-01-07", "2025-01-07")
    assert_same(duck, spark)
    run = spark.start("--select", "group:conflicts", "--partition-range", "2025-01-01...2025-01-07")
    killed: list[int] = []
    for line in run.stdout:
        if "STEP_START" in line and '"detect"' in line:
            threading.Thread(target=lambda: killed.extend(kill_an_executor(2.0))).start()
    assert run.wait() == 0
    assert killed
    # the two of a session, and the one in the place of that which was killed
    assert len(list((spark.cluster.folder / "workers").glob("app-*/2"))) == 1
    assert_same(duck, spark)
    for (table, columns, rows), (other, other_columns, other_rows) in zip(
        published(duck), published(spark.leap), strict=True
    ):
        assert (other, other_columns, len(other_rows)) == (table, columns, len(rows))
        assert all(all(map(is_equal, *pair)) for pair in zip(rows, other_rows, strict=True)), table


def test_a_row_too_many_would_be_noticed(both):
    duck, spark = both
    session = connect(spark.cluster.address)
    try:
        session.sql(
            "insert into leap_dim.dim_countries select * from leap_dim.dim_countries limit 1"
        ).collect()
        differing = [said.split(":")[0] for said in find_differences(duck.settings.warehouse_path, session)]
    finally:
        session.stop()
    assert "leap_dim.dim_countries" in differing


def test_another_world_is_refused(both, make_leap):
    _, spark = both
    other = SparkLeap(make_leap(seed=7), spark.cluster)
    run = other.start("--select", "group:raw", "--partition", "2025-01-01")
    output, _ = run.communicate()
    assert run.returncode
    assert "LEAP_SEED=42" in output


def test_a_mapped_match_gives_the_same_tables(make_leap, tmp_path):
    if lack := find_lack():
        pytest.skip(lack)
    duck = take_in(make_leap, "csgo", copy_frames, FIRST_DAY, FIRST_DAY, **FRAMES)
    other = make_leap(source="csgo", start_date=FIRST_DAY, **FRAMES)
    copy_frames(other.settings.data_dir / "delivered")
    with run_cluster(tmp_path) as cluster:
        spark = SparkLeap(other, cluster)
        cooldown = {"LEAP_CONFLICT_COOLDOWN_S": str(other.settings.conflict_cooldown_s)}
        spark.run(str(FIRST_DAY), str(FIRST_DAY), **cooldown)
        assert_same(duck, spark)
