"""The second opinion on what was delivered: landing/ read day by day, facts of stretches of days, and the books.

Memory holds the lines of a stretch of days and the facts of all. Which tables are compared with what is not in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.proofs.delivered.dimensions import find_registrations
from leap_assets.proofs.delivered.facts import World, find_facts
from leap_assets.proofs.delivered.judging import Judge, Limits
from leap_assets.proofs.delivered.lines import Numbering, Store
from leap_assets.proofs.delivered.reading import list_delivered, read_records
from leap_assets.proofs.frames import Frame, objects
from leap_assets.proofs.known import Ints, Known, date_of, join_facts

STRETCH_DAYS, STRETCH_LINES = 7, 400_000
# a stretch of days is settled when it has so many of either; the days around it are read for it, too
LATE_DAYS, EARLY_DAYS = 3, 2
# a line is delivered at most so many days behind, or before, its own day
ACCEPTED = "accepted"
LARGEST_SUM = 2**61
# of sums in 64 bits, with room for those that marts add


@dataclass
class Books:
    """Lines by delivery day and log.

    Attributes
    ----------
    received, accepted : Counter of (day, log)
        Accepted lines include repeats.
    refused : Counter of (day, log, reason)
    duplicate, conflicting : Counter of (day, log)
    files : int
    """

    received: Counter[tuple[int, str]] = field(default_factory=Counter)
    accepted: Counter[tuple[int, str]] = field(default_factory=Counter)
    refused: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    duplicate: Counter[tuple[int, str]] = field(default_factory=Counter)
    conflicting: Counter[tuple[int, str]] = field(default_factory=Counter)
    files: int = 0


@dataclass(frozen=True)
class Stretch:
    """Rows of day tables for some days; `first` and `last` are None at the ends of what was delivered."""

    first: int | None
    last: int | None
    tables: Mapping[str, Frame]


@dataclass(frozen=True)
class Opinion:
    """What the delivered files say.

    Attributes
    ----------
    known : Known
    books : Books
    places : list of (day, log)
        Loaded deliveries.
    """

    known: Known
    books: Books
    places: list[tuple[int, str]]

    @property
    def lines(self) -> int:
        """Lines read."""
        return self.books.received.total()


def limits_of(world: World) -> Limits:
    """What decides about lines."""
    first = {currency: steps[0][0] for currency, steps in world.given.rates.items()}
    return Limits(world.given.start, first, world.given.session_max_us, world.event_types)


def form_opinion(
    landing_dir: Path,
    world: World,
    days: range | None = None,
    settle: Callable[[Stretch], None] = lambda stretch: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Opinion:
    """Read what was delivered and work out everything again.

    Parameters
    ----------
    landing_dir : Path
    world : World
    days : range, optional
        Event days (and delivery days) that are wanted; all when left out. Only the deliveries that can have lines of
        them or of a delivery of them are then read, so that `known` is right for these days alone.
    settle : callable
        Receives the day tables of stretches of days, in order.
    say : callable
        Receives sentences about progress.

    Raises
    ------
    UnreadableError
        For a file that cannot be read.
    """
    numbering = Numbering()
    store = Store(numbering)
    books = Books()
    reach = world.session_days + LATE_DAYS
    deliveries = world.given.loaded_days
    first_wanted, last_wanted = -np.inf, np.inf
    if days is not None:
        first_wanted, last_wanted = days[0] - reach, days[-1] + reach
        most = reach + world.margin + EARLY_DAYS
        deliveries = deliveries[(deliveries >= first_wanted - most) & (deliveries <= last_wanted + most)]
    parts: list[Mapping[str, Frame]] = [_nothing(world, numbering)]
    settled: int | None = None

    def settle_until(end: float) -> None:
        """Settle event days before `end`, in stretches."""
        nonlocal settled
        while (stretch := _next_stretch(store, settled, end)) is not None:
            first, last, is_last = stretch
            facts = find_facts(store, world, first, last)
            if first <= last_wanted and last >= first_wanted:
                parts.append(facts.known)
                begin = None if settled is None else settled + 1
                settle(Stretch(begin, None if is_last else last, facts.tables))
                books.duplicate += facts.duplicate
                books.conflicting += facts.conflicting
            settled = last
            store.forget(last + 1 - world.margin)

    for day in deliveries.tolist():
        # nothing that is delivered from this day on is of an earlier day, nor decides about one
        settle_until(day - reach - world.margin)
        _take_day(landing_dir, day, world, store, books)
        say(f"Read the delivery of {date_of(day)}: {books.received.total():,} lines so far")
    settle_until(np.inf)
    facts = join_facts(parts)
    facts["registration"] = find_registrations(facts["registration_line"], numbering, world)
    known = Known(world.given, numbering.names, narrow(facts))
    places = sorted((day, log) for log, own in world.given.loaded.items() for day in own)
    return Opinion(known, books, places)


def _next_stretch(store: Store, settled: int | None, end: float) -> tuple[int, int, bool] | None:
    """First and last day of what is settled next, and whether nothing comes behind; None while there is too little."""
    pending = [day for day in store.days if settled is None or day > settled]
    ready = [day for day in pending if day < end]
    chosen: list[int] = []
    lines = 0
    for day in ready:
        if chosen and (day - chosen[0] >= STRETCH_DAYS or lines >= STRETCH_LINES):
            return chosen[0], chosen[-1], False
        chosen.append(day)
        lines += store.count(day)
    is_over = end == np.inf
    if chosen and (is_over or lines >= STRETCH_LINES):
        return chosen[0], chosen[-1], is_over
    return None


def _take_day(landing_dir: Path, day: int, world: World, store: Store, books: Books) -> None:
    limits = limits_of(world)
    for log, contract in CONTRACTS.items():
        if day not in world.given.loaded.get(log, ()) or log not in world.given.logs:
            continue
        judge = Judge(contract, limits)
        for file in list_delivered(landing_dir, log, date_of(day), day):
            books.files += 1
            for records in read_records(file, contract):
                judged = judge.judge(records, day)
                books.received[day, log] += judged.received
                books.accepted[day, log] += judged.accepted
                for reason, lines in judged.reasons.items():
                    books.refused[day, log, reason] += lines
                store.add(log, judged, day)


def _nothing(world: World, numbering: Numbering) -> Mapping[str, Frame]:
    """Facts without a row, for a source that delivered nothing."""
    return find_facts(Store(numbering), world, 0, 0).known


def narrow(facts: dict[str, Frame]) -> dict[str, Frame]:
    """Money as 64-bit numbers where no sum of it can leave them, else as whole numbers of any size."""
    payments, ads = facts["payment"], facts["ads"]
    size = sum(map(abs, payments["amount"].tolist())) * 10_000 + sum(map(abs, ads["total"].tolist())) * 1_000
    kind: Any = np.int64 if size < LARGEST_SUM else object
    return facts | {
        "payment": payments | {"amount": payments["amount"].astype(kind)},
        "ads": ads | {"total": ads["total"].astype(kind)},
    }


def prove_ingestion_daily(opinion: Opinion) -> Frame:
    """What became of the lines of each loaded delivery."""
    books, places = opinion.books, opinion.places
    refused: Counter[tuple[int, str]] = Counter()
    for (day, log, _), lines in books.refused.items():
        refused[day, log] += lines

    def column(*counters: Counter[tuple[int, str]]) -> Ints:
        return np.array([sum(counter[place] for counter in counters) for place in places], dtype=np.int64)

    return {
        "delivery_date": np.array([day for day, _ in places], dtype=np.int64),
        "log": objects(log for _, log in places),
        "received": column(books.received),
        "accepted": column(books.accepted) - column(books.duplicate, books.conflicting),
        "duplicate": column(books.duplicate),
        "rejected": column(refused, books.conflicting),
    }


def prove_rejections_daily(opinion: Opinion) -> Frame:
    """Refused lines by reason, conflicting duplicates among them."""
    lines = Counter(opinion.books.refused)
    for (day, log), count in opinion.books.conflicting.items():
        lines[day, log, "conflicting_duplicate"] += count
    return _by_reason(lines)


def prove_lines_by_reason(opinion: Opinion) -> Frame:
    """Lines as the loader judges them: accepted, repeats included, or the reason."""
    lines = Counter(opinion.books.refused)
    for (day, log), count in opinion.books.accepted.items():
        lines[day, log, ACCEPTED] += count
    return _by_reason(lines)


def _by_reason(lines: Counter[tuple[int, str, str]]) -> Frame:
    places = sorted(place for place, count in lines.items() if count)
    return {
        "delivery_date": np.array([day for day, _, _ in places], dtype=np.int64),
        "log": objects(log for _, log, _ in places),
        "reason": objects(reason for _, _, reason in places),
        "lines": np.array([lines[place] for place in places], dtype=np.int64),
    }
