"""The macros whose SQL differs between the engines, each variant worked out: that of Spark in DuckDB's words."""

import re
from decimal import ROUND_HALF_UP, Decimal
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import pytest
import sqlglot

from .conftest import PROJECT

VARIANTS = {"duckdb": "default", "spark": "spark"}


def render(macro: str, engine: str, *arguments: Any) -> str:
    """SQL of a macro on an engine."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    named: dict[str, Any] = {}
    environment.globals.update({"return": lambda value: value})
    environment.globals["adapter"] = SimpleNamespace(
        dispatch=lambda name: named[f"{VARIANTS[engine]}__{name}"]
    )
    # the macro that another one uses before it
    for file in ("floor_division", "rounded_quotient", "money_quotient", "day_series", "number_series"):
        text = (PROJECT / "macros" / f"{file}.sql").read_text()
        module = environment.from_string(text).module
        for name in re.findall(r"macro (\w+)\(", text):
            named[name] = environment.globals[name] = getattr(module, name)
    return str(named[macro](*arguments))


def rows_of(sql: str, engine: str) -> list[Any]:
    translated = sqlglot.parse_one(sql, read=engine)
    if engine == "spark":
        translated = translated.transform(divide_whole)
    return [value for (value,) in duckdb.sql(translated.sql("duckdb")).fetchall()]


def divide_whole(node: sqlglot.exp.Expression) -> sqlglot.exp.Expression:
    """Spark divides decimals as decimals, DuckDB as doubles: whole numbers that come out even are divided as such."""
    if not isinstance(node, sqlglot.exp.Div):
        return node
    numerator, denominator = node.this.sql("duckdb"), node.expression.sql("duckdb")
    whole = [f"cast({number} as hugeint)" for number in (numerator, denominator)]
    return sqlglot.parse_one(
        f"case when {whole[0]} % {whole[1]} = 0 then {whole[0]} // {whole[1]} end", read="duckdb"
    )


def work_out(sql: str, engine: str) -> Any:
    return rows_of(f"select {sql}", engine)[0]


@pytest.mark.parametrize("engine", VARIANTS)
@pytest.mark.parametrize(("numerator", "denominator"), [(7, 2), (-7, 2), (-8, 2), (0, 3), (-1, 3)])
def test_a_floor_is_the_same_on_both_engines(engine, numerator, denominator):
    sql = render("floor_division", engine, str(numerator), str(denominator))
    assert work_out(sql, engine) == numerator // denominator


@pytest.mark.parametrize("engine", VARIANTS)
@pytest.mark.parametrize(
    ("amount", "count"),
    [
        ("1.23", 32),
        ("-1.23", 32),
        ("100.00", 3),
        ("-0.01", 7),
        ("0.000001", 2),
        ("5.00", 1),
        # a year of the largest amounts in a currency of many zeros
        ("100000000000000000000.00", 3),
        ("-99999999999999999999.999999", 7),
        ("123456789012345678901.234567", 9_000_000_000),
    ],
)
def test_a_quotient_of_money_is_exact_on_both_engines(engine, amount, count):
    sql = render("money_quotient", engine, f"cast('{amount}' as decimal(38, 6))", str(count))
    exact = (Decimal(amount) / count).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    assert work_out(sql, engine) == exact


@pytest.mark.parametrize("engine", VARIANTS)
def test_a_quotient_by_nobody_is_null(engine):
    assert work_out(render("money_quotient", engine, "cast('1.00' as decimal(18, 6))", "0"), engine) is None


@pytest.mark.parametrize("engine", VARIANTS)
def test_series_have_both_ends_on_both_engines(engine):
    days = render("day_series", engine, "cast('2025-02-27' as date)", "cast('2025-03-01' as date)")
    numbers = render("number_series", engine, "0", "2")
    # a sequence of dates is one of times in DuckDB's words
    assert [str(day)[:10] for day in rows_of(days, engine)] == ["2025-02-27", "2025-02-28", "2025-03-01"]
    assert rows_of(numbers, engine) == [0, 1, 2]
