"""What a run looks at when its tables are written: dbt's data tests, and the proofs.

A check is a function of the warehouse as the mutant left it that gives the kind and name of all that fails.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb

from leap_assets.assets.proofs import given_by
from leap_assets.proofs.books import read_books
from leap_assets.proofs.frames import Frame
from leap_assets.proofs.known import Given, Known, day_number
from leap_assets.proofs.registry import DETAILS, PROOFS
from leap_assets.warehouse.proving import EVERY_DAY, compare_mart
from leap_assets_tests.hostile.oracle import covered_tables

from .worlds import World

DATA_TEST, WARNING, PROOF, HOSTILE = "data test", "warning", "proof", "hostile worlds"


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
        if test.only_warns and state.world.is_hostile:
            # It warns of these lines already, as it should.
            continue
        kind = WARNING if test.only_warns else DATA_TEST
        try:
            failed = bool(state.connection.execute(f"select 1 from ({test.sql}) limit 1").fetchall())
        except duckdb.Error:
            failed = True
        if failed:
            yield kind, test.name


_EXPECTED: dict[str, tuple[Given, dict[str, Frame]]] = {}
# by world: the truth is the same for every mutant


def failing_proofs(state: State) -> Iterator[tuple[str, str]]:
    """The tables that differ from the simulator's truth. The made-up world has none."""
    if not state.world.settings.truth_dir.exists():
        return
    if state.world.name not in _EXPECTED:
        _EXPECTED[state.world.name] = _expect(state)
    given, frames = _EXPECTED[state.world.name]
    for mart, expected in frames.items():
        proof = PROOFS[mart]
        if f"{proof.schema}.{mart}" not in state.changed:
            continue
        days = _days(state.world)
        bounds = (days[0], days[-1]) if proof.is_day_table else EVERY_DAY
        found = compare_mart(state.connection, mart, proof, expected, given, bounds)
        if found.rows_differing:
            yield PROOF, mart


def _days(world: World) -> range:
    return range(day_number(world.window.first), day_number(world.window.last) + 1)


def _expect(state: State) -> tuple[Given, dict[str, Frame]]:
    """What every table should hold in a world, by the proofs."""
    settings = state.world.settings
    given = given_by(settings, state.connection)
    # the test accounts of this world are in its table alone
    internal = state.connection.execute("select player_id from leap_seed.internal_accounts").fetchall()
    given = dataclasses.replace(given, internal=frozenset(player for (player,) in internal))
    known = Known.read(settings.truth_dir, given, _days(state.world), DETAILS)
    books = read_books(settings.truth_dir, given)
    return given, {mart: proof.prove(books if proof.of_books else known) for mart, proof in PROOFS.items()}


def differing_from_second_opinion(state: State) -> Iterator[tuple[str, str]]:
    """The tables of a hostile world that changed: the second opinion agreed with them before."""
    if state.world.is_hostile:
        for table in sorted(state.changed & covered_tables()):
            yield HOSTILE, f"{table} of {state.world.name}"


CHECKS: tuple[Check, ...] = (failing_data_tests, failing_proofs, differing_from_second_opinion)
