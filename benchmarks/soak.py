"""A soak: the same days filled again and again in one folder, and what grows meanwhile.

    python -m benchmarks.soak --backfills 30 --days 30

Each backfill is a run of `dagster asset materialize` as in the README, in a fresh folder with a history of its own.
After each, its time and memory and the size of everything that it leaves are told. Ends with 1 when a judged figure
is more than 20 % above that of the third run: the first two make files that the others only replace. The history of
runs is full one run after the last that it keeps, and is compared with that one.
"""

import argparse
import contextlib
import dataclasses
import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from leap_assets.settings import PROJECT_DIR

FIRST_DAY = dt.date(2025, 1, 1)
ARRIVALS_PER_PLAYER = 0.04
# as in the default world: else the players of the first day would not decide its size
REFERENCE = 3
# the run that later ones are compared with
ALLOWED = 1.2
SAMPLED_EVERY_S = 0.1
MB = 1e6

HISTORY = ("event index", "events by run", "runs", "step logs")
# what LEAP_KEEP_RUNS bounds
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass(frozen=True)
class Place:
    """The folder of a soak: what a run may write to, but for the checkout.

    Attributes
    ----------
    folder : Path
        Holds `data/` (LEAP_DATA_DIR), `home/` (DAGSTER_HOME) and `tmp/` (TMPDIR).
    """

    folder: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def home(self) -> Path:
        """The instance folder of Dagster."""
        return self.folder / "home"

    @property
    def system_tmp(self) -> Path:
        """Where programs put temporary files that they do not tell Leap about."""
        return self.folder / "tmp"

    def environment(self, players: int, keep_runs: int) -> dict[str, str]:
        """Variables of a run in this place, nothing of the user's settings among them."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("LEAP_", "DBT_"))
        }
        return inherited | {
            "DAGSTER_HOME": str(self.home),
            "LEAP_DATA_DIR": str(self.data),
            "LEAP_INITIAL_PLAYERS": str(players),
            "LEAP_SIM_ARRIVALS_PER_DAY": str(players * ARRIVALS_PER_PLAYER),
            "LEAP_KEEP_RUNS": str(keep_runs),
            "TMPDIR": str(self.system_tmp),
        }


def prepare(folder: Path) -> Place:
    """Make the folders of a soak, with the project's dagster.yaml as docs/deploy.md says."""
    place = Place(folder)
    for path in (place.data, place.home, place.system_tmp):
        path.mkdir(parents=True)
    config = (PROJECT_DIR / "dagster.yaml").read_text().replace("data/dagster", str(place.home))
    (place.home / "dagster.yaml").write_text(config)
    return place


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a run cost: seconds, and bytes of resident memory of all its processes together at the worst moment."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def run_measured(command: Sequence[str], environment: dict[str, str], log: Path) -> Cost:
    """Run a command to its end.

    CPU time is that of the process and of all children that were waited for. Memory is the sum of the resident sets
    of its processes, sampled; pages that two of them share count twice.

    Raises
    ------
    RuntimeError
        When the command fails; with the end of what it said.
    """
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=PROJECT_DIR,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        peaks, ended = [0], threading.Event()

        def watch() -> None:
            while not ended.wait(SAMPLED_EVERY_S):
                peaks.append(resident_bytes(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            ended.set()
            watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{log.read_text(errors='replace')[-4000:]}")
    return Cost(time.monotonic() - started, used.ru_utime + used.ru_stime, max(peaks))


def resident_bytes(session: int) -> int:
    """Resident memory of all processes of a session; 0 when there are none. Linux."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                total += int(fields[21]) * PAGE_BYTES
    return total


def size_of(*paths: Path, leave_out: Sequence[Path] = ()) -> int:
    """Bytes of files and of all files below folders; what does not exist has none."""
    total = 0
    for path in paths:
        if path.is_dir():
            total += sum(
                size_of(child, leave_out=leave_out) for child in path.iterdir() if child not in leave_out
            )
        else:
            # a journal of SQLite may go while it is looked at
            with contextlib.suppress(FileNotFoundError):
                total += path.lstat().st_size
    return total


def sizes(place: Place) -> dict[str, int]:
    """Bytes by what they are, after a run."""
    warehouse = place.data / "leap.duckdb"
    events = place.home / "history" / "runs"
    index = list(events.glob("index.db*"))
    dbt = PROJECT_DIR / "dbt_project"
    left_out = [PROJECT_DIR / name for name in (".git", ".venv", "data")] + [dbt / "target", dbt / "logs"]
    return {
        "warehouse": size_of(warehouse),
        "of it free": free_bytes(warehouse),
        "WAL": size_of(warehouse.with_name("leap.duckdb.wal")),
        "published": size_of(place.data / "published"),
        "landing": size_of(place.data / "landing"),
        "data/tmp": size_of(place.data / "tmp"),
        "event index": size_of(*index),
        "events by run": size_of(events, leave_out=index),
        "runs": size_of(place.home / "history", leave_out=[events]),
        "step logs": size_of(place.home / "logs"),
        "home, rest": size_of(place.home, leave_out=[place.home / "history", place.home / "logs"]),
        "TMPDIR": size_of(place.system_tmp),
        "dbt target, logs": size_of(dbt / "target", dbt / "logs"),
        "checkout, rest": size_of(PROJECT_DIR, leave_out=left_out),
        "data and home": size_of(place.data, place.home),
    }


def free_bytes(database: Path) -> int:
    """Bytes of a DuckDB file that the next writes will fill before it grows."""
    with duckdb.connect(str(database), read_only=True) as connection:
        query = "select block_size * free_blocks from pragma_database_size()"
        return int(connection.execute(query).fetchall()[0][0])


@dataclasses.dataclass(frozen=True)
class Column:
    """A figure of the table: its unit, how it is written, the run it is compared with, and whether it is judged."""

    name: str
    value: Callable[[Cost, dict[str, int]], float]
    form: str
    reference: int = REFERENCE
    judged: bool = False

    def ratio(self, values: Sequence[float], pick: Callable[[Sequence[float]], float]) -> float | None:
        """A figure of the runs after the reference, as a multiple of it; None when there is nothing to compare."""
        later = values[self.reference :]
        return pick(later) / values[self.reference - 1] if later and values[self.reference - 1] else None


def columns(names: Sequence[str], keep_runs: int) -> list[Column]:
    """Seconds and megabytes of a run, then the sizes by name, in megabytes."""
    full = max(REFERENCE, keep_runs + 1)

    def megabytes(name: str) -> Callable[[Cost, dict[str, int]], float]:
        return lambda cost, found: found[name] / MB

    return [
        # on a machine that others use too, the wall tells about them
        Column("wall s", lambda cost, found: cost.wall_s, "{:.1f}"),
        Column("CPU s", lambda cost, found: cost.cpu_s, "{:.1f}", judged=True),
        Column("peak MB", lambda cost, found: cost.peak_bytes / MB, "{:,.0f}", judged=True),
        *(
            Column(
                f"{name} MB",
                megabytes(name),
                "{:,.1f}",
                reference=full if name in HISTORY else REFERENCE,
                judged=name in ("warehouse", "published") or (name in HISTORY and keep_runs > 0),
            )
            for name in names
        ),
    ]


def summarize(shown: Sequence[Column], rows: Sequence[Sequence[float]]) -> tuple[list[list[str]], list[str]]:
    """Lines of the table below the runs, and the judged figures that grew too much."""
    by_column = list(zip(shown, zip(*rows, strict=True), strict=True))
    picks: dict[str, Callable[[Sequence[float]], float]] = {"last": lambda values: values[-1], "most": max}
    lines = [["compared with", *(f"{column.reference}" for column in shown)]]
    for label, pick in picks.items():
        ratios = [column.ratio(values, pick) for column, values in by_column]
        lines.append([label, *("" if r is None else f"{r:.2f}" for r in ratios)])
    too_much = []
    for column, values in by_column:
        largest = column.ratio(values, max)
        if column.judged and largest is not None and largest > ALLOWED:
            too_much.append(f"{column.name}: {largest:.2f} times run {column.reference}")
    return lines, too_much


def main() -> int:
    """Run the soak and print its table; the exit code says whether all judged figures stayed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--backfills", type=int, default=30)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--players", type=int, default=100, help="of the simulated world on its first day")
    parser.add_argument("--keep-runs", type=int, default=10, help="LEAP_KEEP_RUNS of the runs; 0 keeps all")
    parser.add_argument("--folder", type=Path, help="a new folder that is kept; else a temporary one")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="leap-soak-"))
        )
        return soak(prepare(folder.absolute()), arguments)


def soak(place: Place, arguments: argparse.Namespace) -> int:
    """Fill the same days again and again; prints a line a run as it ends."""
    last = FIRST_DAY + dt.timedelta(days=arguments.days - 1)
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "*"]
    command += ["--partition-range", f"{FIRST_DAY}...{last}", "-m", "leap_assets.definitions"]
    shown: list[Column] = []
    rows: list[list[float]] = []
    for number in range(1, arguments.backfills + 1):
        environment = place.environment(arguments.players, arguments.keep_runs)
        cost = run_measured(command, environment, place.folder / "run.log")
        found = sizes(place)
        if not rows:
            shown = columns(list(found), arguments.keep_runs)
            print(
                f"{arguments.backfills} backfills of {arguments.days} days, {arguments.players} players at first\n"
            )
            print_row(["run", *(column.name for column in shown)])
            print_row(["---"] * (len(shown) + 1))
        rows.append([column.value(cost, found) for column in shown])
        print_row([str(number), *(c.form.format(v) for c, v in zip(shown, rows[-1], strict=True))])
    lines, too_much = summarize(shown, rows)
    for line in lines:
        print_row(line)
    judged = ", ".join(column.name for column in shown if column.judged)
    print(f"\nJudged: {judged}; at most {ALLOWED} times the run they are compared with.")
    print("\n".join(too_much) if too_much else "All of them stayed.")
    return 1 if too_much else 0


def print_row(cells: Sequence[str]) -> None:
    """A line of a Markdown table, at once."""
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
