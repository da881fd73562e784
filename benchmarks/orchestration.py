"""Benchmark: what Dagster costs around the work of a day, of a month and of a year.

    python -m benchmarks.orchestration --players 1000 --range 30 --days 365 --runs 3

Runs of `dagster asset materialize` as in the README, beside `dbt build` alone on the same models, and beside a plain
script that calls the same functions without Dagster (`orchestration_plain`). Each is a process of its own, in turn;
time and memory are those of the process with its children.
"""

import argparse
import contextlib
import datetime as dt
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.bookkeeping import measure
from benchmarks.soak import FIRST_DAY, MB, Cost, Place, prepare, run_measured
from leap_assets.landing.contracts import SESSION_MAX_HOURS
from leap_assets.partitions import Window, event_window
from leap_assets.settings import PROJECT_DIR

TARGET = PROJECT_DIR / "dbt_project" / "target"
DAY = Window(FIRST_DAY + dt.timedelta(7), FIRST_DAY + dt.timedelta(7))
# the one day: late lines of the days before it and a week of history are there
PARTITIONED = 74
# assets of the simulated world with proofs, each with a partition a day


def graph(place: Place, environment: dict[str, str], days: Window) -> Cost:
    """Every asset of some days by the command line."""
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "*"]
    command += ["--partition-range", f"{days.first}...{days.last}", "-m", "leap_assets.definitions"]
    return run_measured(command, environment, place.folder / "graph.log")


def plain(place: Place, environment: dict[str, str], days: Window) -> Cost:
    """The same work without Dagster."""
    command = [sys.executable, "-m", "benchmarks.orchestration_plain", f"{days.first}", f"{days.last}"]
    return run_measured(command, environment, place.folder / "plain.log")


def dbt_alone(place: Place, environment: dict[str, str], days: Window) -> Cost:
    """`dbt build` of all seeds, models and tests for the event days that a run of `days` rewrites."""
    from benchmarks.orchestration_plain import dbt_environment, dbt_options
    from leap_assets.assets.dbt import AFTER_KERNEL, BEFORE_KERNEL

    target = place.folder / "target"
    target.mkdir(exist_ok=True)
    # as Dagster's step starts: with what was parsed before
    shutil.copy(TARGET / "partial_parse.msgpack", target)
    command = [
        str(Path(sys.executable).parent / "leap-dbt"),
        *dbt_options(event_window(days, FIRST_DAY, SESSION_MAX_HOURS), target),
    ]
    command += ["--select", f"{BEFORE_KERNEL} {AFTER_KERNEL}"]
    return run_measured(command, environment | dbt_environment(place.data), place.folder / "dbt.log")


def window(n_days: int) -> Window:
    """The first days of the world."""
    return Window(FIRST_DAY, FIRST_DAY + dt.timedelta(n_days - 1))


def row(name: str, costs: list[Cost]) -> dict[str, float]:
    """Print a line of the table; gives its medians."""
    told = {
        "wall": median(cost.wall_s for cost in costs),
        "cpu": median(cost.cpu_s for cost in costs),
        "peak": median(cost.peak_bytes for cost in costs) / MB,
    }
    print(f"| {name} | {told['wall']:.1f} | {told['cpu']:.1f} | {told['peak']:,.0f} |", flush=True)
    return told


def head() -> None:
    """Print the head of a table."""
    print("\n| | wall s | CPU s | peak MB |\n|---|---|---|---|", flush=True)


def compare_day(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """One day beside `dbt build` alone and the plain script, on the same warehouse."""
    place = prepare(folder)
    environment = place.environment(options.players, 30)
    graph(place, environment, window(len(Window(FIRST_DAY, DAY.last))))
    contenders = {
        "one day, command line": graph,
        "one day, plain script": plain,
        "dbt build alone": dbt_alone,
    }
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(options.runs):
        for name, run in contenders.items():
            costs[name].append(run(place, environment, DAY))
    head()
    told = {name: row(name, found) for name, found in costs.items()}
    day, alone = told["one day, command line"], told["dbt build alone"]
    print(
        f"\nOne day by the command line is {day['wall'] / alone['wall']:.2f} x `dbt build` alone in wall time, "
        f"{day['cpu'] / alone['cpu']:.2f} x in CPU time (at most 2 is wanted)."
    )
    return day


def compare_range(folder: Path, n_days: int, options: argparse.Namespace, day: Mapping[str, float]) -> None:
    """A range by the command line beside the plain script, each in fresh folders."""
    costs: dict[str, list[Cost]] = {"graph": [], "plain": [], "next day": []}
    after = window(n_days).last + dt.timedelta(1)
    # a year takes minutes: once is enough
    for number in range(options.runs if n_days <= options.range else 1):
        for name, run in (("graph", graph), ("plain", plain)):
            place = prepare(folder / f"{name}-{n_days}-{number}")
            environment = place.environment(options.players, 30)
            costs[name].append(run(place, environment, window(n_days)))
            if name == "graph":
                costs["next day"].append(graph(place, environment, Window(after, after)))
            shutil.rmtree(place.folder)
    head()
    whole = row(f"{n_days} days, command line", costs["graph"])
    work = row(f"{n_days} days, plain script", costs["plain"])
    row(f"the day behind {n_days} days, command line", costs["next day"])
    books = measure("Leap", PARTITIONED, n_days)
    partitions = PARTITIONED * n_days
    print(
        f"\nBookkeeping of {partitions:,} partitions alone: {books['wall_s']:.1f} s, {books['cpu_s']:.1f} s of CPU. "
        f"Without it, {n_days} days by the command line are "
        f"{(whole['wall'] - books['wall_s']) / work['wall']:.2f} x the plain script in wall time, "
        f"{(whole['cpu'] - books['cpu_s']) / work['cpu']:.2f} x in CPU time (at most 1.5 is wanted). Beyond the plain "
        f"script they take {(whole['wall'] - work['wall']) / day['wall']:.2f} x the one day in wall time, "
        f"{(whole['cpu'] - work['cpu']) / day['cpu']:.2f} x in CPU time (at most 1.5 is wanted)."
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.orchestration", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--players", type=int, default=1000, help="of the simulated world on its first day")
    parser.add_argument("--range", type=int, default=30, help="days of the range")
    parser.add_argument("--days", type=int, default=365, help="days of the long backfill; 0: none")
    parser.add_argument("--runs", type=int, default=3, help="runs of each but the long backfill")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, {options.players:,} players, medians of {options.runs} runs")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leap-orchestration-")))
        day = compare_day(folder / "day", options)
        for n_days in dict.fromkeys(n for n in (options.range, options.days) if n):
            compare_range(folder, n_days, options, day)


if __name__ == "__main__":
    main()
