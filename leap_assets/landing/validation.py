"""SQL that turns read lines into typed rows with a reason for rejection, generated from a log's contract.

Works on a relation of values (one expression per contract column, in the file's own types) and yields the contract's
columns, the line's own day, and `reason` and `message` for lines that break the contract. Which files are read and
where rows go is decided in `ingestion.py`.
"""

import dataclasses
from collections.abc import Callable, Mapping

from leap_assets.landing.contracts import (
    EARLY_LIMIT_H,
    LATE_LIMIT_H,
    SESSION_LIMIT_S,
    Column,
    Contract,
)

QUOTED_VALUE_CHARS = 80
# how much of an offending value a message repeats


@dataclasses.dataclass(frozen=True)
class Value:
    """Where a column's value comes from: an SQL expression, and whether it is text that still has to be typed."""

    sql: str
    is_text: bool
    physical: str = "VARCHAR"


ABSENT = Value("null::varchar", is_text=True)


def quote_identifier(name: str) -> str:
    """A name as an SQL identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A text as an SQL string literal, whatever characters it has."""
    return "'" + text.replace("'", "''") + "'"


def _number(sql_type: str) -> Callable[[str], str]:
    # DuckDB reads 1_000 as a thousand; a log that means that is not known
    return lambda value: f"case when not contains({value}, '_') then try_cast({value} as {sql_type}) end"


def _integer(value: str) -> str:
    # a plain cast would round 3.7 to 4
    return f"case when try_cast({value} as double) = {_number('bigint')(value)} then try_cast({value} as bigint) end"


def _timestamp(value: str) -> str:
    # a time without a zone is UTC (the session's zone), one with an offset is converted
    typed = f"timezone('UTC', try_cast({value} as timestamptz))"
    return f"case when isfinite(try_cast({value} as timestamptz)) then {typed} end"


_FROM_TEXT: Mapping[str, Callable[[str], str]] = {
    "text": lambda value: value,
    "integer": _integer,
    "decimal": _number("decimal(18,4)"),
    "double": _number("double"),
    "boolean": lambda value: f"try_cast({value} as boolean)",
    "timestamp": _timestamp,
    "date": lambda value: f"case when isfinite(try_cast({value} as date)) then try_cast({value} as date) end",
}

_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)
_FLOATS = ("FLOAT", "DOUBLE")


def _from_physical(column: Column, value: Value) -> str:
    """Typed value of a column that is already typed in the file; null where the type can never fit."""
    physical = value.physical.upper()
    is_number = physical in _NUMBERS or physical in _FLOATS or physical.startswith("DECIMAL")
    is_time = physical.startswith("TIMESTAMP")
    nothing = f"null::{column.sql_type}"
    match column.type:
        case "text":
            is_scalar = is_number or is_time or physical in ("UUID", "DATE") or physical.startswith("ENUM")
            return f"{value.sql}::varchar" if is_scalar else nothing
        case "integer" if is_number:
            return f"case when {value.sql} = try_cast({value.sql} as bigint) then try_cast({value.sql} as bigint) end"
        case "decimal" | "double" if is_number:
            return f"try_cast({value.sql} as {column.sql_type})"
        case "boolean" if physical == "BOOLEAN":
            return value.sql
        case "timestamp" if "WITH TIME ZONE" in physical:
            return f"case when isfinite({value.sql}) then timezone('UTC', {value.sql}) end"
        case "timestamp" if is_time or physical == "DATE":
            return f"case when isfinite({value.sql}) then {value.sql}::timestamp end"
        case "date" if is_time or physical == "DATE":
            return f"case when isfinite({value.sql}) then {value.sql}::date end"
        case _:
            return nothing


def _typed(column: Column, value: Value) -> str:
    if not value.is_text:
        return _from_physical(column, value)
    return _FROM_TEXT[column.type](value.sql)


def _own_time(contract: Contract) -> str:
    return contract.time or "delivery_date::timestamp"


def _started(contract: Contract) -> str:
    """When the fact started, as an SQL expression over the typed columns."""
    if contract.length_s is None:
        return _own_time(contract)
    # a length that is out of bounds is rejected for itself: it must not overflow the date before
    bounded = f"least({contract.length_s}, {10 * SESSION_LIMIT_S})"
    return f"{_own_time(contract)} - to_seconds({bounded})"


def _value_rules(contract: Contract) -> list[tuple[str, str]]:
    """Pairs (SQL that is true for a forbidden value, SQL of the message)."""
    rules = []
    for column in contract.columns:
        name = column.name
        if column.allowed:
            allowed = ", ".join(quote_literal(value) for value in column.allowed)
            said = quote_literal(f" is not one of {', '.join(column.allowed)}")
            rules.append((f"{name} not in ({allowed})", f"{_said(name)} || {said}"))
        if column.pattern:
            said = quote_literal(f" does not have the form {column.pattern}")
            rules.append((f"not regexp_full_match({name}, '{column.pattern}')", f"{_said(name)} || {said}"))
        if column.minimum is not None:
            said = quote_literal(f" is below {column.minimum}")
            rules.append((f"{name} < {column.minimum}", f"{_said(name)} || {said}"))
        if column.type == "double":
            rules.append((f"not isfinite({name})", f"{_said(name)} || ' is not a finite number'"))
    if contract.rated:
        # first_rated is null where the currency has no rate at all
        said = "' has no exchange rate on ' || event_date || ': add one to the seed exchange_rates'"
        rules.append(("coalesce(first_rated > event_date, true)", f"{_said(contract.rated)} || {said}"))
    return rules


def _window_rules(contract: Contract, start_date: str) -> list[tuple[str, str]]:
    if contract.time is None:
        return []
    late = f"delivery_date - interval {LATE_LIMIT_H} hour"
    early = f"delivery_date + interval {24 + EARLY_LIMIT_H} hour"
    ended = f"'{contract.time}: ' || {contract.time}"
    started = f"'{contract.time} less {contract.length_s}: ' || started" if contract.length_s else ended
    rules = [
        (
            f"{contract.time} >= {early}",
            f"{ended} || ' is more than {EARLY_LIMIT_H} h after its delivery day'",
        ),
        (f"started < {late}", f"{started} || ' is more than {LATE_LIMIT_H} h before its delivery day'"),
        (
            f"started < date '{start_date}'",
            f"{started} || ' is before the first day of the warehouse, {start_date}'",
        ),
    ]
    if contract.length_s:
        too_long = f"{contract.length_s} > {SESSION_LIMIT_S}"
        rules.insert(0, (too_long, f"{_said(contract.length_s)} || ' seconds are more than 24 h'"))
    return rules


def _said(name: str, value: str | None = None) -> str:
    """SQL of `name: 'value'`, shortened."""
    shown = f"left({value or name}::varchar, {QUOTED_VALUE_CHARS})"
    return f"'{name}: ''' || {shown} || ''''"


def _first_of(rules: list[tuple[str, str]], otherwise: str = "null") -> str:
    cases = " ".join(f"when {rule} then {message}" for rule, message in rules)
    return f"case {cases} else {otherwise} end" if rules else otherwise


def _any_of(rules: list[tuple[str, str]]) -> str:
    return "(" + " or ".join(f"coalesce({rule}, false)" for rule, _ in rules) + ")" if rules else "false"


_TYPE_WORDS = {
    "text": "a text",
    "integer": "a whole number",
    "decimal": "an amount",
    "double": "a number",
    "boolean": "true or false",
    "timestamp": "a time such as 2025-01-31T12:00:00Z",
    "date": "a day such as 2025-01-31",
}


def check_lines_sql(
    contract: Contract, source: str, values: Mapping[str, Value], *, start_date: str, is_nested: str = "false"
) -> str:
    """SELECT of a log's lines: typed columns, event_date, lineage, `reason`, `message` and `line`.

    Parameters
    ----------
    contract : Contract
    source : str
        Relation with `file_index`, `line_number`, `line` (as kept for a rejected line), `is_parsed`, and whatever
        `values` refer to.
    values : mapping
        Where each contract column comes from; a column that is left out is absent from the file.
    start_date : str
        First day of the warehouse.
    is_nested : str
        SQL with a `{column}` placeholder, true where a text value is really an object, an array or a truth value.

    Notes
    -----
    Relations `landed_file` (file_index, delivery_date, source_file) and `rated_currency` (currency, first_day) must
    exist. The order of the reasons is fixed: the first that applies is given.
    """
    given = {column.name: values.get(column.name, ABSENT) for column in contract.columns}
    raw = ", ".join(
        f"{f'nullif({v.sql}, {chr(39) * 2})' if v.is_text else v.sql} as {_raw(name)}"
        for name, v in given.items()
    )
    typed = ", ".join(
        f"{_typed(column, dataclasses.replace(given[column.name], sql=_raw(column.name)))} as {column.name}"
        for column in contract.columns
    )
    names = ", ".join(contract.names)
    missing = [
        (f"{_raw(c.name)} is null", quote_literal(f"{c.name} is missing"))
        for c in contract.columns
        if c.required
    ]
    wrong = []
    for column in contract.columns:
        message = f"{_said(column.name, _raw(column.name))} || ' is not {_TYPE_WORDS[column.type]}'"
        wrong.append((f"({_raw(column.name)} is not null and {column.name} is null)", message))
        if column.type == "text" and given[column.name].is_text and is_nested != "false":
            wrong.append((is_nested.format(column=column.name, value=_raw(column.name)), message))
    values_rules, window_rules = _value_rules(contract), _window_rules(contract, start_date)
    everything = [*missing, *wrong, *values_rules, *window_rules]
    rates = (
        f"left join rated_currency on rated_currency.currency = dated.{contract.rated}"
        if contract.rated
        else ""
    )
    first_rated = "rated_currency.first_day as first_rated," if contract.rated else ""
    return f"""
        with valued as (select file_index, line_number, line, is_parsed, {raw} from {source}),
        typed as (select *, {typed} from valued),
        started as (
            select typed.*, landed_file.delivery_date, landed_file.source_file, {_started(contract)} as started
            from typed join landed_file using (file_index)
        ),
        dated as (select *, started::date as event_date from started),
        rated as (select {first_rated} dated.* from dated {rates})
        select
            {names}, event_date, delivery_date, source_file, line_number, line,
            case
                when not is_parsed then 'unparsable'
                when {_any_of(missing)} then 'missing_required'
                when {_any_of(wrong)} then 'wrong_type'
                when {_any_of(values_rules)} then 'value_not_allowed'
                when {_any_of(window_rules)} then 'out_of_window'
            end as reason,
            case
                when not is_parsed then 'the line cannot be read as a record of this file''s format'
                else {_first_of(everything)}
            end as message
        from rated
    """


def _raw(name: str) -> str:
    return f"raw_{name}"
