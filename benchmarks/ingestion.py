"""Benchmark: each log from landing to typed, deduplicated staging, by Leap and by a bare DuckDB script.

`python -m benchmarks.ingestion` lets both work on the same files in turn, each in processes of its own on the same two
processors, and compares what they staged before it prints a time. The script reads, types, deduplicates and stores,
nothing else; what Leap does beside that is told in benchmarks/README.md.
"""

import argparse
import dataclasses
import datetime as dt
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.client_events import THREADS, start
from benchmarks.measuring import BenchmarkError, Step

FIRST = dt.date(2025, 1, 1)
LAST = FIRST + dt.timedelta(6)
ROWS = {"client": 1_000_000, "session": 1_000_000, "transaction": 1_000_000, "heartbeat": 2_500_000}
NAMES = {
    "client": "client, NDJSON",
    "session": "session, NDJSON",
    "transaction": "transaction, CSV",
    "heartbeat": "heartbeat, Parquet",
}
BARE = ("bare",)
LEAP = ("load", "stage")
# the processes of both

Run = Mapping[str, Step]


@dataclasses.dataclass(frozen=True)
class Cost:
    """Medians over some runs of what one of the two took, start-up apart."""

    work_s: float
    cpu_s: float
    peak_mb: float

    @classmethod
    def of(cls, runs: Sequence[Run], steps: Sequence[str]) -> "Cost":
        """Steps follow each other: their times add up, their peaks do not."""
        return cls(
            median(sum(run[step].work_s for step in steps) for run in runs),
            median(sum(run[step].work_cpu_s for step in steps) for run in runs),
            median(max(run[step].peak_mb for step in steps) for run in runs),
        )


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one log took: lines delivered, and every run of both."""

    log: str
    rows: int
    runs: Sequence[Run]


def run_step(step: str, log: str, folder: Path, rows: int = 0) -> Step:
    """Run one step in a process of its own: world, parse, bare, load, stage or compare."""
    own = folder / log
    own.mkdir(exist_ok=True)
    arguments = ["-m", "benchmarks.ingestion_steps", step, log, str(own), str(FIRST), str(LAST), str(rows)]
    return start(arguments, own / "answer.json")


def measure(folder: Path, log: str, rows: int, n_runs: int) -> Measured:
    """Make about `rows` lines of a log in `folder`, and let both work on them in turn.

    Raises
    ------
    BenchmarkError
        When a step fails, or the two staged other facts.
    """
    written = int(run_step("world", log, folder, rows).told["rows"])
    if not (folder / "target").exists():
        # as in an installation, where the project is parsed when it changes
        run_step("parse", log, folder)
    runs = []
    for _ in range(n_runs):
        for path in (folder / log).glob("*.duckdb*"):
            path.unlink()
        runs.append({step: run_step(step, log, folder) for step in (*BARE, *LEAP)})
        differences = run_step("compare", log, folder).told["differences"]
        if differences:
            raise BenchmarkError(
                f"log {log}: Leap and the script staged other facts: {'; '.join(differences)}"
            )
    return Measured(log, written, runs)


def report(measured: Sequence[Measured]) -> str:
    """The table of medians."""
    table = [
        f"{'':<20}{'rows':>10}{'':>8}{'work s':>8}{'rows/s':>11}{'ratio':>7}{'CPU s':>8}{'ratio':>7}"
        f"{'peak MB':>9}{'ratio':>7}{'load CPU s':>12}{'stage CPU s':>13}"
    ]
    for one in measured:
        bare, leap = Cost.of(one.runs, BARE), Cost.of(one.runs, LEAP)
        load, stage = Cost.of(one.runs, ["load"]), Cost.of(one.runs, ["stage"])
        for name, cost in (("script", bare), ("Leap", leap)):
            parts = f"{load.cpu_s:>12.2f}{stage.cpu_s:>13.2f}" if name == "Leap" else ""
            table.append(
                f"{NAMES[one.log]:<20}{one.rows:>10,}{name:>8}{cost.work_s:>8.2f}{one.rows / cost.work_s:>11,.0f}"
                f"{cost.work_s / bare.work_s:>7.2f}{cost.cpu_s:>8.2f}{cost.cpu_s / bare.cpu_s:>7.2f}"
                f"{cost.peak_mb:>9,.0f}{cost.peak_mb / bare.peak_mb:>7.2f}{parts}"
            )
    return "\n".join(table)


def main() -> int:
    """Run the benchmark; the exit code says whether both staged the same facts of all logs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--logs", nargs="+", choices=ROWS, default=list(ROWS), help="logs (default: all)")
    parser.add_argument(
        "--share", type=float, default=1.0, help=f"of the rows of each log: {ROWS} (default: 1)"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each (default: 3)")
    options = parser.parse_args()
    if options.share <= 0 or options.runs < 1:
        parser.error("--share must be above 0, --runs at least 1")
    if hasattr(os, "sched_setaffinity"):
        # engines take as many threads as they see processors
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    measured = []
    try:
        with tempfile.TemporaryDirectory(prefix="leap-benchmark-") as folder:
            for log in options.logs:
                rows = max(1, round(ROWS[log] * options.share))
                measured.append(measure(Path(folder), log, rows, options.runs))
    except BenchmarkError as error:
        print(error)
        return 1
    print("Leap and the script staged the same facts\n")
    print(report(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
