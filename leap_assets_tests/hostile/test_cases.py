"""Worlds made by hand: what was worked out with a pencil is what comes out, in every order of the days."""

import contextlib

import pytest

from .cases import ALL_CASES, GROUPS, Case, world_of
from .orders import differing, orders_of
from .running import Warehouse, build, landed

pytestmark = [pytest.mark.slow, pytest.mark.smoke]


@pytest.fixture(scope="module")
def warehouses():
    """The warehouse of each group of cases, made when first asked for; all of its days in as few runs as can be."""
    made: dict[str, Warehouse | Exception] = {}
    with contextlib.ExitStack() as folders:

        def get(group: str) -> Warehouse:
            if group not in made:
                world = world_of(ALL_CASES, group)
                try:
                    made[group] = build(world, folders.enter_context(landed(world)))
                except Exception as error:
                    # Kept: each case of the group would wait for the same end.
                    made[group] = error
            found = made[group]
            if isinstance(found, Exception):
                raise found
            return found

        yield get
        for warehouse in made.values():
            if isinstance(warehouse, Warehouse):
                warehouse.close()


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_what_was_worked_out_by_hand_comes_out(warehouses, case: Case):
    warehouse = warehouses(case.group)
    for sql, rows in case.expected:
        assert warehouse.rows(sql) == rows, sql


@pytest.mark.parametrize("group", GROUPS)
def test_no_accepted_line_stops_a_run(warehouses, group: str):
    assert warehouses(group).failing_data_tests() == []


@pytest.mark.parametrize("group", GROUPS)
def test_days_in_any_order_give_the_same_warehouse(warehouses, group: str):
    warehouse = warehouses(group)
    for runs in orders_of(warehouse.world, seed=1):
        assert differing(warehouse, runs) == {}, runs
