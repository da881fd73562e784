"""The command `python -m leap_assets_tests.mutants`: try all mutants, say who caught them, list the survivors.

Ends with 1 when a survivor has no reason in survivors.toml.
"""

import argparse
import fnmatch
import functools
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from . import named, python_mutants, survivors
from .hostile_worlds import build_hostile_worlds, find_disagreements
from .projects import UnitTest
from .report import detail, report
from .sql_mutants import list_mutants
from .trials import Outcome, failing, fails, rebuild, try_mutant
from .worlds import HOSTILE_PREFIX, World, build_worlds, compile_unit_tests, open_for_writing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    for name in [name for name in os.environ if name.startswith(("LEAP_", "DAGSTER_HOME", "DBT_"))]:
        del os.environ[name]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        folder = Path(options.worlds or temporary).resolve()
        outcomes: list[Outcome] = []
        with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
            if options.kind in (None, "sql"):
                worlds = [*build_worlds(folder), *build_hostile_worlds(folder / "hostile")]
                unit_tests = compile_unit_tests(worlds[0])
                say(f"worlds built after {time.perf_counter() - started:.0f} s")
                if broken := unmutated(worlds, unit_tests, Path(temporary) / "unmutated"):
                    sys.exit("Without any change these fail already: " + ", ".join(broken))
                mutants = _selected(list_mutants(worlds[0]), options)
                say(f"{len(mutants)} SQL mutants")
                folders = [Path(temporary) / f"trial-{n}" for n in range(len(mutants))]
                tried = pool.map(functools.partial(try_mutant, worlds, unit_tests), mutants, folders)
                outcomes += [_told(outcome) for outcome in tried]
            if options.kind in (None, "named"):
                named_mutants = _selected(named.list_mutants(), options)
                say(f"{len(named_mutants)} mutants with names")
                if broken := named.failing_unmutated(Path(temporary) / "named"):
                    sys.exit("Without any change these fail already: " + ", ".join(broken))
                folders = [Path(temporary) / f"named-{n}" for n in range(len(named_mutants))]
                outcomes += [_told(outcome) for outcome in pool.map(named.try_mutant, named_mutants, folders)]
            if options.kind in (None, "python"):
                own = _selected(python_mutants.list_mutants(), options)
                say(f"{len(own)} Python mutants")
                if broken := python_mutants.failing_unmutated(own, Path(temporary) / "python"):
                    sys.exit("Without any change these fail already: " + ", ".join(broken))
                folders = [Path(temporary) / f"python-{n}" for n in range(len(own))]
                outcomes += [_told(outcome) for outcome in pool.map(python_mutants.try_mutant, own, folders)]
    seconds = time.perf_counter() - started
    reasons = survivors.read_reasons()
    text = report(outcomes, reasons, seconds)
    say(text)
    if options.report:
        Path(options.report).write_text(text)
    alive = [(outcome.name, outcome.said) for outcome in outcomes if not outcome.caught_by]
    caught = {outcome.name for outcome in outcomes if outcome.caught_by}
    if idle := sorted(name for name, _ in reasons if name in caught):
        say(f"Listed in {survivors.PATH.name}, but noticed: {', '.join(idle)}")
    if missing := survivors.unexplained(alive, reasons):
        say(f"{len(missing)} survivors have no reason in {survivors.PATH.name}:\n")
        say("\n".join(missing))
        return 1
    return 0


def unmutated(worlds: Sequence[World], unit_tests: Sequence[UnitTest], folder: Path) -> list[str]:
    """Names of what fails although nothing was changed: must be none, or a mutant could not be told from it."""
    found = [f"unit test {test.name}" for test in unit_tests if fails(test)]
    for world in worlds:
        if world.name.startswith(HOSTILE_PREFIX):
            found += find_disagreements(world)
        folder.mkdir(parents=True)
        copy = folder / world.path.name
        shutil.copyfile(world.path, copy)
        with open_for_writing(copy) as connection:
            changed = rebuild(
                connection, world, {model.name: model.sql for model in world.project.models.values()}
            )
            found += [f"{table} of {world.name}: other rows" for table in sorted(changed)]
            tables = {parent for test in world.project.data_tests for parent in test.parents}
            for kind, names in failing(connection, world, tables).items():
                found += [f"{kind} {name} of {world.name}" for name in names]
        shutil.rmtree(folder)
    return found


def say(text: str) -> None:
    """Print at once, also into a file."""
    print(text, flush=True)


def _told(outcome: Outcome) -> Outcome:
    say(detail(outcome))
    return outcome


def _selected(mutants: list[Any], options: argparse.Namespace) -> list[Any]:
    if options.only:
        mutants = [m for m in mutants if any(fnmatch.fnmatch(m.name, f"*{part}*") for part in options.only)]
    if options.sample and options.sample < len(mutants):
        mutants = [mutants[n * len(mutants) // options.sample] for n in range(options.sample)]
    return mutants


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m leap_assets_tests.mutants", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="mutants whose name contains this, such as kpi_daily/"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="so many of each kind, spread evenly")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--kind", choices=["sql", "named", "python"], help="only these (both)")
    parser.add_argument(
        "--worlds", metavar="FOLDER", help="keep the warehouses here, and use those that are here"
    )
    parser.add_argument("--report", metavar="FILE", help="write the result table here, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
