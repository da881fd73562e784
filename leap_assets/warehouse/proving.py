"""Proofs against the warehouse: what both sides start from, the marts' rows, and the outcome, leap_mart.proof_daily.

What the rows should be is computed in `leap_assets.proofs`, which does not see the warehouse.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from leap_assets.landing.contracts import Column
from leap_assets.landing.seeds import read_seeds
from leap_assets.landing.validation import quote_identifier
from leap_assets.partitions import Window
from leap_assets.proofs.books import read_books
from leap_assets.proofs.compare import Comparison, compare, join_comparisons
from leap_assets.proofs.frames import Frame
from leap_assets.proofs.known import DAY_US, Given, Ints, Known, date_of, day_number
from leap_assets.proofs.registry import DETAILS, PROOFS, Proof
from leap_assets.proofs.sums import nullable
from leap_assets.proofs.truth import MissingTruthError
from leap_assets.warehouse.connections import transaction

EVERY_DAY = (-np.inf, np.inf)
# bounds of days; at an infinite one, rows without a day are compared, too
SCHEMA, TABLE = "leap_mart", "proof_daily"
ROWS_AT_ONCE = 250_000
# of a table, in memory twice: as they should be and as they are
COLUMNS = (
    Column(
        "event_date", "date", "UTC day that the rows are counted on; the last loaded day where rows have none"
    ),
    Column("mart", "text", "The table that was compared"),
    Column("rows_compared", "integer", "Rows of the table or of what it was compared with"),
    Column("rows_differing", "integer", "Rows missing in the table, superfluous, or with another value"),
    Column(
        "by",
        "text",
        "What the table was compared with: `truth`, the simulated world, or `second_opinion`, the delivered files",
    ),
)
TRUTH, SECOND_OPINION = "truth", "second_opinion"
DAY_TABLES = frozenset(mart for mart, proof in PROOFS.items() if proof.is_day_table)


@dataclass(frozen=True)
class Outcome:
    """What came of a proof.

    Attributes
    ----------
    mart : str
    comparison : Comparison or None
        None when the truth that it needs is not there.
    said : str
        The outcome in words.
    seconds : float
    """

    mart: str
    comparison: Comparison | None
    said: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all rows were compared and none differs."""
        return self.comparison is not None and not self.comparison.rows_differing


def read_given(
    connection: duckdb.DuckDBPyConnection,
    seeds_dir: Path,
    *,
    start_date: dt.date,
    logs: Sequence[str],
    currency: str,
    beat_s: float,
    distance: float,
    cooldown_s: float,
    session_max_hours: float,
) -> Given:
    """What both sides of a proof start from: the record of loaded deliveries, the seeds and the settings."""
    loaded: dict[str, set[int]] = {log: set() for log in logs}
    delivered: dict[str, set[int]] = {log: set() for log in logs}
    for log, day, files in connection.execute(
        "select log, delivery_date, files from leap_raw.delivery"
    ).fetchall():
        loaded.setdefault(log, set()).add(day_number(day))
        if files:
            delivered.setdefault(log, set()).add(day_number(day))
    rates: dict[str, list[tuple[int, int]]] = {}
    seeds = read_seeds(seeds_dir)
    for rate in seeds.rates:
        rates.setdefault(rate.currency, []).append((day_number(rate.valid_from), int(rate.rate.scaleb(10))))
    return Given(
        start=day_number(start_date),
        loaded={log: frozenset(days) for log, days in loaded.items()},
        delivered={log: frozenset(days) for log, days in delivered.items()},
        logs=tuple(logs),
        rates={money: sorted(steps) for money, steps in rates.items()},
        currency=currency,
        internal=seeds.internal,
        beat_us=round(beat_s * 1_000_000),
        cooldown_us=round(cooldown_s * 1_000_000),
        distance=distance,
        session_max_us=round(session_max_hours * 3_600_000_000),
    )


def prove(
    connection: duckdb.DuckDBPyConnection,
    truth_dir: Path,
    given: Given,
    window: Window,
    marts: Iterable[str] = tuple(PROOFS),
) -> Iterator[Outcome]:
    """Compare marts with the truth: of day tables the window's days, of history tables all rows.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    truth_dir : Path
    given : Given
    window : Window
        Event days that the run has written.
    marts : iterable of str
        Names in `PROOFS`.

    Yields
    ------
    Outcome
        One a mart. The seconds of the first include the reading of the truth.
    """
    days = range(day_number(window.first), day_number(window.last) + 1)
    sources: dict[bool, Any] = {}
    for mart in marts:
        started = time.monotonic()
        proof = PROOFS[mart]
        try:
            if proof.of_books not in sources:
                sources[proof.of_books] = (
                    read_books(truth_dir, given)
                    if proof.of_books
                    else Known.read(truth_dir, given, days, DETAILS)
                )
        except MissingTruthError as error:
            yield Outcome(mart, None, f"Not compared: {error}.", time.monotonic() - started)
            continue
        bounds = (days[0], days[-1]) if proof.is_day_table else EVERY_DAY
        comparison = compare_mart(
            connection, mart, proof, proof.prove(sources[proof.of_books]), given, bounds
        )
        yield Outcome(
            mart, comparison, describe(comparison, "the truth", TRUTH_DIFFERS), time.monotonic() - started
        )


TRUTH_DIFFERS = "Either the model is wrong, or landing/ does not hold what the simulator delivered."


def describe(comparison: Comparison, source: str, causes: str) -> str:
    """The outcome of a comparison in words."""
    rows = f"{comparison.rows_compared:,} rows"
    if not comparison.rows_differing:
        return f"All {rows} equal {source}."
    examples = "; ".join(comparison.examples)
    return f"{comparison.rows_differing:,} of {rows} differ from {source}: {examples}. {causes}"


def compare_mart(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    proof: Proof,
    expected: Frame,
    given: Given,
    bounds: tuple[float, float] = EVERY_DAY,
    source: str = "the truth",
) -> Comparison:
    """Compare a table with what its rows should be; of a table with days those between two day numbers, ends included.

    `source` is what the rows should be like, in words.
    """
    types = read_types(connection, proof.schema, mart)
    kinds = {name: _KIND.get(type_name.partition("(")[0], "exact") for name, type_name in types.items()}
    if not proof.day:
        actual = read_rows(connection, proof.schema, mart, types)
        last_loaded = int(given.loaded_days.max(initial=given.start))
        return compare(expected, actual, kinds, proof.key, last_loaded, _say(types), source)
    if set(expected) != set(types):
        raise ValueError(
            f"columns of {source} and of the type list differ: {sorted(set(expected) ^ set(types))}"
        )
    unit = DAY_US if types[proof.day].startswith("TIMESTAMP") else 1
    day = expected[proof.day] // unit
    found = []
    for first, last in _slices(day, bounds):
        inside = (day >= first) & (day <= last)
        part = {name: column[inside] for name, column in expected.items()}
        actual = read_rows(connection, proof.schema, mart, types, _between(proof.day, first, last))
        days = (day[inside], actual[proof.day] // unit)
        found.append(compare(part, actual, kinds, proof.key, days, _say(types), source))
    return join_comparisons(found)


def _slices(day: Ints, bounds: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Spans of days of some hundred thousand rows each, that memory holds, between bounds.

    Rows of a key are of one day, so that spans can be compared apart.
    """
    first, end = bounds
    days, counts = np.unique(day, return_counts=True)
    number = np.cumsum(counts) // ROWS_AT_ONCE
    for begin in days[1:][np.diff(number) > 0].tolist():
        if first < begin <= end:
            yield first, begin - 1
            first = begin
    yield first, end


def _between(column: str, first: float, last: float) -> str:
    """The rows of some days, ends included; an open end has those without a day, too."""
    if np.isinf(first) and np.isinf(last):
        return ""
    limits = []
    if np.isfinite(first):
        limits.append(f"{column} >= date '{date_of(int(first))}'")
    if np.isfinite(last):
        limits.append(f"{column} < date '{date_of(int(last) + 1)}'")
    condition = " and ".join(limits)
    # of two spans with an open end only the last has them
    return f"where {condition} or {column} is null" if np.isinf(last) else f"where {condition}"


def _say(types: Mapping[str, str]) -> Callable[[str, Any], str]:
    return lambda name, value: _as_read(value, types[name])


_KIND = {"VARCHAR": "text", "DOUBLE": "double"}


def read_types(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> dict[str, str]:
    """Columns of a table with their types, in order."""
    return dict(
        connection.execute(
            """select column_name, data_type from information_schema.columns
            where table_schema = ? and table_name = ? order by ordinal_position""",
            [schema, table],
        ).fetchall()
    )


def read_rows(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, types: dict[str, str], where: str = ""
) -> Frame:
    """Rows of a table in the form of a proof's: see `Frame`."""
    source = f"{schema}.{table} {where}"
    large = _find_large(connection, source, types)
    columns = ", ".join(
        f"{f'cast({name} as varchar)' if name in large else _as_number(name, type_name)} as {name}"
        for name, type_name in types.items()
    )
    found = connection.execute(f"select {columns} from {source}").fetchnumpy()
    return {
        name: _without_mask(_to_whole(column) if name in large else column) for name, column in found.items()
    }


def _find_large(connection: duckdb.DuckDBPyConnection, source: str, types: Mapping[str, str]) -> set[str]:
    """Decimals and long integers with a value that int64 does not hold: they are read as text."""
    numbers = {
        name: _decimal_digits(type_name) if type_name.startswith("DECIMAL") else 0
        for name, type_name in types.items()
        if type_name.startswith("DECIMAL") or type_name == "HUGEINT"
    }
    if not numbers:
        return set()
    # in the value's own type: one digit more, and the largest would overflow
    checks = ", ".join(
        f"coalesce(bool_or(abs({name}) >= {2**63 // 10**digits}), false)" for name, digits in numbers.items()
    )
    [row] = connection.execute(f"select {checks} from {source}").fetchall()
    return {name for name, is_large in zip(numbers, row, strict=True) if is_large}


def _to_whole(texts: Any) -> Any:
    """Decimals in words as whole numbers of their last digit, None for null."""
    nulls = np.ma.getmaskarray(texts)
    values = [
        None if null else int(text.replace(".", ""))
        for text, null in zip(np.ma.getdata(texts).tolist(), nulls.tolist(), strict=True)
    ]
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _as_number(name: str, type_name: str) -> str:
    name = quote_identifier(name)
    if type_name == "DATE":
        return f"cast({name} - date '1970-01-01' as bigint)"
    if type_name.startswith("TIMESTAMP"):
        return f"epoch_us({name})"
    if type_name.startswith("DECIMAL"):
        return f"cast({name} * {10 ** _decimal_digits(type_name)} as bigint)"
    return f"cast({name} as bigint)" if type_name in ("INTEGER", "HUGEINT") else name


def _as_read(value: Any, type_name: str) -> str:
    """A value of a `Frame` as people read it."""
    if value is None or value != value:
        return "null"
    if type_name == "DATE":
        return str(date_of(int(value)))
    if type_name.startswith("TIMESTAMP"):
        return str(dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(value)))
    if type_name.startswith("DECIMAL"):
        return f"{Decimal(int(value)).scaleb(-_decimal_digits(type_name)):f}"
    # beside a null, whole numbers are doubles
    return str(int(value)) if type_name in ("BIGINT", "INTEGER") else str(value)


def _decimal_digits(type_name: str) -> int:
    return int(type_name.rstrip(")").partition(",")[2])


def _without_mask(column: Any) -> Any:
    if not isinstance(column, np.ma.MaskedArray):
        return column
    nulls, values = np.ma.getmaskarray(column), np.asarray(column.data)
    if not nulls.any():
        return values
    if values.dtype == object:
        texts = values.copy()
        texts[nulls] = None
        return texts
    if values.dtype.kind in "iu":
        return nullable(np.where(nulls, 0, values), ~nulls)
    return np.where(nulls, np.nan, values)


def write_outcomes(
    connection: duckdb.DuckDBPyConnection,
    outcomes: Sequence[Outcome],
    window: Window | None,
    by: str = TRUTH,
    day_tables: Collection[str] = DAY_TABLES,
) -> dict[dt.date, int]:
    """Replace what proof_daily says of some marts, in one transaction: of day tables the window's days, else all.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    outcomes : sequence of Outcome
    window : Window, optional
        Without one, all rows of every mart given are replaced.
    by : str
        What the marts were compared with; the rows of another comparison stay.
    day_tables : collection of str
        Marts of which the window's days alone were compared.

    Returns
    -------
    dict
        Rows by day, of the marts given.
    """
    rows = [
        (date_of(day), outcome.mart, compared, differing, by)
        for outcome in outcomes
        if outcome.comparison
        for day, compared, differing in zip(
            outcome.comparison.days.tolist(),
            outcome.comparison.compared.tolist(),
            outcome.comparison.differing.tolist(),
            strict=True,
        )
    ]
    with transaction(connection):
        _create_table(connection)
        for outcome in outcomes:
            is_part = window is not None and outcome.mart in day_tables
            where = "event_date between ? and ?" if is_part else "true"
            days = [window.first, window.last] if window is not None and is_part else []
            connection.execute(
                f"""delete from {SCHEMA}.{TABLE} where mart = ? and "by" = ? and {where}""",
                [outcome.mart, by, *days],
            )
        if rows:
            connection.executemany(f"insert into {SCHEMA}.{TABLE} values (?, ?, ?, ?, ?)", rows)
    counts: dict[dt.date, int] = {}
    for day, *_ in rows:
        counts[day] = counts.get(day, 0) + 1
    return counts


def _create_table(connection: duckdb.DuckDBPyConnection) -> None:
    body = ", ".join(f"{quote_identifier(column.name)} {column.sql_type}" for column in COLUMNS)
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.execute(f"create table if not exists {SCHEMA}.{TABLE} ({body})")
    if "by" not in read_types(connection, SCHEMA, TABLE):
        # made when the truth was all there was to compare with
        connection.execute(f"""alter table {SCHEMA}.{TABLE} add column "by" varchar default '{TRUTH}'""")
