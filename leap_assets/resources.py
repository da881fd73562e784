"""What runs share: the warehouse with its lock, dbt, and the landing zone.

The lock is the queue: a run takes it before its first write and gives it back after its last, whoever started it
(UI, schedule, command line). What is written lives with the assets.
"""

import contextlib
import datetime as dt
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Self

import dagster as dg
import duckdb
from dagster_dbt import DbtCliResource
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from dagster_duckdb import DuckDBResource
from filelock import FileLock, Timeout
from packaging.version import Version
from pydantic import PrivateAttr

from leap_assets.dbt_child import LOCK_VARIABLE, WAREHOUSE_VARIABLE
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.ingestion import Loaded, load_deliveries
from leap_assets.landing.thresholds import Finding, Thresholds, check_thresholds
from leap_assets.partitions import Window
from leap_assets.retention import prune_history
from leap_assets.settings import LANDING, PROJECT_DIR, SIMULATOR, SPARK, Settings
from leap_assets.simulated_day import DayWriter
from leap_assets.simulation import World
from leap_assets.warehouse.connections import (
    MEMORY_VARIABLE,
    create_database,
    data_folders,
    describe_disk_error,
    describe_memory_error,
    open_for_writing,
    remove_database,
    rows_of,
    spill_dir,
)
from leap_assets.warehouse.counts import count_rows
from leap_assets.warehouse.detection import replace_conflicts
from leap_assets.warehouse.match_day import Rule

DBT_PROJECT_DIR = PROJECT_DIR / "dbt_project"
WAITING_SAID_S = 60.0
# how often a waiting run repeats what it waits for
LOCK_POLL_S = 0.5


class WrongWorldError(Exception):
    """The data folder was made with other settings; the message says which and what to do."""


class UnusableFolderError(Exception):
    """The data folder cannot be written; the message says why and what to do."""


class TooLittleMemoryError(Exception):
    """DuckDB needed more memory than it may take; the message says what to do."""


class RunLock:
    """The queue of writers: one lock file, freed by the kernel when its holder dies.

    Parameters
    ----------
    data_dir : Path
    timeout_s : float
        How long to wait for another writer.
    say : callable
        Receives a sentence while waiting.
    """

    def __init__(self, data_dir: Path, timeout_s: float, say: Callable[[str], None]) -> None:
        self._lock = FileLock(data_dir / "leap.lock")
        self._child_lock = FileLock(child_lock_path(data_dir))
        self._holder_path = data_dir / "leap.lock.json"
        self._waiting_dir = data_dir / "leap.lock.waiting"
        self._timeout_s = timeout_s
        self._say = say

    def acquire(self, run_id: str) -> str | None:
        """Wait for the turn of `run_id`; returns the id of a run that died while it held the lock, if any."""
        deadline = time.monotonic() + self._timeout_s
        with self._in_the_queue(run_id):
            self._wait_for(self._lock, deadline, self._describe_holder)
            # a dbt process whose run was killed may still be writing its last statement
            self._wait_for(self._child_lock, deadline, lambda: "a dbt process whose run was killed")
            self._child_lock.release()
            died = self._read_holder().get("run_id")
            since = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            self._holder_path.write_text(json.dumps({"run_id": run_id, "pid": os.getpid(), "since": since}))
        return died

    def take_dead_waiters(self) -> list[str]:
        """Ids of runs that died while they waited for their turn, each told once; for the holder alone."""
        dead = []
        for path in sorted(self._waiting_dir.glob("*.lock")):
            lock = FileLock(path)
            with contextlib.suppress(Timeout), lock.acquire(timeout=0):
                # whoever waits holds its file: this one's process is gone
                path.unlink(missing_ok=True)
                dead.append(path.stem)
        return dead

    def release(self) -> None:
        """Let the next run in."""
        if self._lock.is_locked:
            self._holder_path.unlink(missing_ok=True)
            self._lock.release()

    @contextlib.contextmanager
    def _in_the_queue(self, run_id: str) -> Iterator[None]:
        """Hold a file of the run's own while it waits, which the kernel lets go when the run dies."""
        self._waiting_dir.mkdir(exist_ok=True)
        path = self._waiting_dir / f"{run_id}.lock"
        # locked before it has its name: what can be found and locked is dead
        unnamed = self._waiting_dir / f".{run_id}"
        lock = FileLock(unnamed)
        lock.acquire()
        unnamed.rename(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            lock.release()

    def _wait_for(self, lock: FileLock, deadline: float, describe: Callable[[], str]) -> None:
        said_at = -WAITING_SAID_S
        while True:
            try:
                lock.acquire(timeout=0)
                return
            except Timeout:
                now = time.monotonic()
                if now > deadline:
                    raise TimeoutError(
                        f"Gave up after {self._timeout_s:.0f} s of waiting for {describe()}, which is writing "
                        f"{self._holder_path.parent}. Nothing was changed. Run again when it has ended, or raise "
                        "LEAP_LOCK_TIMEOUT_S."
                    ) from None
                if now - said_at >= WAITING_SAID_S:
                    self._say(
                        f"Waiting for {describe()}: one run at a time writes {self._holder_path.parent}. "
                        "This run starts as soon as that one ends."
                    )
                    said_at = now
                time.sleep(LOCK_POLL_S)

    def _read_holder(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._holder_path.read_text()))
        except (OSError, ValueError):
            return {}

    def _describe_holder(self) -> str:
        holder = self._read_holder()
        if not holder:
            return "whoever holds leap.lock (a run that is about to start, or a backup)"
        return f"run {holder['run_id']} (process {holder['pid']}, writing since {holder['since']})"


def child_lock_path(data_dir: Path) -> Path:
    """Lock file that a dbt child holds while it lives."""
    return data_dir / "leap.dbt.lock"


def world_of(settings: Settings) -> dict[str, dict[str, str]]:
    """What the stored rows depend on: `world` decides the landing files, `model` what is made of them."""
    world = {"LEAP_SOURCE": settings.source, "LEAP_START_DATE": settings.start_date.isoformat()}
    if settings.source == SIMULATOR:
        world |= {
            "LEAP_SEED": str(settings.seed),
            "LEAP_INITIAL_PLAYERS": str(settings.initial_players),
            **{f"LEAP_SIM_{name.upper()}": str(value) for name, value in sorted(settings.simulation.items())},
        }
    model = {
        "LEAP_HEARTBEAT_S": str(settings.heartbeat_s),
        "LEAP_CONFLICT_DISTANCE": str(settings.conflict_distance),
        "LEAP_CONFLICT_COOLDOWN_S": str(settings.conflict_cooldown_s),
        "LEAP_CURRENCY": settings.currency,
        "LEAP_SESSION_MAX_HOURS": str(settings.session_max_hours),
        "LEAP_LOGS": ",".join(settings.logs),
    }
    if settings.engine == SPARK:
        world["LEAP_ENGINE"] = SPARK
    if settings.source == SIMULATOR:
        # the simulator writes a position a beat
        world["LEAP_HEARTBEAT_S"] = model.pop("LEAP_HEARTBEAT_S")
    return {"world": world, "model": model}


def check_world(data_dir: Path, wanted: Mapping[str, Mapping[str, str]], *, rebuilding: bool = False) -> None:
    """Refuse a data folder that was made with other settings.

    Raises
    ------
    WrongWorldError
        With the first setting that differs; a rebuild may change those of the model.
    """
    with contextlib.suppress(FileNotFoundError):
        check_recorded(
            json.loads(world_path(data_dir).read_text()), wanted, str(data_dir), rebuilding=rebuilding
        )


def check_recorded(
    recorded: Mapping[str, Mapping[str, str]],
    wanted: Mapping[str, Mapping[str, str]],
    place: str,
    *,
    rebuilding: bool = False,
) -> None:
    """Refuse what a place was made with when it is not what is wanted: see `check_world`."""
    is_mapped = wanted["world"].get("LEAP_SOURCE") not in (SIMULATOR, LANDING)
    remedies = (
        {"world": ""} if rebuilding else {"world": "", "model": ", or build it anew with `make rebuild`"}
    )
    for part, remedy in remedies.items():
        for name in dict.fromkeys([*recorded[part], *wanted[part]]):
            was, now = recorded[part].get(name, "(unset)"), wanted[part].get(name, "(unset)")
            if was != now and name == "LEAP_LOGS" and is_mapped:
                raise WrongWorldError(
                    f"{place} was made with mappings of the logs {was}, but the source has {now} now. Nothing was "
                    "changed. Build it anew with `make rebuild`, or use another data folder with "
                    "LEAP_DATA_DIR=<folder>."
                )
            if was != now and name == "LEAP_SESSION_MAX_HOURS" and name not in recorded[part]:
                raise WrongWorldError(
                    f"{place} was made by a version of Leap that had no {name}, with other types of its columns. "
                    "Nothing was changed. Build it anew with `make rebuild`, or use another data folder with "
                    "LEAP_DATA_DIR=<folder>."
                )
            if was != now:
                raise WrongWorldError(
                    f"{place} was made with {name}={was}, but this run has {name}={now}. Nothing was changed. "
                    f"Set it back to {was}, or use another data folder with LEAP_DATA_DIR=<folder>{remedy}."
                )


def record_world(data_dir: Path, world: Mapping[str, Mapping[str, str]]) -> None:
    """Write down which world a data folder holds."""
    path = world_path(data_dir)
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(world, indent=2) + "\n")
    partial.replace(path)


def world_path(data_dir: Path) -> Path:
    """File that records which world a data folder holds."""
    return data_dir / "world.json"


class Warehouse(DuckDBResource):
    """The DuckDB file that a run writes, and the run's turn to write it.

    A subclass because the stock resource leaves its connection open when the body raises.
    """

    data_dir: str
    world: dict[str, dict[str, str]]
    lock_timeout_s: float
    memory_limit: str | None = None
    keep_runs: int = 0
    rebuilding: bool = False
    _lock: RunLock | None = PrivateAttr(default=None)

    @classmethod
    def from_settings(cls, settings: Settings, **more: Any) -> Self:
        """The warehouse of an installation; `more` is what an engine has beside the rest."""
        return cls(
            database=str(settings.written_path),
            data_dir=str(settings.data_dir),
            world=world_of(settings),
            lock_timeout_s=settings.lock_timeout_s,
            memory_limit=settings.memory_limit,
            keep_runs=settings.keep_runs,
            rebuilding=settings.rebuild,
            **more,
        )

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in UTC that reaches the data folder alone, closed whatever happens.

        Raises
        ------
        UnusableFolderError
            When the disk is full or may not be written; the message says what to do.
        TooLittleMemoryError
            When DuckDB needs more than `memory_limit`; the message says what to do.
        """
        with self.errors_explained():
            connection = open_for_writing(
                Path(self.database), data_folders(Path(self.data_dir)), self.memory_limit
            )
            try:
                yield connection
            finally:
                connection.close()

    @contextlib.contextmanager
    def errors_explained(self) -> Iterator[None]:
        """Turn what a full or forbidden disk or too little memory raises inside into an error that says what to do."""
        try:
            yield
        except (OSError, duckdb.Error, DagsterDbtCliRuntimeError) as error:
            if said := describe_disk_error(error, Path(self.data_dir)):
                raise UnusableFolderError(said) from error
            if self.memory_limit and (said := describe_memory_error(error, self.memory_limit)):
                raise TooLittleMemoryError(said) from error
            raise

    def simulate(
        self, writer: DayWriter, days: Window
    ) -> Iterator[tuple[dt.date, dict[str, int], dict[str, int]]]:
        """Write days of the simulated world; gives each with the lines and the rows of the truth that it has."""
        world = World(writer.world)
        for day in days:
            yield day, *writer.write(day, world)

    def load(
        self,
        landing_dir: Path,
        days: Sequence[dt.date],
        *,
        logs: Sequence[str],
        start_date: dt.date,
        rates: Mapping[str, dt.date],
        session_max_hours: float,
        hashing: KeyedHash | None,
        event_types: Sequence[str],
        thresholds: Thresholds,
        expected_logs: Sequence[str],
        say: Callable[[str], None],
    ) -> tuple[list[Loaded], list[Finding]]:
        """Replace what some delivery days brought, and look at them: see `load_deliveries` and `check_thresholds`."""
        with self.get_connection() as connection:
            loaded = load_deliveries(
                connection,
                landing_dir,
                days,
                logs=logs,
                start_date=start_date,
                rates=rates,
                session_max_hours=session_max_hours,
                hashing=hashing,
                event_types=event_types,
                say=say,
            )
            return loaded, check_thresholds(rows_of(connection), days, expected_logs, thresholds)

    def replace_conflicts(self, window: Window, rule: Rule) -> dict[str, dict[dt.date, int]]:
        """Detect the conflicts of some event days: see `leap_assets.warehouse.detection`."""
        with self.get_connection() as connection:
            return replace_conflicts(connection, window, rule)

    def count_rows(
        self, tables: Sequence[tuple[str, str]], days: Window
    ) -> dict[tuple[str, str], dict[str | None, dict[str, int]]]:
        """Row counts of tables as metadata, by partition key; None is for the table as a whole."""
        with self.get_connection() as connection:
            return {table: count_rows(connection, *table, days) for table in tables}

    @contextlib.contextmanager
    def shown(self, window: Window) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that has all tables that people see, as they are now; a run wrote the event days of a window."""
        with self.get_connection() as connection:
            yield connection

    def keep(self, connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
        """What was written to a small table of `shown` becomes the warehouse's: here it is that already."""

    def put_in_place(self, path: Path) -> None:
        """End of a rebuild: the new file takes the place of the old one, and its settings that of the old ones."""
        if path.exists():
            # a write-ahead log of the old file must not be found beside the new one
            duckdb.connect(str(path)).close()
        Path(self.database).replace(path)
        record_world(Path(self.data_dir), self.world)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Wait for the run's turn, then make sure that the data folder holds the run's world."""
        data_dir = Path(self.data_dir)
        log = context.log or dg.get_dagster_logger()
        run_id = context.run.run_id if context.run else "without an id"
        self._lock = RunLock(data_dir, self.lock_timeout_s, log.info)
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            died = self._lock.acquire(run_id)
            # first of all: a run that is refused below would take the record of the dead one with it
            if died and died != run_id:
                log.warning(
                    f"Run {died} was killed while it was writing. Nothing is lost or counted twice; run its days "
                    "again, if that has not been done."
                )
                _end_dead_run(context, died)
            for waiter in self._lock.take_dead_waiters():
                log.warning(f"Run {waiter} was killed while it waited for its turn: run its days again.")
                _end_dead_run(context, waiter)
            check_world(data_dir, self.world, rebuilding=self.rebuilding)
            if not world_path(data_dir).exists():
                record_world(data_dir, self.world)
            for folder in (temporary_dir(data_dir), spill_dir(Path(self.database))):
                shutil.rmtree(folder, ignore_errors=True)
            if self.rebuilding:
                remove_database(Path(self.database))
        except TimeoutError:
            raise
        except OSError as error:
            self._lock.release()
            # a folder that does not exist yet may also be refused for what lies above it
            said = describe_disk_error(error, data_dir) or (
                f"LEAP_DATA_DIR={data_dir} cannot be used: {error.strerror}. Choose a folder that can be written."
            )
            raise UnusableFolderError(said) from None
        except BaseException:
            self._lock.release()
            raise

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Prune the history of runs while it is this run's turn, then let the next run in."""
        if self._lock:
            try:
                self._prune_history(context)
            finally:
                self._lock.release()
                self._lock = None

    def _prune_history(self, context: dg.InitResourceContext) -> None:
        if not (context.instance and context.run):
            return
        try:
            prune_history(context.instance, self.keep_runs, context.run.run_id)
        except Exception as error:
            # the tables are in place: a history that stays long is no reason to fail
            log = context.log or dg.get_dagster_logger()
            log.warning(
                f"The history of runs could not be shortened to LEAP_KEEP_RUNS={self.keep_runs}: {error}. "
                "The next run tries again."
            )


def rule_of(settings: Settings) -> Rule:
    """What is close, and when a conflict ends."""
    return Rule(settings.conflict_distance, settings.conflict_cooldown_s, settings.heartbeat_s)


def temporary_dir(data_dir: Path) -> Path:
    """Folder of a run's working files; emptied by the next run that gets its turn."""
    return data_dir / "tmp"


def _end_dead_run(context: dg.InitResourceContext, run_id: str) -> None:
    """Mark a run as failed that was killed while it held the lock or waited for it: nobody else can."""
    instance = context.instance
    run = instance.get_run_by_id(run_id) if instance else None
    if instance and run and run.status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING):
        instance.report_run_failed(
            run, "The process of this run ended without a word. Its days can be run again."
        )


class LeapDbt(DbtCliResource):
    """dbt as Leap runs it.

    A subclass because the stock resource asks `dbt --version` before each command, which costs a process start and
    a call to the package index, and loads a second dbt into the parent for row counts that Leap takes itself.
    """

    environment: dict[str, str]
    target: str

    @classmethod
    def from_settings(cls, settings: Settings) -> "LeapDbt":
        """The dbt project with the settings that its models read."""
        environment = {
            WAREHOUSE_VARIABLE: str(settings.written_path),
            "DBT_LEAP_BEAT_S": repr(settings.heartbeat_s),
            "DBT_LEAP_CURRENCY": settings.currency,
            "DBT_LEAP_SESSION_MAX_S": str(settings.session_max_s),
            "DBT_LEAP_START_DATE": settings.start_date.isoformat(),
            MEMORY_VARIABLE: settings.memory_limit,
            "DBT_LEAP_LOGS": ",".join(settings.logs),
            LOCK_VARIABLE: str(child_lock_path(settings.data_dir)),
        }
        if settings.engine == SPARK:
            # dbt-spark asks at every statement for a setting that a running server cannot change, which pyspark tells
            environment["PYTHONWARNINGS"] = "ignore"
        return cls(
            project_dir=str(DBT_PROJECT_DIR),
            profiles_dir=str(DBT_PROJECT_DIR),
            target=settings.engine,
            dbt_executable=str(dbt_executable()),
            environment=environment,
        )

    def cli(self, args: Sequence[str], **options: Any) -> Any:
        """Start dbt; its environment carries the settings."""
        os.environ.update(self.environment)
        if args[0] == "build" and self.target != SPARK:
            # dbt would make one of another storage
            create_database(Path(self.environment[WAREHOUSE_VARIABLE]))
        return super().cli(args, **options)

    @property
    def _cli_version(self) -> Version:
        return Version(installed_version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def dbt_executable() -> Path:
    """The program `leap-dbt` of this Python environment.

    Raises
    ------
    FileNotFoundError
        When the package is not installed.
    """
    path = Path(sys.executable).parent / "leap-dbt"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist: Leap is not installed in this Python environment. Run `make setup`, or "
            "`pip install --editable .`."
        )
    return path


class LandingZone(dg.ConfigurableResource[Any]):
    """The folder of delivered files, and who fills it."""

    path: str
    source: str
    seeds: str = str(DBT_PROJECT_DIR / "seeds")

    @property
    def seeds_dir(self) -> Path:
        """The dbt seeds: a line in a currency without an exchange rate is rejected."""
        return Path(self.seeds)

    @property
    def dir(self) -> Path:
        """The folder `landing/`."""
        return Path(self.path)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Make sure that the folder exists."""
        if self.source == LANDING and not self.dir.is_dir() and context.log:
            context.log.warning(
                f"{self.dir} does not exist yet. With LEAP_SOURCE={LANDING}, put files into "
                f"{self.dir}/<log>/<YYYY-MM-DD>/."
            )
