"""The benchmarks of conflicts and of the world run, and their contenders agree, at tiny sizes.

Nothing here says anything about speed.
"""

import dataclasses

import pytest

from benchmarks import conflicts, world
from benchmarks.conflicts import DUCKDB, KDTREE, LEAP, Case, find_differences
from benchmarks.measuring import BenchmarkError


def test_what_two_contenders_found_is_compared_exactly_but_for_the_rounding_of_sums():
    ours = {"rows": 3, "digest": "ab", "distance": 10.0}
    assert find_differences(ours, ours | {"distance": 10.0 + 1e-12}) == []
    assert find_differences(ours, ours | {"distance": 10.1}) == ["distance: 10.0 and 10.1"]
    assert find_differences(ours, ours | {"digest": "ac"}) == ["digest: ab and ac"]
    assert find_differences(ours, ours | {"rows": 4}) == ["rows: 3 and 4"]


@pytest.mark.slow
def test_all_contenders_find_the_same_pairs_contacts_and_conflicts():
    pytest.importorskip("scipy", reason="pip install --group bench")
    cases = [
        Case("small", 10, 2, 400, 20, 200.0, 30.0),
        Case("crowd", 600, 30, 6, 3, 400.0, 50.0, spares_duckdb=True),
    ]
    results = conflicts.measure(cases, ["pairs", "contacts", "conflicts"], 1)
    found = {(result.case, result.task): result.rows for result in results}
    assert len(found) == 6
    assert all(rows > 20 for rows in found.values()), found
    contenders = {(result.task, result.contender) for result in results}
    assert contenders == {
        *((task, name) for task in ("pairs", "contacts", "conflicts") for name in (LEAP, DUCKDB)),
        ("pairs", KDTREE),
    }
    assert {result.scaled for result in results if result.case == "crowd" and result.contender == DUCKDB} == {
        3
    }
    table = conflicts.report(results).splitlines()
    assert len(table) == 2 + len(results)
    assert len(conflicts.measure_memory(cases[0], (0.5, 1.0)).splitlines()) == 4


def test_a_step_that_fails_ends_the_benchmark():
    case = dataclasses.replace(conflicts.CASES["matches of 10"], beats=0)
    with pytest.raises(BenchmarkError, match="ended with 1"):
        conflicts.measure([case], ["pairs"], 1)


@pytest.mark.slow
def test_a_world_is_written_and_its_cost_told_by_run():
    runs = [world.Run(60, 2), world.Run(60, 1, 20), world.Run(60, 2, truth=True)]
    steps = world.measure(runs, 2)
    assert [[day["day"] for day in own[0].told["days"]] for own in steps] == [[0, 1], [20], [0, 1]]
    # the truth changes no log
    assert steps[0][0].told["digest"] == steps[2][0].told["digest"] != steps[1][0].told["digest"]
    assert all(day["lines"]["heartbeat"] > 0 for own in steps for day in own[0].told["days"])
    assert len(world.report(runs, steps).splitlines()) == 5
