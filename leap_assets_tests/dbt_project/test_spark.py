"""The models on Spark give the rows that they give on DuckDB, of the same raw tables: `make test-spark`."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from leap_assets.spark.local_cluster import find_lack, run_cluster
from leap_assets_tests.spark.compare import is_equal

from .conftest import AFTER_KERNEL, BEFORE_KERNEL, PROJECT, START_DATE, DbtWarehouse
from .raw_warehouse import COLUMNS, Delivery

pytest.importorskip("pyspark", reason="make test-spark")

pytestmark = pytest.mark.slow

RAW = [*(f"leap_raw.event_{log}" for log in COLUMNS), "leap_raw.rejected_line", "leap_raw.delivery"]
OF_KERNEL = ["leap_stage.stage_conflicts", "leap_stage.stage_contacts"]


@dataclass(frozen=True)
class SparkWarehouse:
    """The schemas of Leap on a Spark Connect server, and the dbt project on them."""

    address: str
    folder: Path

    @property
    def session(self) -> Any:
        from pyspark.sql import SparkSession

        return SparkSession.builder.remote(self.address).getOrCreate()

    def copy(self, duck: DbtWarehouse, tables: list[str]) -> None:
        """Replace tables by those of a DuckDB warehouse."""
        with duck.connect() as connection:
            for table in tables:
                file = self.folder / f"{table}.parquet"
                # not by DuckDB, which dbt has barred from other files
                pq.write_table(connection.execute(f"from {table}").to_arrow_table(), file)
                types = connection.execute(f"describe {table}").fetchall()
                # a DuckDB timestamp is one without a zone to Spark
                columns = ", ".join(
                    f"cast({name} as timestamp) as {name}" if kind == "TIMESTAMP" else name
                    for name, kind, *_ in types
                )
                self.session.sql(f"create schema if not exists {table.split('.')[0]}")
                self.session.sql(f"drop table if exists {table}")
                self.session.sql(
                    f"create table {table} using parquet as select {columns} from parquet.`{file}`"
                )

    def build(
        self, duck: DbtWarehouse, first_day: dt.date, end_day: dt.date, *, with_tests: bool = False
    ) -> None:
        """Build the models for some event days from the raw tables and conflicts of a DuckDB warehouse."""
        options = [] if with_tests else ["--exclude-resource-type", "test"]
        options += ["--event-time-start", str(first_day), "--event-time-end", str(end_day)]
        self.copy(duck, RAW)
        self.dbt(*options, "--select", *BEFORE_KERNEL)
        self.copy(duck, OF_KERNEL)
        self.dbt(*options, "--select", *AFTER_KERNEL)

    def dbt(self, *options: str) -> None:
        """Run `dbt build` in a process of its own, which every model and test must pass."""
        target = self.folder / "target"
        ended = _run_dbt(self.address, target, "build", "--exclude-resource-type", "unit_test", *options)
        results = json.loads((target / "run_results.json").read_text())["results"]
        failed = [result for result in results if result["status"] not in ("success", "pass", "warn")]
        assert results
        assert not failed, [(result["unique_id"], result["message"]) for result in failed]
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def rows(self, table: str, duck: DbtWarehouse) -> list[tuple[Any, ...]]:
        """Rows of a table, in the columns and types that it has in a DuckDB warehouse."""
        # dbt's sessions have replaced files that this one may have listed
        self.session.catalog.refreshTable(table)
        found = self.session.table(table).toArrow()
        with duck.connect() as connection:
            types = connection.execute(f"describe {table}").fetchall()
        columns = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind, *_ in types)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.register("found", found)
            return connection.execute(f"select {columns} from found order by all").fetchall()


def _run_dbt(address: str, target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--quiet", *arguments]
    command += ["--target", "spark", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(target), "--log-path", str(target)]
    return subprocess.run(command, env=os.environ | {"SPARK_REMOTE": address}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkWarehouse]:
    """An empty warehouse on a server of its own."""
    if lack := find_lack():
        pytest.skip(lack)
    folder = tmp_path_factory.mktemp("spark")
    with run_cluster(folder, workers=0) as cluster:
        warehouse = SparkWarehouse(cluster.address, folder)
        yield warehouse
        # a client whose server is gone waits for it for minutes
        warehouse.session.stop()


def assert_same(spark: SparkWarehouse, duck: DbtWarehouse) -> None:
    """Exact for everything but doubles."""
    for table in duck.tables():
        expected, found = duck.rows(table), spark.rows(table, duck)
        assert len(found) == len(expected), table
        for one, other in zip(found, expected, strict=True):
            assert all(map(is_equal, one, other)), (table, one, other)


def test_a_window_gives_the_same_tables_also_when_days_come_later_or_become_empty(
    spark, make_warehouse, deliveries
):
    end_day = max(deliveries) + dt.timedelta(3)
    days = list(deliveries)
    duck = make_warehouse()
    # all but two days, one of them late
    duck.deliver({day: deliveries[day] for day in days if day not in (days[1], days[-1])})
    spark.build(duck, START_DATE, end_day, with_tests=True)
    assert_same(spark, duck)
    duck.deliver({day: deliveries[day] for day in (days[1], days[-1])})
    spark.build(duck, START_DATE, end_day)
    assert_same(spark, duck)
    duck.deliver({days[3]: Delivery()})
    spark.build(duck, max(START_DATE, days[3] - dt.timedelta(4)), days[3] + dt.timedelta(3))
    assert_same(spark, duck)


@pytest.mark.smoke
def test_the_project_parses_for_spark_and_no_server_is_asked(tmp_path):
    ended = _run_dbt("sc://127.0.0.1:1", tmp_path, "parse")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["metadata"]["adapter_type"] == "spark"
    assert {"event_heartbeat", "kpi_daily"} <= {node["name"] for node in manifest["nodes"].values()}
