"""SQL that turns read lines into typed rows with a reason for rejection, generated from a log's contract.

Works on a relation of values (one expression per contract column, in the file's own types) and yields the contract's
columns, the line's own day, and `reason` and `message` for lines that break the contract. Which files are read and
where rows go is decided in `ingestion.py`.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from leap_assets.landing.contracts import (
    EARLY_LIMIT_H,
    LATE_LIMIT_H,
    SESSION_MAX_HOURS,
    Column,
    Contract,
    Reason,
)

QUOTED_VALUE_CHARS = 80
# how much of an offending value a message repeats


@dataclasses.dataclass(frozen=True)
class Value:
    """Where a column's value comes from: an SQL expression, and whether it is text that still has to be typed."""

    sql: str
    is_text: bool
    physical: str = "VARCHAR"


NEAR_EVENT_TYPE = 2
# letters in which a misspelt event type differs from the one that was meant
_DECLARE_EVENT = (
    "' Declare it ([events.<type>] in source.toml, or LEAP_EVENT_TYPES), or leave such lines out'"
)

ABSENT = Value("null::varchar", is_text=True)
Say = Callable[[str, str], str]
# SQL of how a message begins, from a column's name and SQL of its value


class Rule(NamedTuple):
    """SQL that is true for a line that breaks the rule, and SQL of the message.

    `guard` is true for those lines and some others, where that is cheaper to ask of every line.
    """

    condition: str
    message: str
    guard: str = ""


# ISO 8601: a day, or a day and a time with or without seconds, a fraction and an offset. DuckDB's cast reads more: the
# names and abbreviations of zones (BST is UTC+6 to it), minutes of an offset up to 99, an hour 24.
TIME_FORM = (
    r"\d{4}-\d\d-\d\d"
    r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?( ?(Z|UTC|[+-](0\d|1[0-5])(:?[0-5]\d)?))?)?"
)
# A text of these alone shows nothing: white space, control characters, and the zero-width ones among Cf.
INVISIBLE = r"[\p{Z}\p{Cc}\p{Cf}]*"
# Beyond, not every whole number is a double (or a float), so an id may have become its neighbour.
EXACT = {"DOUBLE": 2**53, "FLOAT": 2**24}
# From here on, numbers do not fit the types of leap_raw.
TYPE_LIMITS: Mapping[str, int] = {"integer": 2**63, "decimal": 10**14, "micros": 10**12, "duration": 10**12}
IS_NESTED = (
    "case when ascii({value}) in (91, 123) or {value} in ('true', 'false', 'Infinity', '-Infinity')"
    " then json_type({json}, '$.{column}') in ('OBJECT', 'ARRAY', 'BOOLEAN', 'DOUBLE') end"
)
# text takes JSON numbers too (ids often are), but neither arrays (91 is `[`), objects (`{`), truth values nor what
# Python writes for a number without end. A `case`, because DuckDB works out both sides of an `and` for every line, and
# this would parse the line once for each column
IS_JSON_DOUBLE = (
    # From_json writes a double in at most 24 characters: longer ids, uuids above all, need no second look.
    "case when strlen({value}) < 25 and {value} < ':'"
    " then case when contains({value}, '.') or contains({value}, 'e') or contains({value}, 'E')"
    " then json_type({json}, '$.{column}') = 'DOUBLE' end end"
)


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
    # a plain cast would round 3.7 to 4, and read 0x1F as 31
    exact = f"case when try_cast({value} as double) = try_cast({value} as bigint) then try_cast({value} as bigint) end"
    is_plain = f"try_cast({value} as bigint)::varchar = {value}"
    return f"case when {is_plain} then try_cast({value} as bigint) when not contains({value}, '_') then {exact} end"


def _timestamp(value: str) -> str:
    # A time without a zone is UTC (the session's zone), one with an offset is converted.
    # What the cast does not read is written as it does: seconds, no blank before the offset, no more than microseconds.
    # UTC is a zone's name to it, and of that it makes the zone of the lines behind.
    written = f"regexp_replace({value}, '^(.{{16}})($|[^:])', '\\1:00\\2')"
    written = f"regexp_replace({written}, ' ?(Z|UTC)$', 'Z')"
    written = f"regexp_replace({written}, ' ([+-])', '\\1')"
    written = f"regexp_replace({written}, '(\\.\\d{{6}})\\d+', '\\1')"
    direct = f"case when not contains({value}, 'UTC') then try_cast({value} as timestamptz) end"
    read = f"coalesce({direct}, try_cast({written} as timestamptz))"
    return _utc(f"case when regexp_full_match({value}, '{TIME_FORM}') then {read} end")


def _utc(value: str) -> str:
    """A time with a zone as a timestamp of UTC, null where it is far from usual."""
    # timezone('UTC', ...) says the same, but asks a calendar, which takes many times as long
    return f"make_timestamp(epoch_us({_usual(value, 'timestamptz')}))"


def _usual(value: str, sql_type: str) -> str:
    """A time far enough from the ends of its type to be converted and subtracted from; null for others and infinity."""
    first, last = (f"{sql_type} '{year}'" for year in ("290000-01-01 (BC)", "294000-01-01"))
    # least and greatest pass over null: no time becomes the first one, and that becomes null
    return f"nullif(nullif(least(greatest({value}, {first}), {last}), {first}), {last})"


_FROM_TEXT: Mapping[str, Callable[[str], str]] = {
    "id": lambda value: value,
    "text": lambda value: value,
    "integer": _integer,
    "decimal": _number("decimal(18,4)"),
    "micros": _number("decimal(18,6)"),
    "duration": _number("decimal(18,6)"),
    "double": _number("double"),
    "boolean": lambda value: f"try_cast({value} as boolean)",
    "timestamp": _timestamp,
    "date": lambda value: f"{_timestamp(value)}::date",
    "object": lambda value: (
        f"case when starts_with(ltrim({value}), '{{') and json_valid({value}) then {value} end"
    ),
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


def _is_number(value: Value) -> bool:
    """Whether a value is a number already in the file."""
    physical = value.physical.upper()
    return physical in _NUMBERS or physical in EXACT or physical.startswith("DECIMAL")


def _from_physical(column: Column, value: Value) -> str:
    """Typed value of a column that is already typed in the file; null where the type can never fit."""
    physical = value.physical.upper()
    is_number = _is_number(value)
    is_time = physical.startswith("TIMESTAMP")
    nothing = f"null::{column.sql_type}"
    match column.type:
        case "id" if physical in EXACT:
            whole = f"case when abs({value.sql}) <= {EXACT[physical]} then try_cast({value.sql} as bigint)::varchar end"
            return f"case when {value.sql} = trunc({value.sql}) then {whole} else {value.sql}::varchar end"
        case "id" if physical.startswith("DECIMAL"):
            # 17.00 is 17, and 17.50 is 17.5
            return (
                f"regexp_replace({value.sql}::varchar, '\\.?0*$', '')"
                if _has_scale(physical)
                else f"{value.sql}::varchar"
            )
        case "id" | "text":
            is_scalar = is_number or is_time or physical in ("UUID", "DATE") or physical.startswith("ENUM")
            return f"{value.sql}::varchar" if is_scalar else nothing
        case "integer" if is_number:
            whole = f"try_cast({value.sql} as bigint)"
            # back in its own type: rounding may have left the range of a decimal
            return f"case when {value.sql} = try_cast({whole} as {value.physical}) then {whole} end"
        case "decimal" | "micros" | "duration" | "double" if is_number:
            return f"try_cast({value.sql} as {column.sql_type})"
        case "boolean" if physical == "BOOLEAN":
            return value.sql
        case "timestamp" if "WITH TIME ZONE" in physical:
            return _utc(value.sql)
        case "timestamp" if is_time or physical == "DATE":
            return _usual(f"try_cast({value.sql} as timestamp)", "timestamp")
        case "date" if "WITH TIME ZONE" in physical:
            # cast at once, a time at the end of its type would stop the statement
            return f"{_utc(value.sql)}::date"
        case "date" if is_time or physical == "DATE":
            return f"{_usual(f'try_cast({value.sql} as timestamp)', 'timestamp')}::date"
        case _:
            return nothing


def _has_scale(physical: str) -> bool:
    """Whether a DECIMAL has digits behind its point."""
    return not physical.endswith(",0)")


def can_fit(column: Column, value: Value) -> bool:
    """Whether a value of this type can ever be one of the column; if not, every line is rejected as wrong_type."""
    return value.is_text or _from_physical(column, value) != f"null::{column.sql_type}"


def time_sql(contract: Contract, value: Value) -> str:
    """SQL of the time (UTC) that a line of the log happened at, null for one that is no time."""
    column = next(column for column in contract.columns if column.name == contract.time)
    return _typed(column, value)


def _typed(column: Column, value: Value, is_double: str = "") -> str:
    """SQL of a value as its column's type, null where it is none."""
    if not value.is_text:
        return _from_physical(column, value)
    if column.type == "id" and is_double:
        return _id_from_text(value.sql, is_double.format(column=column.name, value=value.sql))
    return _FROM_TEXT[column.type](value.sql)


def hashed_id_sql(value: str, is_double: str) -> str:
    """SQL of the text of an id that is hashed before lines are checked: as they would read it, null for none.

    One that has lost its digits is null, too: its hash could not be told from that of an id.
    """
    # as a list of one, so that the value is worked out once
    read = _id_from_text("v", is_double.format(column="", value="v"))
    return f"list_transform([{value}], lambda v: case when not {_is_blank('v')} then {read} end)[1]"


def _id_from_text(value: str, is_double: str) -> str:
    """A whole number that the file holds as a double, without the point; null where it has lost digits."""
    double = f"try_cast({value} as double)"
    whole = f"case when abs({double}) <= {EXACT['DOUBLE']} then try_cast({double} as bigint)::varchar end"
    number = f"case when {double} = trunc({double}) then {whole} else {value} end"
    return f"case when {is_double} then {number} else {value} end"


def _own_time(contract: Contract) -> str:
    return quote_identifier(contract.time) if contract.time else "delivery_date::timestamp"


def _started(contract: Contract, session_max_s: int) -> str:
    """When the fact started, as an SQL expression over the typed columns."""
    if contract.length_s is None:
        return _own_time(contract)
    # a length that is out of bounds is rejected for itself: it must not overflow the date before
    bounded = f"least(greatest({contract.length_s}, 0), {10 * session_max_s})"
    # A double holds the microseconds of a hundred years, so the nearest whole one is exact; a product of decimals would
    # leave its type.
    return f"{_own_time(contract)} - to_microseconds(round({bounded}::double * 1e6)::bigint)"


def _missing_rules(contract: Contract, given: Mapping[str, Value]) -> list[Rule]:
    rules = [
        Rule(_is_missing(column, given[column.name]), quote_literal(f"{column.name} is missing"))
        for column in contract.columns
        if column.required
    ]
    for column in contract.properties:
        if column.required_for:
            said = quote_literal(f"properties.{column.name} is missing")
            # properties that are no object at all are of the wrong type, not missing
            readable = f"({_raw('properties')} is null or properties is not null)"
            rules.append(
                Rule(f"{_has(column.required_for)} and {_raw(column.name)} is null and {readable}", said)
            )
    return rules


def _is_missing(column: Column, value: Value) -> str:
    missing = f"{_raw(column.name)} is null"
    return f"{missing} or {_is_blank(_raw(column.name))}" if _stays(column, value) else missing


def _type_rules(
    contract: Contract, given: Mapping[str, Value], is_nested: str, is_double: str, say: Say
) -> list[Rule]:
    """A value that is there but could not be typed; and, in JSON, a text that is really something else."""
    rules = []
    for column in (*contract.columns, *contract.properties):
        raw, name = _raw(column.name), quote_identifier(column.name)
        message = f"{say(_path(column), raw)} || {_type_said(column, raw)}"
        is_text = column.type in ("id", "text")
        is_string = column.events or given[column.name].is_text
        # a text is always one, but an id may be a number that has lost digits
        may_fail = column.events or is_double if column.type == "id" else not is_text
        if may_fail or not is_string:
            untyped = f"{raw} is not null and {name} is null"
            beyond = _beyond_type(column, given)
            rules.append(Rule(f"{untyped} and {beyond} is null" if beyond else untyped, message, untyped))
        if is_text and column.events:
            nested = IS_NESTED.format(column=column.name, value=raw, json=_raw("properties"))
            rules.append(Rule(nested, message))
        elif is_text and given[column.name].is_text and is_nested:
            rules.append(Rule(is_nested.format(column=column.name, value=raw), message))
    return rules


def _type_said(column: Column, raw: str) -> str:
    """SQL of what a value of the wrong type is not, with the remedy where it is not in the words."""
    said = quote_literal(f" is not {_TYPE_WORDS[column.type]}")
    if column.type != "id":
        return said
    lost = quote_literal(
        " is a floating-point number too large to be exact, so it may have lost digits: deliver the id as a text or "
        "a whole number"
    )
    return f"case when isfinite(try_cast({raw}::varchar as double)) then {lost} else {said} end"


def _beyond_type(column: Column, given: Mapping[str, Value]) -> str:
    """SQL of a finite number that its column's type cannot hold, null for anything else; empty without bounds."""
    value = given.get(column.name, ABSENT)
    limit = TYPE_LIMITS.get(column.type)
    if column.minimum is None or limit is None or not (value.is_text or _is_number(value)):
        return ""
    number, name = f"try_cast({_raw(column.name)} as double)", quote_identifier(column.name)
    return f"case when {name} is null and isfinite({number}) and abs({number}) >= {limit} then {number} end"


def _value_rules(
    contract: Contract, given: Mapping[str, Value], rates: Mapping[str, dt.date], say: Say
) -> list[Rule]:
    rules = []
    for column in (*contract.columns, *contract.properties):
        name = quote_identifier(column.name)
        shown = say(_path(column), name)
        if column.allowed:
            said = quote_literal(f" is not one of {', '.join(column.allowed)}")
            rules.append(Rule(f"{name} not in ({_literals(column.allowed)})", f"{shown} || {said}"))
        if column.pattern:
            said = quote_literal(f" does not have the form {column.pattern}")
            rules.append(Rule(f"not regexp_full_match({name}, '{column.pattern}')", f"{shown} || {said}"))
        rules += _bound_rules(contract, column, given, say)
    if contract.rated:
        said = "' has no exchange rate on ' || event_date || ': add one to the seed exchange_rates'"
        first = " ".join(f"when {quote_literal(name)} then date '{day}'" for name, day in rates.items())
        # no first day: the currency has no rate at all
        rated_from = f"case {contract.rated} {first} end" if first else "null::date"
        unrated = f"{contract.rated} is not null and coalesce({rated_from} > event_date, true)"
        rules.append(Rule(unrated, f"{say(contract.rated, quote_identifier(contract.rated))} || {said}"))
    return rules


def _bound_rules(contract: Contract, column: Column, given: Mapping[str, Value], say: Say) -> Iterator[Rule]:
    """A value below its column's minimum or above its maximum, also one that not even its type can hold."""
    if column.minimum is None:
        return
    name, beyond = quote_identifier(column.name), _beyond_type(column, given)
    shown = say(_path(column), f"coalesce({name}::varchar, {_raw(column.name)}::varchar)")
    value = f"coalesce({name}::double, {beyond})" if beyond else name
    below = quote_literal(f" is below {column.minimum}")
    said = f"when {value} < {column.minimum} then {below}"
    guard = f"{name} < {column.minimum}"
    if column.maximum is not None:
        # one comparison for both ends, of which no number is between
        guard = f"{name} not between {column.minimum} and {column.maximum}"
        said += f" else {quote_literal(f' is above {column.maximum}')}"
    if column.type == "double":
        said = f"when not isfinite({name}) then ' is not a finite number' {said}"
    condition = guard
    if beyond:
        # of a length, what is beyond is longer than any session may be
        condition += f" or {beyond} < {column.minimum}"
        condition += f" or {beyond} > {column.maximum}" if column.maximum is not None else ""
    yield Rule(condition, f"{shown} || case {said} end", guard)


def _event_rules(contract: Contract, say: Say) -> list[Rule]:
    if contract.event_type is None:
        return []
    name, types = quote_identifier(contract.event_type), _literals(contract.event_types)
    said = quote_literal(f" is not one of {', '.join(contract.event_types)}.")
    # its work is the product of both lengths, and a line may be of any
    meant = f"lower(replace(left({name}, {QUOTED_VALUE_CHARS}), ' ', '_'))"
    distances = f"list_transform([{types}], lambda known: levenshtein(known, {meant}))"
    near = f"[{types}][list_position({distances}, list_min({distances}))]"
    hint = f"case when list_min({distances}) <= {NEAR_EVENT_TYPE} then ' Did you mean ' || {near} || '?' else '' end"
    if say is _said_without_value:
        hint = "''"
    return [
        Rule(
            f"{name} not in ({types})",
            f"{say(contract.event_type, name)} || {said} || {hint} || {_DECLARE_EVENT}",
        )
    ]


def _window_rules(
    contract: Contract, given: Mapping[str, Value], start_date: str, session_max_s: int, say: Say
) -> list[Rule]:
    if contract.time is None:
        return []
    time = quote_identifier(contract.time)
    # A session that may be longer than a day may have started so much earlier.
    longer_s = max(0, session_max_s - 24 * 3600) if contract.length_s else 0
    late_s = LATE_LIMIT_H * 3600 + longer_s
    late = f"delivery_date - interval {late_s} second"
    early = f"delivery_date + interval {24 + EARLY_LIMIT_H} hour"
    ended, started = (
        f"'{contract.time}: ' || {time}",
        f"'{contract.time} less {contract.length_s}: ' || started",
    )
    if say is _said_without_value:
        ended = started = quote_literal(f"{contract.time}: the time")
    started = started if contract.length_s else ended
    rules = [
        Rule(f"{time} > {early}", f"{ended} || ' is more than {EARLY_LIMIT_H} h after its delivery day'"),
        Rule(f"started < {late}", f"{started} || ' is more than {_hours(late_s)} h before its delivery day'"),
        Rule(
            f"started < date '{start_date}'",
            f"{started} || ' is before the first day of the warehouse, {start_date}'",
        ),
    ]
    if contract.length_s:
        column = next(column for column in contract.columns if column.name == contract.length_s)
        name = quote_identifier(contract.length_s)
        too_long = guard = f"{name} > {session_max_s}"
        if beyond := _beyond_type(column, given):
            too_long += f" or {beyond} > 0"
        length = say(contract.length_s, f"coalesce({name}::varchar, {_raw(column.name)}::varchar)")
        rules.insert(
            0, Rule(too_long, f"{length} || ' seconds are more than {_hours(session_max_s)} h'", guard)
        )
    return rules


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:.10g}"


def _path(column: Column) -> str:
    """How a message names a column: a property by its place in the line."""
    return f"properties.{column.name}" if column.events else column.name


def _literals(values: Iterable[str]) -> str:
    return ", ".join(quote_literal(value) for value in values)


def _said(name: str, value: str) -> str:
    """SQL of `name: 'value'`, shortened."""
    shown = f"left({value}::varchar, {QUOTED_VALUE_CHARS})"
    return f"'{name}: ''' || {shown} || ''''"


def _said_without_value(name: str, value: str) -> str:
    """SQL of the name, for lines whose values are not repeated."""
    del value
    return quote_literal(f"{name}: the value")


def _first_of(rules: Sequence[Rule]) -> str:
    return (
        f"case {' '.join(f'when {rule.condition} then {rule.message}' for rule in rules)} end"
        if rules
        else "null"
    )


def _reason_of(rules: Mapping[Reason, Sequence[Rule]]) -> str:
    """SQL of the first reason of which a line breaks a rule, null for a good line.

    Numbers that do not fit their type are looked at only in lines that have a value without one.
    """
    exact = " ".join(f"when {_any_of(own)} then '{reason}'" for reason, own in rules.items() if own)
    cases = []
    for reason, own in rules.items():
        if own:
            guards = " or ".join(f"({rule.guard or rule.condition})" for rule in own)
            found = f"case {exact} end" if reason == "wrong_type" else quote_literal(reason)
            cases.append(f"when {guards} then {found}")
    return f"case when not is_parsed then 'unparsable' {' '.join(cases)} end"


def _any_of(rules: Sequence[Rule]) -> str:
    # a rule that cannot be decided (null) leaves the others to decide: null or true is true
    return " or ".join(f"({rule.condition})" for rule in rules)


_TYPE_WORDS = {
    "id": "an id: it must be a text or a number",
    "text": "a text",
    "integer": "a whole number",
    "decimal": "an amount",
    "micros": "an amount",
    "duration": "a number of seconds",
    "object": "an object",
    "double": "a number",
    "boolean": "true or false",
    "timestamp": "a time such as 2025-01-31T12:00:00Z or 2025-01-31T13:00:00+01:00: write an offset, not a zone",
    "date": "a day such as 2025-01-31",
}


def check_lines_sql(
    contract: Contract,
    source: str,
    values: Mapping[str, Value],
    *,
    start_date: str,
    rates: Mapping[str, dt.date],
    kept: str,
    carried: str,
    is_nested: str = "",
    is_double: str = "",
    session_max_hours: float = SESSION_MAX_HOURS,
    origin: str = "''",
    quotes_values: bool = True,
) -> str:
    """SELECT of a log's lines: typed columns, event_date, lineage, `reason`, `message` and `raw_line`.

    Parameters
    ----------
    contract : Contract
    source : str
        Relation with `delivery_date`, `source_file`, `line_number`, `is_parsed`, the columns in `carried`, and
        whatever `values` refer to.
    values : mapping
        Where each contract column comes from; a column that is left out is absent from the file.
    start_date : str
        First day of the warehouse.
    rates : mapping
        First day with an exchange rate, by currency.
    kept, carried : str
        SQL of the text of a rejected line, and the columns of `source` that it needs.
    is_nested : str
        SQL with placeholders {column} and {value}, true where a text value is really an object, an array or a
        truth value; empty where the format cannot tell.
    is_double : str
        SQL with the same placeholders, true where a text value is really a floating-point number; empty where the
        format cannot tell.
    session_max_hours : float
        A session may be this long.
    origin : str
        SQL of what is put behind a message, from the columns `carried`: where a line comes from.
    quotes_values : bool
        Whether messages repeat values.

    Notes
    -----
    The order of the reasons is fixed: the first that applies is given.
    """
    given = {column.name: values.get(column.name, ABSENT) for column in contract.columns}
    session_max_s = round(session_max_hours * 3600)
    say = _said if quotes_values else _said_without_value
    reasons: dict[Reason, list[Rule]] = {
        "missing_required": _missing_rules(contract, given),
        "wrong_type": _type_rules(contract, given, is_nested, is_double, say),
        "value_not_allowed": _value_rules(contract, given, rates, say),
        "unknown_event_type": _event_rules(contract, say),
        "out_of_window": _window_rules(contract, given, start_date, session_max_s, say),
    }
    everything = [rule for rules in reasons.values() for rule in rules]
    names = ", ".join(quote_identifier(column.name) for column in (*contract.columns, *contract.properties))
    return f"""
        with valued as (
            select delivery_date, source_file, line_number, is_parsed, {carried}, {_raw_columns(contract, given)}
            from {source}
        ),
        opened as ({_open_properties(contract, given)}),
        typed as (select *, {_typed_columns(contract, given, is_double)} from opened),
        started as (select *, {_started(contract, session_max_s)} as started from typed),
        dated as (select *, started::date as event_date from started),
        reasoned as (select *, {_reason_of(reasons)} as reason from dated)
        select
            {names}, event_date, delivery_date, source_file, line_number, reason,
            case when reason is not null then {kept} end as raw_line,
            case
                when reason is null then null
                when not is_parsed then 'the line cannot be read as a record of this file''s format' || {origin}
                else {_first_of(everything)} || {origin}
            end as message
        from reasoned
    """


def _raw_columns(contract: Contract, given: Mapping[str, Value]) -> str:
    columns = ((column, given[column.name]) for column in contract.columns)
    return ", ".join(f"{_present(column, value)} as {_raw(column.name)}" for column, value in columns)


def _stays(column: Column, value: Value) -> bool:
    """Whether a value stays as it is although it may say nothing: copying it for every line has a price.

    A required id that says nothing is missing, and its line rejected.
    """
    return column.type == "id" and column.required and value.is_text and value is not ABSENT


def _present(column: Column, value: Value) -> str:
    """SQL of a value, null where it is there but says nothing."""
    if _stays(column, value):
        return value.sql
    if column.type == "id" and value.is_text:
        return f"case when not {_is_blank(value.sql)} then {value.sql} end"
    if column.type == "id" and value.physical.upper() in EXACT:
        return f"case when not isnan({value.sql}) then {value.sql} end"
    return f"nullif({value.sql}, '')" if value.is_text else value.sql


def _is_blank(value: str) -> str:
    """SQL that is true for a text that is no id: nothing that shows, or what some programs write for nothing."""
    # nearly all ids start with a character of ASCII that shows
    is_nan = f"{value} = 'NaN' or {value} = 'nan'"
    is_invisible = f"regexp_full_match({value}, '{INVISIBLE}')"
    return f"case when {value} between '!' and '}}' then {is_nan} else {is_invisible} end"


def _open_properties(contract: Contract, given: Mapping[str, Value]) -> str:
    """SELECT that adds `properties`, the line's event types as flags, and the raw values of the known properties.

    A property is read in lines whose event type has it; everything is worked out once for all rules.
    """
    if not contract.properties:
        return "select * from valued"
    # as text: in a Parquet file it may be anything
    event_type = f"{_raw(contract.event_type or '')}::varchar"
    flags = ", ".join(
        f"{event_type} in ({_literals(events)}) as {_has(events)}"
        for events in dict.fromkeys(
            events
            for column in contract.properties
            for events in (column.events, column.required_for)
            if events
        )
    )
    properties = next(column for column in contract.columns if column.name == "properties")
    shape = "{" + ", ".join(f'"{column.name}": "VARCHAR"' for column in contract.properties) + "}"
    raw = ", ".join(
        f"case when {_has(column.events)} then {_present(column, Value(f'opened.{column.name}', is_text=True))}"
        f" end as {_raw(column.name)}"
        for column in contract.properties
    )
    return f"""
        select * exclude (opened), {raw} from (
            select *, from_json(properties, '{shape}') as opened from (
                select *, {flags}, {_typed_column(properties, given)} from valued
            )
        )"""


def _has(events: Sequence[str]) -> str:
    """Name of the flag column that is true in lines of one of these event types."""
    return quote_identifier(f"is_{'_or_'.join(events)}")


def _typed_columns(contract: Contract, given: Mapping[str, Value], is_double: str) -> str:
    opened = {"properties"} if contract.properties else set()
    columns = (*contract.columns, *contract.properties)
    # properties are JSON in every format
    of_properties = IS_JSON_DOUBLE.replace("{json}", _raw("properties"))
    return ", ".join(
        _typed_column(column, given, of_properties if column.events else is_double)
        for column in columns
        if column.name not in opened
    )


def _typed_column(column: Column, given: Mapping[str, Value], is_double: str = "") -> str:
    value = dataclasses.replace(given.get(column.name, ABSENT), sql=_raw(column.name))
    return f"{_typed(column, value, is_double)} as {quote_identifier(column.name)}"


def _raw(name: str) -> str:
    return f"raw_{name}"
