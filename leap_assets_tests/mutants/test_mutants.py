"""The machinery of the mutation suite: what it calls caught is caught, and what it leaves alone is green."""

import pytest
import sqlglot

from . import named, operators, python_mutants, survivors
from .__main__ import unmutated
from .checks import HOSTILE
from .hostile_worlds import build_hostile_worlds
from .projects import UnitTest
from .sql_mutants import Mutant, list_mutants
from .trials import UNIT_TEST, fails, try_mutant
from .worlds import build_worlds, compile_unit_tests

SQL = """
select a.day, count(distinct a.player) as players, cast(sum(a.amount) as decimal(18, 2)) as amount
from facts as a inner join dims as b on a.player = b.player
where a.day <= b.last_day and not b.is_internal group by a.day
union all select null, coalesce(x, 0), 1 from others
"""


def changed(operator: str) -> list[str]:
    tree = operators.parse(SQL)
    count = operators.count_sites(tree, operator)
    return [operators.change(tree, operator, site).sql("duckdb") for site in range(count)]


@pytest.mark.parametrize(
    ("operator", "part"),
    [
        ("compare", "a.day < b.last_day"),
        ("join", "LEFT JOIN dims"),
        ("distinct", "COUNT(a.player)"),
        ("aggregate", "COUNT(a.amount)"),
        ("cast", "SUM(a.amount) AS amount"),
        ("filter", "WHERE a.day <= b.last_day GROUP BY"),
        ("logic", "AND b.is_internal"),
        ("union", "GROUP BY a.day UNION SELECT"),
        ("coalesce", "SELECT NULL, x, 1"),
        ("columns", "a.day AS players"),
    ],
)
def test_an_operator_changes_what_it_is_named_after_and_nothing_else(operator, part):
    variants = changed(operator)
    assert any(part in variant for variant in variants), variants
    whole = operators.parse(SQL).sql("duckdb")
    assert part not in whole
    assert all(variant != whole for variant in variants)
    assert operators.parse(SQL).sql("duckdb") == whole
    for variant in variants:
        sqlglot.parse_one(variant, dialect="duckdb")


def test_a_mutant_is_tried_in_a_unit_test_of_its_model():
    before = "with actual as (select *, 'actual' as side from ("
    fixture = "with __dbt__cte__facts as (select 1 as n union all select 2 as n) "
    after = ") as rows), expected as (select 2 as n, 'expected' as side) from actual union all from expected"
    test = UnitTest("one", "model", before, fixture + "select n from __dbt__cte__facts where n > 1", after)
    assert not fails(test)
    assert fails(test, Mutant("model", "compare", 0, 1, ""))
    # of another shape than the model: not tried
    assert not fails(test, Mutant("model", "compare", 0, 2, ""))


def test_every_text_of_the_python_mutants_is_there_once():
    mutants = python_mutants.list_mutants()
    assert len({mutant.name for mutant in mutants}) == len(mutants) >= 50


def test_every_text_of_the_named_mutants_is_there_once():
    assert len(named.list_mutants()) >= 18


def test_a_text_of_a_named_mutant_that_is_gone_is_said(monkeypatch):
    monkeypatch.setitem(named.CHANGES, "other", ("pyproject.toml", "no such text", "other", ()))
    with pytest.raises(ValueError, match="'no such text' 0 times"):
        named.list_mutants()


def test_a_text_that_is_gone_is_said(monkeypatch):
    monkeypatch.setitem(python_mutants.CHANGES, "partitions.py", ((), (("no such text", "other"),)))
    with pytest.raises(ValueError, match="'no such text' 0 times"):
        python_mutants.list_mutants()


def test_a_survivor_needs_a_reason_for_its_very_change(tmp_path):
    listed = tmp_path / "survivors.toml"
    listed.write_text('[[survivor]]\nmutant = "m/join-1"\nchange = "inner -> left"\nreason = "no such row"\n')
    reasons = survivors.read_reasons(listed)
    assert survivors.unexplained([("m/join-1", "inner -> left")], reasons) == []
    (entry,) = survivors.unexplained([("m/join-1", "left -> inner")], reasons)
    assert 'reason = ""' in entry
    listed.write_text(listed.read_text().replace("no such row", ""))
    with pytest.raises(ValueError, match="no reason"):
        survivors.read_reasons(listed)


@pytest.mark.slow
def test_a_sample_is_caught_and_nothing_fails_without_a_change(tmp_path):
    worlds = build_worlds(tmp_path / "worlds")
    unit_tests = compile_unit_tests(worlds[0])
    assert unmutated(worlds, unit_tests, tmp_path / "unmutated") == []
    mutants = list_mutants(worlds[0])
    models = set(worlds[0].project.models)
    assert {mutant.model for mutant in mutants} == models
    assert all(sum(mutant.model == model for mutant in mutants) >= 3 for model in models)
    # revenue that is counted, and a kill that is a death: harm that nobody can call harmless
    harmful = [
        Mutant("player_stats_lifetime", "columns", 1, 13, "kills and deaths swapped"),
        Mutant("country_weekly_revenue", "aggregate", 0, 1, "sum -> count"),
    ]
    for number, mutant in enumerate(harmful):
        outcome = try_mutant(worlds, unit_tests, mutant, tmp_path / f"trial-{number}")
        assert outcome.caught_by, outcome
        assert UNIT_TEST in outcome.caught_by or len(outcome.same_in) < 2
    # a change of nothing is seen as one: it survives
    same = Mutant("player_stats_lifetime", "columns", 1, 13, "")
    object.__setattr__(same, "operator", "none")
    operators.OPERATORS["none"] = lambda tree: iter([("", lambda: None)] * 2)
    try:
        outcome = try_mutant(worlds, unit_tests, same, tmp_path / "nothing")
    finally:
        del operators.OPERATORS["none"]
    assert not outcome.caught_by
    assert len(outcome.same_in) == 2


@pytest.mark.slow
def test_what_the_simulator_never_does_is_noticed_in_hostile_worlds(tmp_path):
    worlds = build_hostile_worlds(tmp_path / "worlds", ("growth", "mobile"))
    assert unmutated(worlds, (), tmp_path / "unmutated") == []
    (model,) = [model for model in worlds[0].project.models.values() if model.name == "cohort_retention"]
    # The number 90 of LEAST(last_age, 90): of all numbers of the model, the one whose change says so.
    tree = operators.parse(model.sql)
    changes = [change for change in operators.list_changes(tree) if change.operator == "number"]
    (cut,) = [change for change in changes if "LEAST(last_age, 90)" in change.said]
    mutant = Mutant("cohort_retention", "number", cut.site, len(changes), cut.said)
    outcome = try_mutant(worlds, (), mutant, tmp_path / "trial")
    assert "leap_mart.cohort_retention of hostile growth" in outcome.caught_by[HOSTILE]
    assert "hostile mobile" in outcome.same_in
