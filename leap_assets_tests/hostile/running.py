"""Worlds become warehouses: the real loader, the models as dbt compiled them, the real kernel, in one process.

dbt is started once per state of the project and setting. What it compiles has two days that stand for the ends of a
run's window; each run puts its own in their place.
"""

import contextlib
import dataclasses
import datetime as dt
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from leap_assets.assets.dbt import project_state
from leap_assets.dbt_child import LOCK_VARIABLE, WAREHOUSE_VARIABLE
from leap_assets.landing.ingestion import create_raw_tables, load_deliveries
from leap_assets.landing.seeds import read_rates
from leap_assets.partitions import Window, event_window
from leap_assets.resources import DBT_PROJECT_DIR, LeapDbt, rule_of
from leap_assets.settings import Settings
from leap_assets.warehouse.connections import create_database, open_for_writing, transaction
from leap_assets.warehouse.detection import create_conflict_tables, replace_conflicts
from leap_assets_tests.mutants.projects import DataTest, Model, Project

from .worlds import SETUPS, Setup, World, write_landing

SEEDS = DBT_PROJECT_DIR / "seeds"
# Days that no telemetry has, and far enough from each other to tell what is counted from which.
FIRST_DAY, END_DAY = dt.date(7000, 1, 1), dt.date(8000, 1, 1)
REACH = dt.timedelta(days=400)
SCHEMAS = ("leap_raw", "leap_seed", "leap_stage", "leap_dim", "leap_mart")
CACHE = DBT_PROJECT_DIR / "target" / "hostile"


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The project as dbt compiles it for a setup, with `FIRST_DAY` and `END_DAY` for the window.

    `hooks` has the statements that run behind a model, by its name.
    """

    project: Project
    hooks: dict[str, str]


_COMPILED: dict[str, Compiled] = {}


def compiled(setup: str) -> Compiled:
    """The compiled project, made where the one that is kept is of another state of the project."""
    if setup not in _COMPILED:
        state = _state(SETUPS[setup])
        path = CACHE / f"{setup}.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        if kept.get("state") != state:
            kept = {"state": state, **_to_json(_compile(SETUPS[setup]))}
            path.parent.mkdir(parents=True, exist_ok=True)
            # Several test processes may do so at once: each puts a whole file in place.
            partial = path.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps(kept))
            partial.replace(path)
        _COMPILED[setup] = _from_json(kept)
    return _COMPILED[setup]


def _state(setup: Setup) -> str:
    """What the kept SQL follows from: the project without the rows of its seeds, the settings, and this module."""
    files = [line for line in project_state(DBT_PROJECT_DIR).splitlines() if not line.startswith("seeds/")]
    return "\n".join([*files, json.dumps(dbt_environment(setup)), Path(__file__).read_text()])


def dbt_environment(setup: Setup) -> dict[str, str]:
    """The settings as the models read them."""
    environment = LeapDbt.from_settings(setup.settings(Path("data"))).environment
    return {
        name: value for name, value in environment.items() if name not in (LOCK_VARIABLE, WAREHOUSE_VARIABLE)
    }


def _compile(setup: Setup) -> Compiled:
    from leap_assets_tests.dbt_project.conftest import DbtWarehouse

    window = {"DBT_LEAP_WINDOW_START": FIRST_DAY.isoformat(), "DBT_LEAP_WINDOW_END": END_DAY.isoformat()}
    with tempfile.TemporaryDirectory(prefix="hostile-") as temporary:
        folder = Path(temporary)
        create_database(folder / "leap.duckdb")
        warehouse = DbtWarehouse(folder / "leap.duckdb", folder / "target")
        warehouse.compiled(["fqn:*"], {**dbt_environment(setup), **window})
        return Compiled(Project.read(folder / "target"), _read_hooks(folder / "target"))


def _read_hooks(target: Path) -> dict[str, str]:
    """Statements behind models. dbt renders them only when it runs them: here the macro's own text is rendered."""
    nodes = json.loads((target / "manifest.json").read_text())["nodes"].values()
    hooks: dict[str, str] = {}
    for node in nodes:
        for hook in node["config"].get("post-hook", ()) if node["resource_type"] == "model" else ():
            called = re.fullmatch(r"{{ (\w+)\(\) }}", hook["sql"])
            assert called, f"{node['name']} has a hook that is no call of a macro: {hook['sql']}"
            macro = (DBT_PROJECT_DIR / "macros" / f"{called[1]}.sql").read_text()
            names = {
                "this": f"{node['schema']}.{node['name']}",
                "source": lambda schema, table: f"{schema}.{table}",
                "window_start": lambda days=0: f"cast('{FIRST_DAY + dt.timedelta(days=days)}' as date)",
                "window_end": lambda days=0: f"cast('{END_DAY + dt.timedelta(days=days)}' as date)",
            }
            module = jinja2.Environment().from_string(macro, globals=names).module
            hooks[node["name"]] = str(getattr(module, f"default__{called[1]}")())
    return hooks


def _to_json(compiled: Compiled) -> dict[str, Any]:
    def plain(node: Model | DataTest) -> dict[str, Any]:
        return {**dataclasses.asdict(node), "parents": sorted(node.parents)}

    return {
        "models": [plain(model) for model in compiled.project.models.values()],
        "data_tests": [plain(test) for test in compiled.project.data_tests],
        "hooks": compiled.hooks,
    }


def _from_json(kept: dict[str, Any]) -> Compiled:
    models = [Model(**{**node, "parents": frozenset(node["parents"])}) for node in kept["models"]]
    tests = [DataTest(**{**node, "parents": frozenset(node["parents"])}) for node in kept["data_tests"]]
    return Compiled(Project({model.name: model for model in models}, tuple(tests)), kept["hooks"])


_DAY = re.compile(r"'([678]\d{3}-\d\d-\d\d)'")


def in_window(sql: str, window: Window) -> str:
    """Compiled SQL with the days of a window in it."""

    def put(found: re.Match[str]) -> str:
        day = dt.date.fromisoformat(found[1])
        for stand_in, own in ((FIRST_DAY, window.first), (END_DAY, window.end)):
            if abs(day - stand_in) < REACH:
                return f"'{own + (day - stand_in)}'"
        return found[0]

    return _DAY.sub(put, sql)


def project_in_window(setup: str, window: Window) -> Project:
    """The project as dbt would compile it for a window."""
    project = compiled(setup).project
    return Project(
        {
            name: dataclasses.replace(model, sql=in_window(model.sql, window))
            for name, model in project.models.items()
        },
        tuple(dataclasses.replace(test, sql=in_window(test.sql, window)) for test in project.data_tests),
    )


@dataclasses.dataclass
class Warehouse:
    """The tables of a world, and runs over its delivery days."""

    world: World
    settings: Settings
    connection: duckdb.DuckDBPyConnection
    project: Project
    hooks: dict[str, str]
    ran: list[Window] = dataclasses.field(default_factory=list)

    @property
    def landing_dir(self) -> Path:
        """Where its files are."""
        return self.settings.landing_dir

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables but the seeds."""
        found = self.connection.execute(
            """select schema_name || '.' || table_name from duckdb_tables()
            where schema_name in (select unnest(?)) order by all""",
            [[schema for schema in SCHEMAS if schema != "leap_seed"]],
        ).fetchall()
        return tuple(name for (name,) in found)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(sql).fetchall()

    def load(self, delivered: Window) -> None:
        """Load delivery days as the step `load` of the graph does."""
        load_deliveries(
            self.connection,
            self.landing_dir,
            list(delivered),
            logs=self.settings.logs,
            start_date=self.settings.start_date,
            rates=read_rates(SEEDS / "exchange_rates.csv"),
            session_max_hours=self.settings.session_max_hours,
        )

    def run(self, delivered: Window, *, is_last: bool = True, by_day: bool = False) -> None:
        """A run over consecutive delivery days.

        Parameters
        ----------
        delivered : Window
        is_last : bool
            Whether the history tables are written, too. They are made of the other tables alone, anew in each run:
            of several runs in a row those of the last one count.
        by_day : bool
            Whether each statement is run for one event day after the other, as `insert_window` may cut a window.
        """
        self.load(delivered)
        window = event_window(delivered, self.settings.start_date, self.settings.session_max_hours)
        pieces = [Window(day, day) for day in window] if by_day else [window]
        self.ran.append(window)
        with transaction(self.connection):
            for model in self.project.models.values():
                if model.table.startswith("leap_stage."):
                    self._write(model, window, pieces)
        detect(self.connection, self.settings, window)
        with transaction(self.connection):
            for model in self.project.models.values():
                if not model.table.startswith("leap_stage.") and (is_last or model.is_incremental):
                    self._write(model, window, pieces)

    def _write(self, model: Model, window: Window, pieces: Sequence[Window]) -> None:
        if not model.is_incremental:
            self.connection.execute(f"create or replace table {model.table} as {model.sql}")
            return
        self.connection.execute(f"delete from {model.table} where {_inside(window)}")
        for piece in pieces:
            self.connection.execute(
                f"insert into {model.table} by name "
                f"select * from ({in_window(model.sql, piece)}) where {_inside(piece)}"
            )
        if hook := self.hooks.get(model.name):
            self.connection.execute(in_window(hook, window))

    def failing_data_tests(self) -> list[str]:
        """Names of dbt's data tests that stop a run, over all days that were written."""
        window = Window(min(window.first for window in self.ran), max(window.last for window in self.ran))
        failing = []
        for test in self.project.data_tests:
            rows = self.rows(f"select 1 from ({in_window(test.sql, window)}) limit 1")
            if rows and not test.only_warns:
                failing.append(test.name)
        return failing

    def fingerprints(self) -> dict[str, tuple[Any, ...]]:
        """What is the same for two tables with the same rows, repeats counted, whatever their order."""
        return {
            table: self.rows(f"select count(*), sum(hash(t)), bit_xor(hash(t)) from {table} as t")[0]
            for table in self.tables
        }

    def close(self) -> None:
        """Forget all rows."""
        self.connection.close()


def detect(connection: duckdb.DuckDBPyConnection, settings: Settings, window: Window) -> None:
    """Run the kernel over the days of a window that have positions, or rows of before: a gap may be of years."""
    days = connection.execute(
        """select distinct event_date from (
            select event_date from leap_stage.event_heartbeat
            union all select event_date from leap_stage.stage_conflicts
            union all select event_date from leap_stage.stage_contacts
        ) where event_date between ? and ? order by all""",
        [window.first, window.last],
    ).fetchall()
    for (day,) in days:
        replace_conflicts(connection, Window(day, day), rule_of(settings))


def _inside(window: Window) -> str:
    return f"event_date between date '{window.first}' and date '{window.last}'"


@contextlib.contextmanager
def landed(world: World) -> Iterator[Path]:
    """A data folder with the landing files of a world."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        write_landing(world, SETUPS[world.setup].settings(folder).landing_dir)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def open_warehouse(world: World, data_dir: Path, path: Path | None = None) -> Warehouse:
    """An empty warehouse of a world whose files are landed: in memory, or in a file `leap.duckdb`."""
    settings = SETUPS[world.setup].settings(data_dir)
    if path is None:
        connection = duckdb.connect()
        # The name that the compiled SQL has.
        connection.execute("attach ':memory:' as leap")
        connection.execute("use leap")
        connection.execute("set TimeZone = 'UTC'")
        # Tables of some hundred rows: a second thread only costs.
        connection.execute("set threads = 1")
    else:
        connection = open_for_writing(path)
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {schema}")
    for seed, columns in read_seed_columns().items():
        body = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
        connection.execute(f"create table leap_seed.{seed} ({body})")
        connection.execute(
            f"insert into leap_seed.{seed} from read_csv(?, header = true, all_varchar = true)",
            [str(SEEDS / f"{seed}.csv")],
        )
    create_raw_tables(connection)
    create_conflict_tables(connection)
    kept = compiled(world.setup)
    anywhere = Window(settings.start_date, settings.start_date)
    for model in kept.project.models.values():
        connection.execute(
            f"create table {model.table} as select * from ({in_window(model.sql, anywhere)}) limit 0"
        )
    return Warehouse(world, settings, connection, kept.project, kept.hooks)


def read_seed_columns() -> dict[str, dict[str, str]]:
    """Columns of the seeds with their types, as the project declares them."""
    import yaml

    found = {}
    for path in sorted(SEEDS.glob("*.yml")):
        for seed in yaml.safe_load(path.read_text())["seeds"]:
            types = seed["config"]["column_types"]
            found[seed["name"]] = {n: "varchar" if t == "string" else t for n, t in types.items()}
    return found


def spans(days: Sequence[dt.date]) -> list[Window]:
    """Consecutive days as windows."""
    found: list[Window] = []
    for day in sorted(days):
        if found and found[-1].end == day:
            found[-1] = Window(found[-1].first, day)
        else:
            found.append(Window(day, day))
    return found


def build(
    world: World, data_dir: Path, runs: Sequence[Window] | None = None, path: Path | None = None
) -> Warehouse:
    """The warehouse of a world after some runs; without any, after one run per span of consecutive days."""
    warehouse = open_warehouse(world, data_dir, path)
    runs = spans(world.days) if runs is None else runs
    for number, window in enumerate(runs):
        warehouse.run(window, is_last=number == len(runs) - 1)
    return warehouse
