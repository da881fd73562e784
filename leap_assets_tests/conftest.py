"""Fixtures of all tests: Leap in a folder of its own, run in this process or as a user would from a terminal.

Nothing here can touch a user's data: every installation lives in pytest's temporary folders, and the environment
of the tests is emptied of settings.
"""

import dataclasses
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from leap_assets.settings import PROJECT_DIR, Settings

FIRST_DAY = dt.date(2025, 1, 1)
DIRT = {
    "late_rate": 0.05,
    "duplicate_rate": 0.02,
    "conflicting_duplicate_rate": 0.01,
    "future_clock_rate": 0.01,
    "truncated_rate": 0.01,
    "wrong_type_rate": 0.01,
    "missing_field_rate": 0.01,
    "bad_encoding_rate": 0.01,
}
# of the small worlds
FALL_BACK = "Exception while storing event batch"
# what Dagster says before it stores the events of a batch one by one, slowly and without an error
SCHEMAS = ("leap_raw", "leap_seed", "leap_stage", "leap_dim", "leap_mart")


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("LEAP_", "DAGSTER_HOME", "DBT_"))]:
        monkeypatch.delenv(name)


class Run(subprocess.Popen[str]):
    """A run on the command line, which must write its history as it is meant to."""

    def communicate(self, *arguments: Any, **options: Any) -> tuple[str, str]:
        """What the run said, when it has ended."""
        output, errors = super().communicate(*arguments, **options)
        assert FALL_BACK not in (output or ""), "leap_assets/event_log.py no longer fits this Dagster"
        return output, errors


@dataclasses.dataclass(frozen=True)
class Leap:
    """One installation of Leap in a folder of its own."""

    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        """The settings as variables, for a process of its own."""
        home = self.settings.data_dir / "dagster"
        if not home.exists():
            home.mkdir(parents=True)
            # the history of the project, in the place of this installation
            config = (PROJECT_DIR / "dagster.yaml").read_text().replace("data/dagster", str(home))
            (home / "dagster.yaml").write_text(config)
            # two first runs at once would both make the history
            dg.DagsterInstance.from_config(str(home)).dispose()
        variables = {
            "DAGSTER_HOME": str(home),
            "LEAP_DATA_DIR": str(self.settings.data_dir),
            "LEAP_SOURCE": self.settings.source,
            "LEAP_SEED": str(self.settings.seed),
            "LEAP_INITIAL_PLAYERS": str(self.settings.initial_players),
            "LEAP_HEARTBEAT_S": str(self.settings.heartbeat_s),
            "LEAP_CONFLICT_DISTANCE": str(self.settings.conflict_distance),
            "LEAP_CURRENCY": self.settings.currency,
            "LEAP_PROOFS": str(int(self.settings.proofs)),
        }
        own = {f"LEAP_SIM_{name.upper()}": str(value) for name, value in self.settings.simulation.items()}
        return {**os.environ, **variables, **own}

    def run(
        self,
        first: dt.date | int,
        last: dt.date | int | None = None,
        *,
        select: str = "*",
        raise_on_error: bool = True,
    ) -> dg.ExecuteInProcessResult:
        """Materialise a range of delivery days (dates, or numbers from 1) in this process."""
        from leap_assets.definitions import build_defs

        first, last = as_day(first), as_day(last if last is not None else first)
        tags = {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        }
        defs = build_defs(self.settings)
        return dg.materialize(
            list(defs.assets or []),
            selection=select,
            resources=dict(defs.resources or {}),
            tags=tags,
            raise_on_error=raise_on_error,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )

    def start(self, *arguments: str, launcher: Sequence[str] = ("dagster",), **variables: str) -> Run:
        """Start `dagster asset materialize` with some arguments in a process group of its own.

        The launcher is a module that stands in for dagster, and its own arguments.
        """
        command = [sys.executable, "-m", *launcher, "asset", "materialize", *arguments]
        command += ["-m", "leap_assets.definitions"]
        return Run(
            command,
            cwd=PROJECT_DIR,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def query(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse."""
        with duckdb.connect(str(self.settings.warehouse_path), read_only=True) as connection:
            return connection.execute(sql, parameters or []).fetchall()

    def landed(self, log: str, day: dt.date | int, name: str) -> Path:
        """Path of a landing file, its folder made."""
        path = self.settings.landing_dir / log / as_day(day).isoformat() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def as_day(day: dt.date | int) -> dt.date:
    """A date, or the nth day of the test worlds from 1."""
    return FIRST_DAY + dt.timedelta(days=day - 1) if isinstance(day, int) else day


def differing_tables(one: Leap, other: Leap, *, published: bool = False) -> dict[str, tuple[int, int]]:
    """Tables whose rows differ between two warehouses, or published files: rows only in the one, only in the other."""
    differing = {}
    with duckdb.connect() as connection:
        for name, leap in (("one", one), ("other", other)):
            path = leap.settings.published_path if published else leap.settings.warehouse_path
            connection.execute(f"attach '{path}' as {name} (read_only)")
        tables = connection.execute(
            """select distinct schema_name, table_name from duckdb_tables()
            where schema_name in (select unnest(?)) and not contains(table_name, '__dbt_') order by all""",
            [list(SCHEMAS)],
        ).fetchall()
        assert len(tables) > 20
        for schema, table in tables:
            both = [f"{name}.{schema}.{table}" for name in ("one", "other")]
            counts = tuple(
                connection.execute(f"select count(*) from (from {a} except all from {b})").fetchall()[0][0]
                for a, b in (both, both[::-1])
            )
            if any(counts):
                differing[f"{schema}.{table}"] = counts
    return differing


@pytest.fixture(scope="session")
def make_leap(tmp_path_factory):
    """Factory of installations: a small dirty world unless settings say otherwise."""

    def make(**changes: Any) -> Leap:
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("leap") / "data",
            initial_players=60,
            # tests that change deliveries by hand leave the simulated world
            proofs=False,
            simulation=DIRT,
        )
        return Leap(dataclasses.replace(settings, **changes))

    return make


DAYS = 5


@pytest.fixture(scope="session")
def clean(make_leap) -> Leap:
    """A warehouse of five days made by one run: what every other history must come to."""
    leap = make_leap()
    leap.run(1, DAYS)
    return leap
