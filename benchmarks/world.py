"""Benchmark: the simulated world, from nothing to its logs in landing/.

`python -m benchmarks.world` simulates and writes days of worlds of several sizes, each in a process of its own on one
core, and tells the cost of an active player-day by number of players and by day. What is measured is told in
benchmarks/README.md.
"""

import argparse
import dataclasses
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import BenchmarkError, Step, Stopwatch, machine_line, markdown, peak_mb, run_step

FIRST = dt.date(2025, 1, 1)
ARRIVALS_PER_PLAYER = 0.04
# as in the default world


@dataclasses.dataclass(frozen=True)
class Run:
    """A world and the days asked of it, one after the other.

    Days before the first are not asked for, but the one right before it: a world that begins late catches up with
    what it looks back on, which is no cost of a day in a row and told apart.
    """

    players: int
    days: int
    first_day: int = 0
    truth: bool = False


BY_PLAYERS = (Run(1_000, 7), Run(10_000, 7), Run(100_000, 7), Run(1_000_000, 1))
BY_DAY = tuple(Run(10_000, 3, first_day) for first_day in (0, 29, 99, 364, 999))
WITH_TRUTH = Run(10_000, 7, truth=True)


def simulate(run: Run, folder: Path) -> dict[str, Any]:
    """Simulate and write the days of a run in this process; tells the cost of each."""
    from leap_assets.landing.writing import write_delivery
    from leap_assets.proofs.truth import TABLES, write_truth
    from leap_assets.simulation import World, WorldConfig

    # The first files of a process load what writes them; that is no cost of a day.
    write_delivery(
        folder / "warm", World(WorldConfig(start_date=FIRST, initial_players=10)).day(FIRST, truth=False)
    )
    watch, days = Stopwatch(), []
    world = World(
        WorldConfig(
            start_date=FIRST,
            initial_players=run.players,
            arrivals_per_day=run.players * ARRIVALS_PER_PLAYER,
        )
    )
    if run.first_day:
        world.day(FIRST + dt.timedelta(run.first_day - 1), truth=run.truth)
    caught_up = watch.read()
    for number in range(run.first_day, run.first_day + run.days):
        day, lines = Stopwatch(), {}
        simulated = dict.fromkeys(day.read(), 0.0)
        parts, asked = world.parts(FIRST + dt.timedelta(number), truth=run.truth), Stopwatch()
        for part in parts:
            simulated = {clock: simulated[clock] + seconds for clock, seconds in asked.read().items()}
            lines |= write_delivery(folder / "landing", part)
            if run.truth:
                write_truth(folder / "truth", part.date, part.truth, tuple(TABLES))
            del part  # gone before the next one is made
            asked = Stopwatch()
        cost = day.read()
        days.append(
            {
                "day": number,
                "active": lines["signons"],
                "lines": lines,
                "simulated": simulated,
                "cost": cost,
                "peak_mb": peak_mb(),
            }
        )
    files = [path for path in (folder / "landing").rglob("simulated.*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return {
        "work": watch.read(),
        "caught_up": caught_up,
        "days": days,
        "landing_bytes": size,
        "digest": digest_of(files),
    }


def digest_of(files: Sequence[Path]) -> str:
    """One digest of the files' contents, in the order of their paths."""
    import hashlib

    digest = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def measure(runs: Sequence[Run], n_times: int = 1) -> list[list[Step]]:
    """Let each run have its turn, `n_times` over, on one core.

    Raises
    ------
    BenchmarkError
        Where the same world has written different files.
    """
    steps: list[list[Step]] = [[] for _ in runs]
    for _ in range(n_times):
        for run, own in zip(runs, steps, strict=True):
            with tempfile.TemporaryDirectory(prefix="leap-benchmark-") as folder:
                arguments = ["-m", "benchmarks.world", "--step", json.dumps(dataclasses.asdict(run)), folder]
                own.append(run_step(arguments, Path(folder) / "answer.json", threads=1))
    for run, own in zip(runs, steps, strict=True):
        if len({step.told["digest"] for step in own}) > 1:
            raise BenchmarkError(f"{run} has not written the same files each time")
    return steps


def report(runs: Sequence[Run], steps: Sequence[Sequence[Step]]) -> str:
    """One line a run: medians of what all its days took together."""
    rows = []
    for run, own in zip(runs, steps, strict=True):
        days = own[0].told["days"]
        active, lines = sum(day["active"] for day in days), sum(sum(day["lines"].values()) for day in days)
        heartbeats = sum(day["lines"]["heartbeat"] for day in days)
        wall = median(sum(day["cost"]["wall"] for day in step.told["days"]) for step in own)
        cpu = median(sum(day["cost"]["cpu"] for day in step.told["days"]) for step in own)
        simulated = median(sum(day["simulated"]["cpu"] for day in step.told["days"]) for step in own)
        last = run.first_day + run.days
        rows.append(
            [
                f"{run.players:,}" + (" with truth" if run.truth else ""),
                f"{run.first_day + 1}" + (f" to {last}" if run.days > 1 else ""),
                f"{active:,}",
                f"{heartbeats:,}",
                f"{lines:,}",
                f"{wall:.1f}",
                f"{cpu:.1f}",
                f"{simulated / cpu:.0%}",
                f"{heartbeats / cpu:,.0f}",
                f"{cpu / active * 1e6:.0f}",
                f"{median(step.told['caught_up']['cpu'] for step in own):.1f}",
                f"{median(step.peak_mb for step in own):,.0f}",
                f"{own[0].told['landing_bytes'] / 1e6:,.0f}",
            ]
        )
    header = ["players of day 1", "days", "active player-days", "heartbeats", "lines", "wall s", "CPU s"]
    header += [
        "simulating",
        "heartbeats/CPU s",
        "CPU µs an active player-day",
        "catching up s",
        "peak MB",
        "landing MB",
    ]
    return markdown(header, rows)


def main() -> int:
    """Run the benchmark; 2 when a run fails or does not repeat itself."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=3, help="runs at up to 10,000 players (default: 3)")
    parser.add_argument("--most-players", type=int, default=1_000_000, help="leave out larger worlds")
    parser.add_argument("--last-day", type=int, default=1_000, help="leave out later days")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run, folder, answer = options.step
        Path(answer).write_text(json.dumps(simulate(Run(**json.loads(run)), Path(folder))))
        return 0
    if options.times < 1:
        parser.error("--times must be at least 1")
    runs = [run for run in (*BY_PLAYERS, WITH_TRUTH, *BY_DAY) if run.players <= options.most_players]
    runs = [run for run in runs if run.first_day < options.last_day]
    small, large = ([r for r in runs if (r.players <= 10_000) == is_small] for is_small in (True, False))
    try:
        steps = [*measure(small, options.times), *measure(large)]
    except BenchmarkError as error:
        print(error)
        return 2
    print(machine_line(["numpy", "pyarrow"]))
    print(f"One core; medians of {options.times} runs, worlds of over 10,000 players once\n")
    print(report([*small, *large], steps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
