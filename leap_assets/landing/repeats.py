"""Which valid lines repeat the key of another, and whether they say the same: the books of deliveries without a run.

A run decides this in the dbt model repeated_line, with all deliveries that are loaded; this is the same rule in SQL for
a database that only has leap_raw, as `make check-source` makes one. A test holds the two together. The day of a match
plays no part: lines of one key are of one match and day.
"""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import duckdb

from leap_assets.landing.contracts import CONTRACTS, Contract
from leap_assets.landing.validation import quote_identifier, quote_literal

DUPLICATE, CONFLICTING = "duplicate", "conflicting_duplicate"
COMPLEMENTED = ("player",)
# logs whose lines complement each other: two files may each know a part of a player, at times of their own
_PLACE = ("delivery_date", "source_file", "line_number")


@dataclasses.dataclass(frozen=True)
class Books:
    """What became of the lines of a log on a delivery day: received = accepted + duplicate + all that were rejected."""

    received: int
    accepted: int
    duplicate: int
    rejected: Mapping[str, int]


def repeats_sql(contract: Contract) -> str:
    """SELECT of the valid lines of a log whose key another line of their day had before.

    Columns: where the line is, `kind`, and the `message` and `raw_line` that leap_raw.rejected_line has of one that
    conflicts with the first line of its key.
    """
    key = [quote_identifier(name) for name in contract.key]
    partition = ", ".join([*key, "event_date"])
    place = ", ".join(_PLACE)
    differences = " || ".join(
        f"case when {_differs(contract, name)} then ', {name}' else '' end"
        for name in compared_columns(contract)
    )
    shown = " || '|' || ".join(f"later.{name}::varchar" for name in key)
    names = [*contract.key, *(name for name in contract.names if name not in contract.key)]
    row = ", ".join(f"{name} := later.{name}" for name in map(quote_identifier, names))
    met = " and ".join(f"later.{name} = first_line.{name}" for name in [*key, "event_date"])
    return f"""
        with copies as (
            select *, row_number() over (partition by {partition} order by {place}) as copy_number
            from leap_raw.{contract.table}
            qualify count(*) over (partition by {partition}) > 1
        ),
        compared as (
            select
                later.delivery_date, later.source_file, later.line_number,
                substring({differences or "''"}, 3) as differing,
                {shown} as key,
                first_line.source_file as first_source_file, first_line.line_number as first_line_number,
                to_json(struct_pack({row}))::varchar as raw_line
            from copies as later inner join copies as first_line on {met} and first_line.copy_number = 1
            where later.copy_number > 1
        )
        select
            {place}, case when differing = '' then '{DUPLICATE}' else '{CONFLICTING}' end as kind,
            concat(
                '''', key, ''' came before, with other values of ', differing, ', in line ', first_line_number, ' of ',
                first_source_file
            ) as message,
            raw_line
        from compared
    """


def compared_columns(contract: Contract) -> list[str]:
    """Columns in which lines of one key must be the same."""
    left_out = [*contract.key, *([contract.time] if contract.log in COMPLEMENTED else [])]
    return [name for name in contract.names if name not in left_out]


def _differs(contract: Contract, name: str) -> str:
    later, first = (f"{line}.{quote_identifier(name)}" for line in ("later", "first_line"))
    column = next(column for column in contract.columns if column.name == name)
    if column.type == "object":
        says = f"{_json_value(later)} is distinct from {_json_value(first)}"
        return f"case when {later} is distinct from {first} then {says} else false end"
    if contract.log in COMPLEMENTED:
        return f"coalesce({later} <> {first}, false)"
    return f"{later} is distinct from {first}"


def _json_value(text: str) -> str:
    """SQL of what a JSON text says, equal for texts that say the same: the list of all its places with their values."""
    number = "try_cast(nodes.atom::varchar as double)"
    return f"""(
        select list(
            concat_ws(
                chr(31), nodes.fullkey,
                case when nodes.type in ('BIGINT', 'UBIGINT', 'DOUBLE') then 'NUMBER' else nodes.type end,
                case
                    when nodes.type = 'VARCHAR' then json_extract_string(nodes.atom, '$')
                    when nodes.type <> 'DOUBLE' then nodes.atom::varchar
                    when try_cast({number} as hugeint) = {number} then try_cast({number} as hugeint)::varchar
                    else {number}::varchar
                end
            ) order by nodes.fullkey
        ) from json_tree({text}) as nodes
    )"""


def keep_books(
    connection: duckdb.DuckDBPyConnection, logs: Iterable[str] = tuple(CONTRACTS)
) -> dict[tuple[dt.date, str], Books]:
    """The books of what was loaded into leap_raw, by delivery day and log, of those that received lines.

    Conflicting duplicates become rows of leap_raw.rejected_line, as in a run.
    """
    books = {}
    for log in logs:
        contract = CONTRACTS[log]
        connection.execute(f"create or replace temp table leap_repeat as {repeats_sql(contract)}")
        connection.execute(
            f"""insert into leap_raw.rejected_line (log, {", ".join(_PLACE)}, reason, message, raw_line)
            select {quote_literal(log)}, {", ".join(_PLACE)}, kind, message, raw_line
            from leap_repeat where kind = '{CONFLICTING}'"""
        )
        valid = _count(
            connection, f"select delivery_date, '', count(*) from leap_raw.{contract.table} group by all"
        )
        repeats = _count(connection, "select delivery_date, kind, count(*) from leap_repeat group by all")
        rejected = _count(
            connection,
            "select delivery_date, reason, count(*) from leap_raw.rejected_line where log = ? group by all",
            [log],
        )
        received = _count(
            connection,
            "select delivery_date, '', sum(received)::bigint from leap_raw.delivery where log = ? group by all",
            [log],
        )
        for day, counts in sorted(received.items()):
            if not counts[""]:
                continue
            own = repeats.get(day, Counter())
            books[day, log] = Books(
                received=counts[""],
                accepted=valid.get(day, Counter())[""] - own.total(),
                duplicate=own[DUPLICATE],
                rejected=dict(sorted(rejected.get(day, Counter()).items())),
            )
    return books


def _count(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[str] = ()
) -> dict[dt.date, Counter[str]]:
    counts: dict[dt.date, Counter[str]] = {}
    for day, name, count in connection.execute(sql, [*values]).fetchall():
        counts.setdefault(day, Counter())[name] = count
    return counts
