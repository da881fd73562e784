"""One trial: a mutant in the place of its model in both worlds, what follows from it, and who notices.

Which mutants there are is decided in `sql_mutants.py`, what a check is in `checks.py`.
"""

import dataclasses
import shutil
import time
from collections import Counter
from pathlib import Path

import duckdb
from sqlglot import exp

from leap_assets.warehouse.connections import open_for_writing

from . import operators
from .checks import CHECKS, State
from .projects import FIXTURE, UnitTest
from .sql_mutants import Mutant
from .worlds import (
    KERNEL_TABLES,
    READ_BY_KERNEL,
    ContractError,
    World,
    differ,
    replace_rows,
    run_kernel,
)

RUN, CONTRACT, UNIT_TEST = "error", "contract", "unit test"
# what notices a mutant besides the checks of `checks.py`


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one mutant: the names of what noticed it, by kind, and where its tables stayed the same."""

    name: str
    model: str
    said: str
    caught_by: dict[str, tuple[str, ...]]
    same_in: tuple[str, ...]
    seconds: float


def try_mutant(
    worlds: list[World], unit_tests: tuple[UnitTest, ...], mutant: Mutant, folder: Path
) -> Outcome:
    """Try one mutant in copies of the worlds.

    Parameters
    ----------
    worlds : list of World
    unit_tests : tuple of UnitTest
        Those of all models.
    mutant : Mutant
    folder : Path
        For the copies; made, and removed at the end.
    """
    started = time.perf_counter()
    caught: dict[str, list[str]] = {}
    same = []
    for world in worlds:
        sql = mutant.sql_of(world.project.models[mutant.model].sql)
        folder.mkdir(parents=True, exist_ok=True)
        copy = folder / world.path.name
        shutil.copyfile(world.path, copy)
        try:
            with open_for_writing(copy) as connection:
                changed = rebuild(connection, world, {mutant.model: sql})
                if not changed:
                    same.append(world.name)
                for kind, found in failing(connection, world, changed).items():
                    caught.setdefault(kind, []).extend(found)
        except ContractError as error:
            caught.setdefault(CONTRACT, []).append(str(error)[:200])
        except (duckdb.Error, ValueError) as error:
            # the kernel refuses, with a ValueError, what models must not give it
            caught.setdefault(RUN, []).append(str(error).splitlines()[0][:200])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    tests = [test for test in unit_tests if test.model == mutant.model]
    if failed := [test.name for test in tests if fails(test, mutant)]:
        caught[UNIT_TEST] = failed
    return Outcome(
        name=mutant.name,
        model=mutant.model,
        said=mutant.said,
        caught_by={kind: tuple(dict.fromkeys(names)) for kind, names in caught.items() if names},
        same_in=tuple(same),
        seconds=time.perf_counter() - started,
    )


def rebuild(
    connection: duckdb.DuckDBPyConnection, world: World, replaced: dict[str, str] | None = None
) -> set[str]:
    """Run the models of a world whose SQL is replaced, and those that read what changed; returns changed tables."""
    replaced = replaced or {}
    changed: set[str] = set()
    is_kernel_due = True
    for model in world.project.models.values():
        if is_kernel_due and not model.table.startswith("leap_stage."):
            is_kernel_due = False
            changed |= _rerun_kernel(connection, world, changed)
        if model.name not in replaced and not model.parents & changed:
            continue
        if replace_rows(connection, model, replaced.get(model.name, model.sql), world.window):
            changed.add(model.table)
    return changed


def _rerun_kernel(connection: duckdb.DuckDBPyConnection, world: World, changed: set[str]) -> set[str]:
    if not changed & READ_BY_KERNEL:
        return set()
    for table in KERNEL_TABLES:
        connection.execute(f"create temp table before_{table.split('.')[1]} as from {table}")
    run_kernel(connection, world.settings, world.window)
    return {table for table in KERNEL_TABLES if differ(connection, table, f"before_{table.split('.')[1]}")}


def failing(connection: duckdb.DuckDBPyConnection, world: World, changed: set[str]) -> dict[str, list[str]]:
    """Names of the checks that fail, by kind."""
    found: dict[str, list[str]] = {}
    for check in CHECKS:
        for kind, name in check(State(connection, world, frozenset(changed))):
            found.setdefault(kind, []).append(name)
    return found


def fails(test: UnitTest, mutant: Mutant | None = None) -> bool:
    """Whether a unit test fails, with a mutant in the place of its model if one is given."""
    model_sql = test.model_sql
    if mutant:
        changed = _mutated(test.model_sql, mutant)
        if changed is None:
            return False
        model_sql = changed
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            rows = connection.execute(test.before + model_sql + test.after).fetchall()
        except duckdb.Error:
            return True
    sides = {"actual": Counter[object](), "expected": Counter[object]()}
    for *row, side in rows:
        sides[side][tuple(row)] += 1
    return sides["actual"] != sides["expected"]


def _mutated(sql: str, mutant: Mutant) -> str | None:
    """The SQL of a unit test with the mutant in it; None where the test has another shape than the model."""
    tree = operators.parse(sql)
    with_ = tree.args.get("with_") or tree.args.get("with")
    fixtures: list[exp.Expression] = []
    if with_:
        fixtures = [cte for cte in with_.expressions if cte.alias.startswith(FIXTURE)]
        own = [cte for cte in with_.expressions if not cte.alias.startswith(FIXTURE)]
        with_.set("expressions", own)
        if not own:
            with_.pop()
    if operators.count_sites(tree, mutant.operator) != mutant.sites:
        return None
    changed = operators.change(tree, mutant.operator, mutant.site)
    for position, cte in enumerate(fixtures):
        changed = changed.with_(cte.alias, as_=cte.this, copy=False)
        new = changed.args.get("with_") or changed.args.get("with")
        new.expressions.insert(position, new.expressions.pop())
    return changed.sql(operators.DIALECT)
