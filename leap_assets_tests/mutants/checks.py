"""What a run looks at when its tables are written: dbt's data tests, and the proofs.

A check is a function of the warehouse as the mutant left it that gives the kind and name of all that fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb

from .worlds import World

DATA_TEST, WARNING, PROOF = "data test", "warning", "proof"


@dataclass(frozen=True)
class State:
    """A warehouse after a mutant: the world it is a copy of, and the tables whose rows are others."""

    connection: duckdb.DuckDBPyConnection
    world: World
    changed: frozenset[str]


Check = Callable[[State], Iterator[tuple[str, str]]]


def failing_data_tests(state: State) -> Iterator[tuple[str, str]]:
    """The data tests that give rows. Those that read nothing that changed are left out: they pass, as before."""
    for test in state.world.project.data_tests:
        if not test.parents & state.changed:
            continue
        kind = WARNING if test.only_warns else DATA_TEST
        try:
            failed = bool(state.connection.execute(f"select 1 from ({test.sql}) limit 1").fetchall())
        except duckdb.Error:
            failed = True
        if failed:
            yield kind, test.name


CHECKS: tuple[Check, ...] = (failing_data_tests,)
