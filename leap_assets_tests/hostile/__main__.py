"""Try hostile worlds for some time: `python -m leap_assets_tests.hostile --minutes 60`.

The cases by hand come first, then drawn worlds, one in each process at a time. Ends with 1 at a world in which
something is wrong, which is written to a file that `--replay` tries again, or when a rule was reached by none.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path

from .campaign import Trial, shrink, try_world, write_failure
from .cases import ALL_CASES, GROUPS, world_of
from .generator import draw_world
from .rules import RULES
from .worlds import World


def main() -> int:
    """Try, count, and say what was reached; returns the code to exit with."""
    parser = argparse.ArgumentParser(prog="python -m leap_assets_tests.hostile", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="no world starts after this long (60)")
    parser.add_argument("--seed", type=int, default=1, help="of the worlds (1)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument(
        "--orders", type=int, default=1, help="orders of days beside the first, per world (1)"
    )
    parser.add_argument(
        "--most-failures", type=int, default=1, help="stop after so many worlds that fail (1)"
    )
    parser.add_argument("--replay", type=Path, help="try this recorded world alone")
    parser.add_argument("--shrink", action="store_true", help="leave out lines while the failure stays")
    parser.add_argument("--keep", type=Path, default=Path("hostile-failure.json"), help="where to record")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("LEAP_", "DAGSTER_HOME", "DBT_"))]:
        del os.environ[name]
    if options.replay:
        trial = try_world(World.from_json(options.replay.read_text()), options.seed, options.orders)
        say_findings(trial)
        return _finish([trial], options) if trial.findings else 0
    failed, counted = try_many(options)
    say(f"\n{'worlds':>8}  rule")
    for rule in RULES:
        say(f"{counted[rule.name]:8}  {rule.name}")
    if unreached := [rule.name for rule in RULES if not counted[rule.name]]:
        say(f"\nReached by no world: {'; '.join(unreached)}")
    return _finish(failed, options) if failed else int(bool(unreached))


def try_many(options: argparse.Namespace) -> tuple[list[Trial], Counter[str]]:
    """The cases, then worlds until the time is over; gives those that fail, and how many worlds reached each rule."""
    started = time.monotonic()
    counted: Counter[str] = Counter()
    failed: list[Trial] = []
    tried = lines = 0
    with concurrent.futures.ProcessPoolExecutor(
        options.jobs, multiprocessing.get_context("spawn")
    ) as executor:
        waiting = [(world_of(ALL_CASES, group), group) for group in GROUPS]
        underway: set[concurrent.futures.Future[Trial]] = set()
        number = 0
        while True:
            in_time = time.monotonic() - started < options.minutes * 60
            while (
                len(underway) < options.jobs and len(failed) < options.most_failures and (waiting or in_time)
            ):
                if waiting:
                    underway.add(executor.submit(try_world, waiting.pop(0)[0], options.seed, options.orders))
                else:
                    underway.add(executor.submit(try_drawn, options.seed, number, options.orders))
                    number += 1
            if not underway:
                break
            done, underway = concurrent.futures.wait(underway, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                trial = future.result()
                counted.update(trial.rules)
                tried += 1
                lines += len(trial.world.lines)
                if trial.findings:
                    failed.append(trial)
                    say_findings(trial)
                elif tried % 50 == 0:
                    say(f"{(time.monotonic() - started) / 60:5.1f} min  {tried} worlds, {lines:,} lines")
    say(f"{tried} worlds, {lines:,} lines, {len(failed)} with findings")
    return failed, counted


def try_drawn(seed: int, number: int, orders: int) -> Trial:
    """Draw a world and try it."""
    return try_world(draw_world(seed, number), seed + number, orders)


def say_findings(trial: Trial) -> None:
    """Name what is wrong with a world."""
    say(f"{trial.world.name} ({trial.world.setup}, {len(trial.world.lines)} lines):")
    for name, said in trial.findings.items():
        say(f"  {name}: {said[:600]}")


def _finish(failed: list[Trial], options: argparse.Namespace) -> int:
    trial = failed[0]
    if options.shrink:
        smallest = trial.world
        for smallest in shrink(trial.world, options.seed):
            say(f"{len(smallest.lines)} lines fail still")
        trial = try_world(smallest, options.seed, options.orders)
        say_findings(trial)
    write_failure(trial, options.keep)
    say(f"\nTry it again: python -m leap_assets_tests.hostile --replay {options.keep}")
    return 1


def say(text: str) -> None:
    """Print at once, also into a file."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
