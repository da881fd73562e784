"""The two small warehouses that mutants are tried on.

`simulated` is made by the real graph from the simulator: 40 days with late lines, repeats and damage, a day that was
never delivered, test accounts, a change of exchange rates. The proofs know its truth. `made_up` has what the
simulator never does: missing countries, client events of unknown matches, items and currencies of every kind.
"""

import dataclasses
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from leap_assets.assets.dbt import project_state
from leap_assets.partitions import Window, event_window
from leap_assets.resources import DBT_PROJECT_DIR
from leap_assets.settings import Settings
from leap_assets.warehouse.connections import open_for_writing
from leap_assets.warehouse.detection import create_conflict_tables
from leap_assets.warehouse.match_day import TABLES
from leap_assets_tests.conftest import DIRT, Leap
from leap_assets_tests.dbt_project.conftest import AFTER_KERNEL, BEFORE_KERNEL, DbtWarehouse
from leap_assets_tests.dbt_project.raw_warehouse import create_raw_tables, load_delivery, made_up_deliveries
from leap_assets_tests.hostile.running import detect

from .projects import Model, Project, UnitTest, read_unit_tests

# Names of the worlds that `hostile_worlds.py` makes.
HOSTILE_PREFIX = "hostile "
READ_BY_KERNEL = {"leap_stage.event_heartbeat", "leap_stage.stage_centroids", "leap_stage.stage_matches"}
# the rates of several currencies change in this world
FIRST_DAY = dt.date(2025, 6, 10)
DAYS = 40
LOST_DAY = FIRST_DAY + dt.timedelta(days=20)
# never delivered: what it would have brought is unknown, not nothing
SIMULATION = {
    **DIRT,
    "arrivals_per_day": 4.0,
    # enough of them meet and pay for every mart to have rows
    "max_wait_s": 3000,
    "minnow_share": 0.2,
    "dolphin_share": 0.15,
    "whale_share": 0.05,
    "refund_share": 0.15,
    "ads_per_hour": 4.0,
}
MADE_UP_FIRST_DAY = dt.date(2025, 6, 28)
MADE_UP_DAYS = 6


@dataclasses.dataclass(frozen=True)
class World:
    """A warehouse that is right, and the project compiled for one run over it.

    The run rewrites `window`, which leaves days before and behind it alone, as any run of some days does.
    """

    name: str
    path: Path
    settings: Settings
    window: Window
    project: Project

    @property
    def is_hostile(self) -> bool:
        """Whether it is one of `hostile_worlds.py`."""
        return self.name.startswith(HOSTILE_PREFIX)


def build_worlds(folder: Path) -> list[World]:
    """Both worlds in a folder, made anew where they are not there yet."""
    return [_simulated(folder / "simulated"), _made_up(folder / "made_up")]


def _simulated(folder: Path) -> World:
    settings = Settings(
        data_dir=folder / "data",
        start_date=FIRST_DAY,
        initial_players=60,
        conflict_distance=60.0,
        simulation=SIMULATION,
    )
    last_day = FIRST_DAY + dt.timedelta(days=DAYS - 1)
    path = folder / "world" / "leap.duckdb"
    if not path.exists():
        if not settings.published_path.exists():
            leap = Leap(settings)
            leap.run(FIRST_DAY, LOST_DAY - dt.timedelta(days=1))
            leap.run(LOST_DAY + dt.timedelta(days=1), last_day)
        partial = _fresh(path)
        shutil.copyfile(settings.warehouse_path, partial)
        with open_for_writing(partial) as connection:
            # those who played most, and one of those who paid
            connection.execute(
                """insert into leap_seed.internal_accounts
                select player_id from (
                    select player_id from leap_mart.player_stats_lifetime
                    order by player_sessions desc, player_id limit 2
                )
                union select min(player_id) from leap_stage.fact_transaction where amount > 0"""
            )
        project = _compiled(partial, settings, Window(FIRST_DAY, last_day + dt.timedelta(days=2)))
        with open_for_writing(partial) as connection:
            for model in project.models.values():
                if model.table.startswith("leap_stage."):
                    continue
                replace_rows(connection, model, model.sql, Window(FIRST_DAY, last_day))
        partial.replace(path)
    # 28 deliveries in the middle
    delivered = Window(FIRST_DAY + dt.timedelta(days=7), last_day - dt.timedelta(days=5))
    window = event_window(delivered, FIRST_DAY, settings.session_max_hours)
    return _world("simulated", path, settings, window)


def _made_up(folder: Path) -> World:
    last_day = MADE_UP_FIRST_DAY + dt.timedelta(days=MADE_UP_DAYS - 1)
    settings = Settings(data_dir=folder / "data", start_date=MADE_UP_FIRST_DAY)
    path = folder / "world" / "leap.duckdb"
    window = Window(MADE_UP_FIRST_DAY, last_day + dt.timedelta(days=2))
    if not path.exists():
        partial = _fresh(path)
        with open_for_writing(partial) as connection:
            create_raw_tables(connection)
            for day, delivery in made_up_deliveries(MADE_UP_FIRST_DAY, MADE_UP_DAYS).items():
                load_delivery(connection, day, delivery)
        warehouse = DbtWarehouse(partial, folder / "target")
        build = ["build", "--exclude-resource-type", "unit_test", "test", "--select"]
        warehouse.dbt(*build, *BEFORE_KERNEL, environment=_environment(settings, window))
        with open_for_writing(partial) as connection:
            run_kernel(connection, settings, window)
            connection.execute(
                """insert into leap_seed.internal_accounts
                values ('player-004'), ('phone-2')"""
            )
        # not the seeds: the test accounts are to stay
        warehouse.dbt(*build, *AFTER_KERNEL, environment=_environment(settings, window))
        with open_for_writing(partial) as connection:
            # dbt keeps the file open, and what it wrote last may still be in the log beside it
            connection.execute("checkpoint")
        partial.replace(path)
    return _world("made_up", path, settings, window)


def _fresh(path: Path) -> Path:
    """Where a warehouse is made before it is put in place: a folder of its own, as dbt names it after its file."""
    folder = path.parent / "partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder / path.name


def _world(name: str, path: Path, settings: Settings, window: Window) -> World:
    return World(name, path, settings, window, _compiled(path, settings, window))


def compile_unit_tests(world: World) -> tuple[UnitTest, ...]:
    """The unit tests of the project; they have inputs of their own, so that any world will do to compile them."""
    target = world.path.parent / "unit-tests"
    command = ("test", "--select", "test_type:unit")
    environment = _environment(world.settings, world.window)
    _once(target, lambda: _beside(world.path, target).dbt(*command, environment=environment))
    return read_unit_tests(target)


def _compiled(path: Path, settings: Settings, window: Window) -> Project:
    target = path.parent / f"compiled-{window.first}-{window.last}"
    _once(target, lambda: _beside(path, target).compiled(["fqn:*"], _environment(settings, window)))
    return Project.read(target)


def _beside(path: Path, target: Path) -> DbtWarehouse:
    """A copy of a warehouse for dbt, which keeps the file that it was given open until this process ends."""
    target.mkdir(parents=True, exist_ok=True)
    return DbtWarehouse(path, target).copied_to(target)


def _once(target: Path, make: Callable[[], object]) -> None:
    """Make a target folder of dbt unless it is there, made of the files of the project as they are now."""
    state = target / "made-of"
    now = project_state(DBT_PROJECT_DIR)
    if not state.exists() or state.read_text() != now:
        shutil.rmtree(target, ignore_errors=True)
        make()
        state.write_text(now)


def _environment(settings: Settings, window: Window) -> dict[str, str]:
    return {
        "DBT_LEAP_WINDOW_START": window.first.isoformat(),
        "DBT_LEAP_WINDOW_END": window.end.isoformat(),
        "DBT_LEAP_BEAT_S": str(settings.heartbeat_s),
        "DBT_LEAP_CURRENCY": settings.currency,
        "DBT_LEAP_START_DATE": settings.start_date.isoformat(),
    }


def run_kernel(connection: duckdb.DuckDBPyConnection, settings: Settings, window: Window) -> None:
    """Detect the conflicts of a window, as the step between the two calls of dbt does."""
    create_conflict_tables(connection)
    detect(connection, settings, window)


class ContractError(Exception):
    """A model gives columns or types other than its contract says: dbt would refuse to run it."""


def replace_rows(connection: duckdb.DuckDBPyConnection, model: Model, sql: str, window: Window) -> bool:
    """Run a model as dbt would: its window, or all of it. Returns whether its rows are others than before.

    Raises
    ------
    ContractError
        When the model has a contract and breaks it.
    """
    connection.execute(f"create or replace temp table fresh as {sql}")
    wanted, given = (_columns(connection, table) for table in (model.table, "temp.main.fresh"))
    if model.has_contract and wanted != given:
        differing = sorted(set(wanted.items()) ^ set(given.items()))
        raise ContractError(f"{model.name}: {differing}")
    names = ", ".join(f'"{name}"' for name in wanted)
    # what is written has the table's types, whatever the query has
    connection.execute(f"create or replace temp table written as select {names} from {model.table} limit 0")
    connection.execute(f"insert into written select {names} from fresh")
    inside = (
        f"event_date >= date '{window.first}' and event_date <= date '{window.last}'"
        if model.is_incremental
        else "true"
    )
    before = f"(select * from {model.table} where {inside})"
    if not differ(connection, before, f"(select * from written where {inside})"):
        return False
    connection.execute("begin")
    connection.execute(f"delete from {model.table} where {inside}")
    connection.execute(f"insert into {model.table} select * from written where {inside}")
    connection.execute("commit")
    return True


def differ(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> bool:
    """Whether two relations have different rows, repeats counted."""
    for left, right in ((one, other), (other, one)):
        if connection.execute(f"select 1 from (from {left} except all from {right}) limit 1").fetchall():
            return True
    return False


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    return {row[0]: row[1] for row in connection.execute(f"describe {table}").fetchall()}


KERNEL_TABLES = tuple(f"leap_stage.{table}" for table in TABLES)
