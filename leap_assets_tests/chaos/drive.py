"""Play a sequence of events in a data folder of its own and look, all the time and at the end, whether all is well.

Runs are started as users start them, from a terminal. A kill waits for a marker inside the work (a line of the run's
log, a statement in dbt's, a file that appears) and strikes a moment later; what it hit is written down.
"""

import contextlib
import dataclasses
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from leap_assets.definitions import build_defs
from leap_assets.settings import PROJECT_DIR, Settings
from leap_assets_tests.chaos.deliveries import FIRST, Deliveries, State, make_worlds
from leap_assets_tests.chaos.events import DAYS, KILLS, WORK_S, Event, Scenario, tags
from leap_assets_tests.conftest import Leap, as_day, differing_tables

RUN_TIMEOUT_S = 900
POLL_S = 0.003
READ_EVERY_S = 0.5
PATIENCE_S = 3
WAITING = r"Waiting for run .*This run starts as soon as that one ends"
GAVE_UP = r"Gave up after .*Run again when it has ended, or raise LEAP_LOCK_TIMEOUT_S"
FULL = r"could not be written: .*Free space on its disk.*then run the days of this run again"
# of the warehouse, or of the history of runs: whichever met the limit
FORBIDDEN = (
    r"could not be written: .*Give the user that runs Leap the right.*then run the days of this run again"
)
KILLED_BEFORE = r"was killed while it was writing\. .*run its days again"
OTHER_WORLD = r"LEAP_SOURCE=landing, but this run has LEAP_SOURCE=simulator.*Set it back.*LEAP_DATA_DIR"
_STEP = re.compile(r'STEP_START - Started execution of step "(\w+)"')
_STARTED = re.compile(r"(\d+) of \d+ START (?:sql \w+ model|test|seed file) (\S+)")
_ENDED = re.compile(r"(\d+) of \d+ (?:OK|PASS|ERROR|FAIL|WARN)")


class DifferenceError(AssertionError):
    """The warehouse, the published file, the history or a message is not what it must be."""


def require(condition: object, said: str) -> None:
    """Raise a `DifferenceError` unless something holds."""
    if not condition:
        raise DifferenceError(said)


class Workshop:
    """The files that all sequences share: two simulated worlds, and one fresh build of every delivery met so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worlds = folder / "worlds"
        self._building = threading.Lock()
        self._built: dict[State, Leap] = {}
        make_worlds(self.worlds)
        defs = build_defs(Settings(data_dir=folder / "none", source="landing"))
        # the tables that a step writes, and so must tell of when it has ended
        self.keys_of_step = {
            assets.node_def.name: sorted(key.to_user_string() for key in assets.keys)
            for assets in defs.assets or []
            if isinstance(assets, dg.AssetsDefinition) and assets.is_executable
        }

    def new(self, name: str, state: State = FIRST, built: Leap | None = None) -> tuple[Leap, Deliveries]:
        """A data folder with its deliveries and its history of runs; a copy of another one or empty."""
        leap = Leap(Settings(data_dir=self.folder / name / "data", source="landing"))
        data = leap.settings.data_dir
        home = data / "dagster"
        if built:
            shutil.copytree(built.settings.data_dir, data)
        deliveries = Deliveries(self.worlds, leap.settings.landing_dir, state)
        if not built:
            deliveries.place()
            home.mkdir(parents=True)
        # the project's own configuration, batched event log included
        text = (PROJECT_DIR / "dagster.yaml").read_text()
        (home / "dagster.yaml").write_text(text.replace("data/dagster", str(home)))
        if not built:
            dg.DagsterInstance.from_config(str(home)).dispose()
        return leap, deliveries

    def fresh(self, state: State) -> Leap:
        """A warehouse of a delivery that one run built, days 1 to the last, and nothing disturbed."""
        with self._building:
            if state not in self._built:
                leap, _ = self.new("fresh-" + "-".join(state), state)
                run = Run(leap, 1, DAYS)
                require(run.wait() == 0, f"the fresh build failed:\n{run.tail()}")
                self._built[state] = leap
            return self._built[state]


class Run:
    """A run that was started from a terminal, and what it has said so far."""

    def __init__(
        self, leap: Leap, first: int, last: int, *, limit: int = 0, bound: bool = False, **variables: str
    ) -> None:
        self.leap, self.first, self.last = leap, first, last
        self.data = leap.settings.data_dir
        self.killed = False
        days = ("--partition-range", f"{as_day(first)}...{as_day(last)}")
        if first == last:
            days = ("--partition", as_day(first).isoformat())
        launcher = ("leap_assets_tests.chaos.child", str(limit), str(int(bound)))
        self.process = leap.start("--select", "*", *days, launcher=launcher, **variables)
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.nodes = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # markers are looked at some hundred times a second: what they need is counted here, once a line
        for line in self.process.stdout or ():
            self.lines.append(line)
            if step := _STEP.search(line):
                self.steps.append(step[1])
            self.nodes += bool(_STARTED.search(line))

    @property
    def text(self) -> str:
        """All that was said, on one line, as the messages of Dagster are broken at some width."""
        return " ".join("".join(self.lines).split())

    def tail(self, count: int = 60) -> str:
        """The end of what was said."""
        return "".join(self.lines[-count:])

    def wait(self) -> int:
        """Wait for the end; returns the code with which it ended."""
        try:
            code = self.process.wait(RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill("group")
            raise DifferenceError(f"a run did not end within {RUN_TIMEOUT_S} s:\n{self.tail()}") from None
        finally:
            self.sweep()
        self._reader.join(30)
        return code

    def wait_for(self, marker: Callable[[], bool], every_s: float = POLL_S) -> bool:
        """Wait for something inside the work; False when the run ended before."""
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            if marker():
                return True
            time.sleep(every_s)
        return False

    def said(self, pattern: str) -> bool:
        """Whether a line of the log has something."""
        return any(re.search(pattern, line) for line in list(self.lines))

    def kill(self, whom: str) -> None:
        """kill -9 the run's process, or its group, and wait until nothing of it lives."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            (os.kill if whom == "parent" else os.killpg)(self.process.pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + 20
        while members := list(living_members(self.process.pid)):
            if time.monotonic() > deadline:
                self.sweep()
                raise DifferenceError(f"processes {members} outlived the run that was killed")
            time.sleep(0.02)
        self._reader.join(30)

    def sweep(self) -> None:
        """Leave no process behind, whatever happened."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def where(self) -> str:
        """The step, and what of dbt, that was at work when the log ended."""
        lines = list(self.lines)
        steps = [(n, found[1]) for n, line in enumerate(lines) if (found := _STEP.search(line))]
        if not steps:
            return "start"
        position, step = steps[-1]
        open_nodes: dict[str, str] = {}
        for line in lines[position:]:
            if started := _STARTED.search(line):
                open_nodes[started[1]] = started[2]
            elif ended := _ENDED.search(line):
                open_nodes.pop(ended[1], None)
        return f"{step}: {', '.join(open_nodes.values())}" if open_nodes else step


def living_members(group: int) -> Iterator[int]:
    """Processes of a group that are not dead yet."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            status = (path / "stat").read_text().rpartition(")")[2].split()
            if int(status[2]) == group and status[0] not in "ZX":
                yield int(path.name)


class Readers:
    """Somebody who opens the published file again and again, from before the first event to after the last."""

    BOOKS = """select
        (select count(*) from leap_mart.ingestion_daily where received <> accepted + duplicate + rejected),
        (select count(*) from leap_dim.dim_dates where is_loaded),
        (select count(distinct delivery_date) from leap_mart.ingestion_daily),
        (select coalesce(sum(rejected), 0) from leap_mart.ingestion_daily),
        (select coalesce(sum(lines), 0) from leap_mart.rejections_daily),
        (select coalesce(sum(accepted), 0) from leap_mart.ingestion_daily where log = 'heartbeat'),
        (select count(*) from leap_stage.event_heartbeat)"""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()
        self.reads = 0
        self.states: set[tuple[Any, ...]] = set()
        self.fault: str | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Readers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        was_there = False
        while not self._over.wait(READ_EVERY_S) and self.fault is None:
            if not (was_there or self._path.exists()):
                continue
            was_there = True
            try:
                with duckdb.connect(str(self._path), read_only=True) as connection:
                    state = connection.execute(self.BOOKS).fetchall()[0]
            except duckdb.Error as error:
                self.fault = f"the published file could not be read: {error}"
                return
            self.reads += 1
            self.states.add(state)
            wrong, loaded, delivered, rejected, explained, beats, staged = state
            if wrong or loaded != delivered or (rejected, beats) != (explained, staged):
                self.fault = f"the published file is mixed: {state}"


@dataclasses.dataclass
class Played:
    """What came of a sequence."""

    counted: Counter[str]
    hits: list[str]
    diary: list[str]
    reads: int
    wall_s: float
    failure: str | None = None


class Player:
    """One sequence in one data folder."""

    def __init__(self, workshop: Workshop, name: str, scenario: Scenario) -> None:
        self.workshop, self.scenario = workshop, scenario
        built = workshop.fresh(FIRST) if scenario.starts_built else None
        self.leap, self.deliveries = workshop.new(name, FIRST, built)
        self.data = self.leap.settings.data_dir
        self.missing = set() if built else set(range(1, DAYS + 1))
        self.counted: Counter[str] = Counter()
        self.hits: list[str] = []
        self.diary: list[str] = []
        self.was_killed = False
        self.died: set[str] = set()

    def play(self) -> Played:
        """Let everything happen, run what is missing, and compare; a failure is reported, not raised."""
        started = time.monotonic()
        failure = None
        with Readers(self.leap.settings.published_path) as readers:
            try:
                for event in self.scenario.events:
                    self.happen(event)
                    require(readers.fault is None, str(readers.fault))
                self.finish()
            except DifferenceError as difference:
                failure = str(difference)
            except Exception:
                # whatever breaks here is somebody's fault too, and the sequence must be recorded
                failure = traceback.format_exc()
        failure = failure or readers.fault
        played = Played(
            self.counted, self.hits, self.diary, readers.reads, time.monotonic() - started, failure
        )
        if failure is None:
            shutil.rmtree(self.data.parent, ignore_errors=True)
        return played

    def happen(self, event: Event) -> None:
        """One event."""
        hit = {
            "day": self._run_days,
            "range": self._run_days,
            "again": self._run_twice,
            "late": self._deliver,
            "replace": self._deliver,
            "empty": self._deliver,
            "crowd": self._crowd,
            "disk_full": self._fill_disk,
            "unwritable": self._forbid,
            "other_world": self._run_other_world,
        }.get(event.kind, self._kill)(event)
        self.diary.append(f"{event} -> {hit}")
        if hit.startswith("missed"):
            return
        self.counted.update(tags(event))
        if event.kind in KILLS or event.kind in ("disk_full", "unwritable"):
            self.hits.append(
                f"{event.kind}{' ' + event.detail['whom'] if event.kind in KILLS else ''}: {hit}"
            )

    def finish(self) -> None:
        """One clean run of what is missing; then all must be as if nothing had happened."""
        if self.missing:
            self._succeed(min(self.missing), max(self.missing))
        fresh = self.workshop.fresh(self.deliveries.state)
        for published in (False, True):
            differing = differing_tables(fresh, self.leap, published=published)
            where = "published file" if published else "warehouse"
            require(not differing, f"the {where} differs from a fresh build: {differing}")
        unbalanced = self.leap.query(
            "from leap_mart.ingestion_daily where received <> accepted + duplicate + rejected"
        )
        require(not unbalanced, f"the books do not balance: {unbalanced}")
        received = self.leap.query(
            "select log, delivery_date::varchar, received from leap_mart.ingestion_daily where received > 0"
        )
        counted = self.deliveries.count_lines()
        require(
            {(log, day): lines for log, day, lines in received} == dict(counted),
            f"lines in landing/ and lines received differ: {counted} and {received}",
        )
        self._check_history()

    def _start(self, first: int, last: int, **options: Any) -> Run:
        return Run(self.leap, first, last, **options)

    def _succeed(self, first: int, last: int) -> Run:
        run = self._start(first, last)
        code = run.wait()
        require(code == 0, f"a run of {first}-{last} that nothing disturbed failed:\n{run.tail()}")
        self._look_back(run)
        self.missing -= set(range(first, last + 1))
        return run

    def _look_back(self, run: Run) -> None:
        """The first run that gets its turn after a kill says so."""
        if self.was_killed:
            require(
                re.search(KILLED_BEFORE, run.text), f"nothing was said of the killed run:\n{run.tail(200)}"
            )
            self.was_killed = False

    def _run_days(self, event: Event) -> str:
        self._succeed(event.first, event.last)
        return "run"

    def _run_twice(self, event: Event) -> str:
        if event.first in self.missing:
            self._succeed(event.first, event.first)
        self._succeed(event.first, event.first)
        return "run again"

    def _deliver(self, event: Event) -> str:
        day, done = self.deliveries.happen(event)
        self.missing.add(day)
        return f"day {day}: {done}"

    def _kill(self, event: Event) -> str:
        # dbt tells each statement to a file, which says what is in the middle of being replaced
        run = self._start(event.first, event.last, DBT_LOG_LEVEL_FILE="debug")
        try:
            if run.wait_for(_marker(run, event)):
                work_s = WORK_S[event.detail.get("step", event.kind)]
                time.sleep(event.detail["moment"] * work_s)
            return self._strike(run, event.detail["whom"], event.kind)
        finally:
            run.sweep()

    def _strike(self, run: Run, whom: str, kind: str) -> str:
        """Kill a run and look at what it left; when it had ended by itself, that is a miss."""
        days = range(run.first, run.last + 1)
        if run.process.poll() is None:
            run.kill(whom)
        code = run.wait()
        if code == 0:
            self._look_back(run)
            self.missing -= set(days)
            return "missed: the run had ended"
        require(code == -signal.SIGKILL, f"a run failed before it could be killed:\n{run.tail()}")
        self.missing |= set(days)
        where = run.where()
        if self.was_killed and re.search(KILLED_BEFORE, run.text):
            self.was_killed = False
        if holder := self._holder():
            self.was_killed = True
            self.died.add(holder)
        partial = (self.data / "published" / ".leap.duckdb.partial").exists()
        if kind == "kill_replace" and (statement := statement_in_flight(run.data)):
            where = f"inside delete and insert of {statement}"
        self._check_stored()
        wanted = {"kill_publish": "published__leap", "kill_replace": "inside"}.get(kind, "")
        if kind == "kill_python":
            wanted = "load" if where.startswith("load") else "detect"
        elif kind == "kill_dbt":
            wanted = "stage" if where.startswith("stage") else "model"
        if not where.startswith(wanted):
            return f"missed: hit {where}"
        return where + (" with half a copy" if kind == "kill_publish" and partial else "")

    def _crowd(self, event: Event) -> str:
        turn = event.detail["turn"]
        spans = [(event.first, event.last), *map(tuple, event.detail["others"])]
        impatient = {"LEAP_LOCK_TIMEOUT_S": str(PATIENCE_S)} if turn == "impatient" else {}
        first = self._start(*spans[0])
        runs = [first]
        try:
            # the first one must have its turn, or somebody else would be killed or wait
            if turn != "all":
                first.wait_for(lambda: bool(first.steps))
            runs += [self._start(*span, **impatient) for span in spans[1:]]
            if turn == "first_killed":
                first.wait_for(lambda: all(run.said("Waiting for run") for run in runs[1:]), every_s=0.2)
                self._strike(first, "group", "crowd")
            codes = [run.wait() for run in runs]
        finally:
            for run in runs:
                run.sweep()
        for run, code in zip(runs, codes, strict=True):
            days = set(range(run.first, run.last + 1))
            if code == 0:
                self.missing -= days
            else:
                self.missing |= days
        if any("was killed while it was writing" in run.text for run in runs):
            self.was_killed = False
        waited = [run for run in runs if run.said("Waiting for ")]
        if turn == "impatient":
            given_up = [run for run, code in zip(runs, codes, strict=True) if code]
            for run in given_up:
                require(re.search(GAVE_UP, run.text), f"a run did not say why it gave up:\n{run.tail()}")
            return (
                f"{len(given_up)} of {len(runs)} gave up" if given_up else "missed: nobody had to wait long"
            )
        failed = [run.tail() for run, code in zip(runs, codes, strict=True) if code and not run.killed]
        require(not failed, "a run of several at once failed:\n" + "\n".join(failed))
        for run in waited:
            require(
                re.search(WAITING.replace("run .*", ".*"), run.text),
                f"waiting is not explained:\n{run.tail()}",
            )
        return f"{len(waited)} of {len(runs)} waited, {sum(run.killed for run in runs)} killed"

    def _fill_disk(self, event: Event) -> str:
        # below the size that a build has, and above that of Dagster's own history
        size = self.workshop.fresh(FIRST).settings.warehouse_path.stat().st_size
        least = 8_000_000
        limit = int(least + event.detail["share"] * (size - least))
        run = self._start(event.first, event.last, limit=limit)
        code = run.wait()
        days = set(range(event.first, event.last + 1))
        if code == 0:
            self._look_back(run)
            self.missing -= days
            return "missed: the files stayed small enough"
        self.missing |= days
        self._hear_back(run)
        require(re.search(FULL, run.text), f"a full disk is not explained:\n{run.tail(200)}")
        self._check_stored()
        return f"{run.where()} at {limit / 1e6:.1f} MB"

    def _forbid(self, event: Event) -> str:
        what = event.detail["what"]
        path = {
            "data": self.data,
            "published": self.data / "published",
            "leap.duckdb": self.leap.settings.warehouse_path,
            "tmp": self.data / "tmp",
        }[what]
        if what in ("published", "tmp"):
            path.mkdir(exist_ok=True)
        if what == "tmp":
            # an empty folder would be removed and made anew, and be writable again
            (path / "left").touch()
        if not path.exists():
            return "missed: there is no file yet"
        mode = path.stat().st_mode
        path.chmod(0o555)
        lock = self.data / "leap.lock"
        if what == "data":
            # whoever may not write the folder does not own its files either
            lock.touch()
            lock.chmod(0o444)
        try:
            run = self._start(event.first, event.last, bound=True)
            code = run.wait()
        finally:
            path.chmod(mode)
            if what == "data":
                lock.chmod(0o644)
        require(code, f"a run wrote into {path}, which it may not")
        self.missing |= set(range(event.first, event.last + 1))
        self._hear_back(run)
        require(re.search(FORBIDDEN, run.text), f"a forbidden folder is not explained:\n{run.tail(200)}")
        return f"{what}, {run.where()}"

    def _hear_back(self, run: Run) -> None:
        """A run that failed may have been the one that tells of the killed one, or not have come so far."""
        if self.was_killed and not (self.data / "leap.lock.json").exists():
            self.was_killed = False

    def _run_other_world(self, event: Event) -> str:
        if not (self.data / "world.json").exists():
            return "missed: the folder has no world yet"
        before = self._files()
        run = self._start(event.first, event.last, LEAP_SOURCE="simulator", LEAP_SEED="7")
        code = run.wait()
        self._hear_back(run)
        require(code, "another source was not refused")
        require(re.search(OTHER_WORLD, run.text), f"the refusal does not say what to do:\n{run.tail()}")
        require(self._files() == before, "a refused run changed files")
        return "refused"

    def _holder(self) -> str | None:
        """The run that had the turn to write when it died."""
        try:
            return str(json.loads((self.data / "leap.lock.json").read_text())["run_id"])
        except (OSError, ValueError):
            return None

    def _files(self) -> dict[str, tuple[int, int]]:
        files = [path for path in self.data.rglob("*") if path.is_file() and "dagster" not in path.parts]
        return {
            str(path): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in files
            if "lock" not in path.name
        }

    def _finished_steps(self) -> list[tuple[str, str]]:
        """(run, step) of every success that was stored; steps are in the files of their runs alone."""
        finished = []
        for path in (self.data / "dagster" / "history" / "runs").glob("*-*.db"):
            with contextlib.closing(sqlite3.connect(path)) as connection:
                finished += connection.execute(
                    "select run_id, step_key from event_logs where dagster_event_type = 'STEP_SUCCESS'"
                ).fetchall()
        return finished

    def _told(self) -> dict[tuple[str, str], set[tuple[str, str]]]:
        """(asset, partition) of the stored materialisations, by run and step."""
        told: dict[tuple[str, str], set[tuple[str, str]]] = {}
        index = self.data / "dagster" / "history" / "runs" / "index.db"
        with contextlib.closing(sqlite3.connect(index)) as connection:
            for run_id, step, asset, partition in connection.execute(
                """select run_id, step_key, asset_key, partition from event_logs
                where dagster_event_type = 'ASSET_MATERIALIZATION'"""
            ):
                told.setdefault((run_id, step), set()).add((asset, partition))
        return told

    def _days_of_runs(self) -> dict[str, list[str]]:
        runs = self.data / "dagster" / "history" / "runs.db"
        with contextlib.closing(sqlite3.connect(runs)) as connection:
            rows = connection.execute("select run_id, key, value from run_tags").fetchall()
        found: dict[str, dict[str, str]] = {}
        for run_id, key, value in rows:
            found.setdefault(run_id, {})[key] = value
        days = {}
        for run_id, run_tags in found.items():
            first = run_tags.get("dagster/asset_partition_range_start") or run_tags.get("dagster/partition")
            last = run_tags.get("dagster/asset_partition_range_end") or run_tags.get("dagster/partition")
            if first and last:
                numbers = range(1, DAYS + 1)
                days[run_id] = [d for n in numbers if first <= (d := as_day(n).isoformat()) <= last]
        return days

    def _check_stored(self) -> None:
        """No event of a finished step is lost, and the rows that they speak of are in the warehouse."""
        days = self._days_of_runs()
        finished, told = self._finished_steps(), self._told()
        for run_id, step in finished:
            keys = self.workshop.keys_of_step[step]
            wanted = {(_as_json(key), day) for key in keys for day in days[run_id]}
            lost = wanted - told.get((run_id, step), set())
            require(not lost, f"run {run_id} finished {step}, but the history lost {sorted(lost)[:5]}")
        loads = [run_id for run_id, step in finished if step == "load"]
        if not loads:
            return
        # a copy: nobody but the next run shall meet the log that was left behind
        with tempfile.TemporaryDirectory(dir=self.data.parent) as aside:
            for path in self.data.glob("leap.duckdb*"):
                shutil.copyfile(path, Path(aside, path.name))
            with duckdb.connect(str(Path(aside, "leap.duckdb"))) as connection:
                loaded = {
                    day
                    for (day,) in connection.execute(
                        "select distinct delivery_date::varchar from leap_raw.delivery"
                    ).fetchall()
                }
        lost_days = {day for run_id in loads for day in days[run_id]} - loaded
        require(
            not lost_days, f"the history says that {lost_days} were loaded, but the warehouse has them not"
        )

    def _check_history(self) -> None:
        """Every day counts as done, and nobody who died while writing counts as running."""
        require(self._finished_steps(), "the history of runs has no step that ended")
        self._check_stored()
        with dg.DagsterInstance.from_config(str(self.data / "dagster")) as instance:
            for run_id in self.died:
                run = instance.get_run_by_id(run_id)
                require(
                    run and run.is_finished, f"run {run_id} was killed, but the history has it as running"
                )
            for key in (key for keys in self.workshop.keys_of_step.values() for key in keys):
                done = instance.get_materialized_partitions(dg.AssetKey(key.split("/")))
                wanted = {as_day(day).isoformat() for day in range(1, DAYS + 1)}
                require(done == wanted, f"the history says that {key} has {sorted(done)}")


def _as_json(key: str) -> str:
    return dg.AssetKey(key.split("/")).to_string()


def statement_in_flight(data: Path) -> str | None:
    """The model whose rows dbt was replacing when its log ended: deleted, but not committed yet."""
    open_models: dict[str, None] = {}
    for path in data.glob("tmp/*/dbt.log"):
        for line in path.read_text(errors="replace").splitlines():
            # the last entry may be half written
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                model = entry["data"].get("node_info", {}).get("node_name", "")
                if "*/\ndelete from" in entry["data"].get("sql", ""):
                    open_models[model] = None
                elif entry["info"]["name"] == "SQLCommit":
                    open_models.pop(model, None)
    return next(iter(open_models), None)


def _deletes_seen(data: Path) -> Callable[[], int]:
    """A counter of the deletes that dbt has told to its logs; reads what is new of them, whenever it is called."""
    read: dict[Path, int] = {}
    seen = 0

    def count() -> int:
        nonlocal seen
        for path in data.glob("tmp/*/dbt.log"):
            with path.open("rb") as file:
                file.seek(read.get(path, 0))
                # whole entries alone
                new = file.read()
                new = new[: new.rfind(b"\n") + 1]
            read[path] = read.get(path, 0) + len(new)
            # each statement is told twice in its entry
            seen += new.count(rb"*/\ndelete from") // 2
        return seen

    return count


def _marker(run: Run, event: Event) -> Callable[[], bool]:
    """What a kill waits for."""
    if event.kind == "kill_python":
        return lambda: event.detail["step"] in run.steps
    if event.kind == "kill_dbt":
        return lambda: run.nodes >= event.detail["nth"]
    if event.kind == "kill_replace":
        count = _deletes_seen(run.data)
        return lambda: count() >= event.detail["nth"]
    return (run.data / "published" / ".leap.duckdb.partial").exists


def cpu_s() -> float:
    """Processor seconds of this process and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
