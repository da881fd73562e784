"""The second opinion against the published file: what was delivered, computed again and compared row by row.

What the rows should be is computed in `leap_assets.proofs.delivered`, which sees landing/ alone. What both sides start
from are the record of loaded deliveries, the seeds and the settings.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.seeds import read_seeds
from leap_assets.partitions import Window
from leap_assets.proofs.compare import Comparison, join_comparisons
from leap_assets.proofs.delivered.facts import World
from leap_assets.proofs.delivered.opinion import Opinion, Stretch, form_opinion
from leap_assets.proofs.delivered.registry import LINES, TABLES, Table
from leap_assets.proofs.frames import Frame
from leap_assets.proofs.known import Given, day_number
from leap_assets.warehouse.proving import EVERY_DAY, Outcome, compare_mart, describe

SOURCE = "the second opinion"
CAUSES = (
    "Either the table is wrong, or the second opinion is; or files of landing/, a seed or a setting changed after the "
    "run: build the days again (or `make rebuild`), then verify again."
)
SHOWN_FILES = 3


class VerificationError(Exception):
    """There is nothing that can be verified; the message says why and what to do."""


@dataclass(frozen=True)
class Verified:
    """What came of a verification."""

    outcomes: list[Outcome]
    lines: int
    files: int
    seconds: float

    @property
    def rows_compared(self) -> int:
        """Rows of all tables."""
        return sum(outcome.comparison.rows_compared for outcome in self.outcomes if outcome.comparison)

    @property
    def passed(self) -> bool:
        """Whether every table was compared and none differs."""
        return all(outcome.passed for outcome in self.outcomes)

    def summary(self) -> str:
        """What was done, in one sentence."""
        speed = f"{self.lines:,} lines of {self.files:,} files in {self.seconds:.1f} s"
        return f"{len(self.outcomes)} tables, {self.rows_compared:,} rows compared; computed from {speed}."


def verify(
    published: duckdb.DuckDBPyConnection,
    warehouse: duckdb.DuckDBPyConnection,
    landing_dir: Path,
    given: Given,
    seeds_dir: Path,
    days: Window | None = None,
    tables: Collection[str] = tuple(TABLES),
    *,
    event_types: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda sentence: None,
) -> Verified:
    """Compute tables from what was delivered and compare them.

    Parameters
    ----------
    published, warehouse : duckdb.DuckDBPyConnection
    landing_dir : Path
    given : Given
    seeds_dir : Path
    days : Window, optional
        Of day tables and books only these days are compared, and tables that need all of history are left out.
    tables : collection of str
        Names in `TABLES`.
    event_types : tuple of str
        Types of client events that the source declares beside Leap's own.
    say : callable
        Receives sentences about progress.

    Raises
    ------
    VerificationError
        When the published file is not of the warehouse's deliveries, or nothing of the days is loaded.
    UnreadableError
        For a delivered file that cannot be read.
    """
    started = time.monotonic()
    check_state(published, warehouse, days)
    _count_lines(warehouse)
    wanted = None if days is None else range(day_number(days.first), day_number(days.last) + 1)
    bounds = EVERY_DAY if wanted is None else (float(wanted[0]), float(wanted[-1]))
    chosen = {
        name: table
        for name, table in TABLES.items()
        if name in tables and (wanted is None or table.is_of_range)
    }
    countries = read_seeds(seeds_dir).countries
    world = World(given, countries, event_types)
    parts: dict[str, list[Comparison]] = {}
    errors: dict[str, str] = {}
    spent: dict[str, float] = {}

    def compare_part(name: str, expected: Frame, part_bounds: tuple[float, float]) -> None:
        table = chosen[name]
        began = time.monotonic()
        connection = published if table.is_published else warehouse
        try:
            comparison = compare_mart(connection, name, table.proof, expected, given, part_bounds, SOURCE)
            parts.setdefault(name, []).append(comparison)
        except (ValueError, KeyError, duckdb.Error) as error:
            errors[name] = str(error).splitlines()[0]
        spent[name] = spent.get(name, 0.0) + time.monotonic() - began

    def settle(stretch: Stretch) -> None:
        first = bounds[0] if stretch.first is None else max(bounds[0], stretch.first)
        last = bounds[1] if stretch.last is None else min(bounds[1], stretch.last)
        if first <= last:
            for name, frame in stretch.tables.items():
                if name in chosen:
                    compare_part(name, frame, (first, last))

    opinion = form_opinion(landing_dir, world, wanted, settle, say)
    for name, table in chosen.items():
        if table.source != "stretches":
            say(f"Comparing {name}")
            compare_part(name, _rows_of(table, opinion, world), bounds)
    outcomes = [_judge(name, parts.get(name, []), errors.get(name), spent.get(name, 0.0)) for name in chosen]
    return Verified(outcomes, opinion.lines, opinion.books.files, time.monotonic() - started)


def _rows_of(table: Table, opinion: Opinion, world: World) -> Frame:
    sources = {"known": opinion.known, "opinion": opinion, "countries": world.countries}
    return table.proof.prove(sources[table.source])


def _judge(name: str, parts: Sequence[Comparison], error: str | None, seconds: float) -> Outcome:
    if error is not None:
        said = f"Not compared: {error}. Build the published file with this version of Leap: `make rebuild`."
        return Outcome(name, None, said, seconds)
    if not parts:
        return Outcome(name, None, "Not compared: nothing was delivered.", seconds)
    comparison = join_comparisons(parts)
    return Outcome(name, comparison, describe(comparison, SOURCE, CAUSES), seconds)


def check_state(
    published: duckdb.DuckDBPyConnection, warehouse: duckdb.DuckDBPyConnection, days: Window | None
) -> None:
    """Make sure that the published file holds the deliveries of the warehouse, and days that are asked for.

    Raises
    ------
    VerificationError
        When it does not.
    """
    loaded = warehouse.execute(
        "select count(distinct delivery_date), min(delivery_date), max(delivery_date) from leap_raw.delivery"
    ).fetchall()[0]
    shown = published.execute(
        "select delivery_days, first_delivery_date, last_delivery_date from leap_published.snapshot"
    ).fetchall()[0]
    if loaded != shown:
        raise VerificationError(
            f"The published file holds {shown[0]} delivery days ({shown[1]} to {shown[2]}), the warehouse {loaded[0]} "
            f"({loaded[1]} to {loaded[2]}): the last run did not publish. Nothing was compared. Run its days again."
        )
    if days is not None and (loaded[1] is None or days.last < loaded[1] or days.first > loaded[2]):
        raise VerificationError(
            f"No delivery of {days} is loaded: the warehouse holds {loaded[1]} to {loaded[2]}. Nothing was "
            "compared. Choose days among those, or run these first."
        )


def _count_lines(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Count the lines of leap_raw as `lines_by_reason` has them."""
    accepted = " union all ".join(
        f"select delivery_date, '{log}' as log, 'accepted' as reason from leap_raw.{contract.table}"
        for log, contract in CONTRACTS.items()
    )
    warehouse.execute(
        f"""create or replace temp table {LINES} as
        select delivery_date, log, reason, count(*) as lines
        from (
            {accepted}
            union all
            select delivery_date, log, reason from leap_raw.rejected_line
            -- which the loader accepted, too
            where reason <> 'conflicting_duplicate'
        )
        group by all"""
    )


def changed_files(landing_dir: Path, since: dt.datetime) -> Iterator[Path]:
    """Delivered files that were written after a moment."""
    for log in CONTRACTS:
        for path in sorted((landing_dir / log).glob("*/*")):
            if path.is_file() and dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC) > since:
                yield path
