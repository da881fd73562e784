"""Benchmark: a million lines of client events to daily figures and retention, by scripts and by Leap.

`python -m benchmarks.client_events` makes a month of the simulated world, lets each contender work on it in processes
of its own, in turn, and compares their figures before it prints a time. What is measured, and how the contenders
differ, is told in benchmarks/README.md. This process imports nothing large: a child's peak starts with its parent's.
"""

import argparse
import datetime as dt
import importlib.util
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import BenchmarkError, Step, pin, run_step

FIRST = dt.date(2025, 1, 1)
LAST = FIRST + dt.timedelta(30)
# 31 days: the cohort of the first day has a day 30
THREADS = 2
CENT = 0.005
# the scripts add up floating-point numbers
SLOWEST = 8
# models told by name

SCRIPTS = {"rows": "Polars, json.loads a line", "native": "Polars reads the files"}
LEAP = {"work": "Leap, the same figures", "marts": "Leap, all client marts"}
CONTENDERS = SCRIPTS | LEAP
APART = ("test", "figures")
# steps that are no part of the work: the tests of the models, and reading what is compared


Run = Mapping[str, Step]


def start(arguments: Sequence[str], answer: Path) -> Step:
    """Run one step in a process of its own; `answer` is the file in which it tells of itself."""
    return run_step(arguments, answer, threads=THREADS)


def start_leap(step: str, contender: str, folder: Path) -> Step:
    """Run one step of Leap: parse, load, build, test or figures."""
    places = [str(folder / "landing"), str(folder / "leap.duckdb"), str(FIRST), str(LAST)]
    return start(["-m", "benchmarks.client_events_leap", step, contender, *places], folder / "answer.json")


def run_contender(contender: str, folder: Path) -> Run:
    """Run the steps of a contender one after the other, on an empty warehouse."""
    if contender in SCRIPTS:
        places = [str(folder / "readable"), str(FIRST), str(LAST)]
        command = ["-m", "benchmarks.client_events_polars", contender, *places]
        return {"script": start(command, folder / "answer.json")}
    for path in folder.glob("leap.duckdb*"):
        path.unlink()
    steps = ["load", "build", "test", "figures"] if contender == "marts" else ["load", "build", "figures"]
    return {step: start_leap(step, contender, folder) for step in steps}


def figures_of(run: Run) -> Mapping[str, Any]:
    """The figures that a contender told."""
    return next(step.told["figures"] for step in run.values() if "figures" in step.told)


def find_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Figures that two contenders do not agree on: counts exactly, money to the cent."""
    differing = []
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None or abs(float(one) - float(other)) >= CENT:
            differing.append(f"{name}: {one} and {other}")
    return differing


def report(lines: int, runs: Mapping[str, Sequence[Run]], dagster: Sequence[Step]) -> str:
    """The table of medians, and below it what stands apart."""
    table = [
        f"{'':<28}{'work s':>8}{'lines/s':>10}{'ratio':>7}{'CPU s':>8}{'ratio':>7}{'peak MB':>9}{'ratio':>7}"
        f"{'start-up s':>12}"
    ]
    first: list[float] = []
    for contender, name in CONTENDERS.items():
        timed = [[step for key, step in run.items() if key not in APART] for run in runs[contender]]
        work = median(sum(step.work_s for step in steps) for steps in timed)
        cpu = median(sum(step.work_cpu_s for step in steps) for steps in timed)
        peak = median(max(step.peak_mb for step in steps) for steps in timed)
        start_up = median(sum(step.wall_s - step.work_s for step in steps) for steps in timed)
        first = first or [work, cpu, peak]
        table.append(
            f"{name:<28}{work:>8.2f}{lines / work:>10,.0f}{first[0] / work:>6.1f}x{cpu:>8.2f}{first[1] / cpu:>6.1f}x"
            f"{peak:>9,.0f}{peak / first[2]:>7.2f}{start_up:>12.1f}"
        )
    table += ["", f"{'Parts':<28}{'work s':>8}{'CPU s':>8}{'peak MB':>9}"]
    for contender, name in LEAP.items():
        for key in runs[contender][0]:
            if key != "figures":
                steps = [run[key] for run in runs[contender]]
                work, cpu = median(s.work_s for s in steps), median(s.work_cpu_s for s in steps)
                table.append(
                    f"{name + ': ' + key:<28}{work:>8.2f}{cpu:>8.2f}{median(s.peak_mb for s in steps):>9,.0f}"
                )
    nodes = runs["marts"][-1]["build"].told["nodes"]
    slowest = sorted(nodes, key=nodes.__getitem__, reverse=True)[:SLOWEST]
    table += [
        "",
        f"Dagster loads the asset graph in {median(step.wall_s for step in dagster):.1f} s, once a run",
        "Slowest models: " + ", ".join(f"{name} {nodes[name]:.2f} s" for name in slowest),
    ]
    return "\n".join(table)


def compare(folder: Path, lines: int, n_runs: int) -> int:
    """Let the contenders run in turn, compare their figures, print the table; 1 where figures differ."""
    answer = folder / "answer.json"
    world = start(
        ["-m", "benchmarks.client_events_world", str(folder), str(lines), str(FIRST), str(LAST)], answer
    ).told
    print(
        f"{world['lines']:,} lines of client events in {(LAST - FIRST).days + 1} days; the scripts are spared "
        f"{world['left_out']:,} damaged ones",
        flush=True,
    )
    # as in an installation, where the project is parsed when it changes
    start_leap("parse", "work", folder)
    dagster = [start(["-c", "import leap_assets.definitions"], answer) for _ in range(n_runs)]
    runs: dict[str, list[Run]] = {contender: [] for contender in CONTENDERS}
    for _ in range(n_runs):
        for contender in CONTENDERS:
            runs[contender].append(run_contender(contender, folder))
    expected = figures_of(runs["rows"][0])
    for contender, name in CONTENDERS.items():
        for run in runs[contender]:
            if differing := find_differences(expected, figures_of(run)):
                print(
                    f"'{name}' tells other figures than the first script, {len(differing)} of {len(expected)}:"
                )
                print("\n".join(differing[:20]))
                return 1
    print(f"All contenders agree on {len(expected):,} figures\n")
    print(report(world["lines"], runs, dagster))
    return 0


def main() -> int:
    """Run the benchmark; the exit code says whether all contenders told the same figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--lines", type=int, default=1_000_000, help="lines to simulate, about (default: 1000000)"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each contender (default: 3)")
    options = parser.parse_args()
    if options.lines < 1 or options.runs < 1:
        parser.error("--lines and --runs must be at least 1")
    if importlib.util.find_spec("polars") is None:
        print("The benchmark compares Leap with Polars, which is not installed: pip install --group bench")
        return 2
    pin(THREADS)
    try:
        with tempfile.TemporaryDirectory(prefix="leap-benchmark-") as folder:
            return compare(Path(folder), options.lines, options.runs)
    except BenchmarkError as error:
        print(error)
        return 2


if __name__ == "__main__":
    sys.exit(main())
