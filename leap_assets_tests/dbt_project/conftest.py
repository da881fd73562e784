"""Fixtures for the dbt project: dbt in this process against a warehouse in a temporary folder."""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from leap_assets.partitions import Window, event_window

from .raw_warehouse import Delivery, create_raw_tables, load_delivery, made_up_deliveries, replace_conflicts

PROJECT = Path(__file__).parents[2] / "dbt_project"
START_DATE = dt.date(2025, 1, 1)
BEFORE_KERNEL = ["path:seeds", "path:models/staging"]
AFTER_KERNEL = ["path:models/dimensions", "path:models/marts"]


@dataclass(frozen=True)
class DbtWarehouse:
    """A warehouse file and the dbt project on it."""

    path: Path
    target: Path

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.path))

    def dbt(self, *arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Run a dbt command; returns the status of each node by its name."""
        results: Any = getattr(self._invoke(arguments, environment or {}), "results", [])
        return {result.node.name: str(result.status) for result in results}

    def compiled(self, names: Sequence[str], window: Mapping[str, str]) -> dict[str, str]:
        """The SQL of data tests as they would run in a window, by their names."""
        results: Any = self._invoke(["compile", "--select", *names], window)
        return {result.node.name: result.node.compiled_code for result in results.results}

    def copied_to(self, folder: Path) -> "DbtWarehouse":
        """A copy of this warehouse that a test may change."""
        copy = DbtWarehouse(folder / self.path.name, self.target)
        # dbt keeps its file open, and what it wrote last may still be in the log beside it
        with self.connect() as connection:
            connection.execute("checkpoint")
        shutil.copyfile(self.path, copy.path)
        return copy

    def list_tests(self, selection: Sequence[str]) -> set[str]:
        """Names of the data tests that a selection of models runs."""
        listed: Any = self._invoke(
            ["ls", "--resource-type", "test", "--output", "name", "--select", *selection], {}
        )
        return set(listed)

    def _invoke(self, arguments: Sequence[str], environment: Mapping[str, str]) -> object:
        places = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", self.target]
        command = ["--quiet", *arguments, *map(str, places), "--log-path", str(self.target)]
        with _environment({"DBT_LEAP_WAREHOUSE": str(self.path), **environment}):
            outcome = dbtRunner().invoke(command)
        if outcome.exception:
            raise outcome.exception
        return outcome.result

    def deliver(
        self,
        deliveries: Mapping[dt.date, Delivery],
        *,
        with_tests: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Load deliveries and run both dbt calls and the kernel's stand-in for the event days they touch."""
        event_days = event_window(Window(min(deliveries), max(deliveries)), START_DATE, session_max_hours=24)
        first_day, end_day = event_days.first, event_days.end
        with self.connect() as connection:
            create_raw_tables(connection)
            for day, delivery in deliveries.items():
                load_delivery(connection, day, delivery)
        window = ["--event-time-start", str(first_day), "--event-time-end", str(end_day)]
        left_out = ["--exclude-resource-type", "unit_test"]
        if not with_tests:
            left_out += ["--exclude-resource-type", "test"]
        build = ["build", *window, *left_out, "--select"]
        statuses = self.dbt(*build, *BEFORE_KERNEL, environment=environment)
        with self.connect() as connection:
            replace_conflicts(connection, first_day, end_day)
        return statuses | self.dbt(*build, *AFTER_KERNEL, environment=environment)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(f"select * from {table} order by all").fetchall()

    def tables(self) -> list[str]:
        with self.connect() as connection:
            found = connection.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
                " where table_schema in ('leap_stage', 'leap_dim', 'leap_mart') order by all"
            )
            return [name for (name,) in found.fetchall()]


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def make_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], DbtWarehouse]:
    """Factory of empty warehouses."""

    def make() -> DbtWarehouse:
        folder = tmp_path_factory.mktemp("warehouse")
        return DbtWarehouse(folder / "leap.duckdb", folder / "target")

    return make


@pytest.fixture(scope="session")
def deliveries() -> dict[dt.date, Delivery]:
    """Six delivery days of a small game with every kind of dirt."""
    return made_up_deliveries(START_DATE, 6)


@pytest.fixture(scope="session")
def built(
    make_warehouse: Callable[[], DbtWarehouse], deliveries: dict[dt.date, Delivery]
) -> tuple[DbtWarehouse, dict[str, str]]:
    """The warehouse of all deliveries in one run, and the statuses of its models and tests. Not to be changed."""
    warehouse = make_warehouse()
    return warehouse, warehouse.deliver(deliveries, with_tests=True)
