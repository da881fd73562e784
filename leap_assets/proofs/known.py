"""What the loaded deliveries tell of the true world: the facts that all proofs are computed from.

A line counts when the delivery that brought it is loaded. Each event day's truth is boiled down to compact arrays, so
that a year of days fits into memory. What marts make of the facts is not in here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from leap_assets.proofs.sums import sum_by
from leap_assets.proofs.truth import MissingTruthError, has_truth, read_truth
from leap_assets.simulation import Coded

Ints: TypeAlias = "npt.NDArray[np.int64]"
Columns: TypeAlias = "dict[str, Any]"

EPOCH = dt.date(1970, 1, 1)
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
LATEST_DAYS = 3
# a line comes at most this many days after the day it belongs to
SAME_MATCH_US = 6 * HOUR_US
# lines of an id on two days are one match when no longer a pause lies between them, and neither day has a line this
# near to its other midnight
UNKNOWN = "unknown"
NONE = np.empty(0, dtype=np.int64)

READ = (
    "registered",
    "signon",
    "player_session",
    "position",
    "transaction",
    "client_event",
    "ad",
    "feature_use",
)
# tables of an event day that facts are made from


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> dt.date:
    """The date of a day number."""
    return EPOCH + dt.timedelta(days=int(number))


@dataclass(frozen=True)
class Given:
    """What both sides of a proof start from: which deliveries are loaded, the settings and the seeds.

    Attributes
    ----------
    start : int
        First day number of the world.
    loaded : mapping from log to set of int
        Delivery days in the warehouse, as day numbers, with files or without.
    delivered : mapping from log to set of int
        Those of them that had a file.
    logs : tuple of str
        Logs that the source declares.
    rates : mapping from currency to list of (int, int)
        First day number and rate in ten-billionths of a USD, ascending.
    currency : str
        Reporting currency.
    internal : set of str
        Players left out of every mart.
    beat_us, cooldown_us, session_max_us : int
    distance : float
        At most this far apart is close.
    """

    start: int
    loaded: Mapping[str, frozenset[int]]
    delivered: Mapping[str, frozenset[int]]
    logs: tuple[str, ...]
    rates: Mapping[str, list[tuple[int, int]]]
    currency: str
    internal: frozenset[str]
    beat_us: int
    cooldown_us: int
    distance: float
    session_max_us: int = DAY_US

    @cached_property
    def loaded_days(self) -> Ints:
        """Day numbers with a loaded delivery of any log, ascending."""
        days = sorted({day for days in self.loaded.values() for day in days})
        return np.array(days, dtype=np.int64)

    @cached_property
    def final_days(self) -> Ints:
        """Loaded days all of whose later deliveries are loaded, ascending: no further line of them can arrive."""
        loaded = set(self.loaded_days.tolist())
        later = LATEST_DAYS + max(1, -(-self.session_max_us // DAY_US))
        days = [day for day in sorted(loaded) if loaded.issuperset(range(day, day + later + 1))]
        return np.array(days, dtype=np.int64)

    @cached_property
    def event_days(self) -> list[int]:
        """Event days that a delivered line can belong to, ascending."""
        days = {day for days in self.delivered.values() for day in days}
        told = {day - late for day in days for late in range(LATEST_DAYS + 1)}
        return sorted(day for day in told if day >= self.start)

    def exchange(self, amount: int, currency: str, day: int) -> int:
        """An amount in the reporting currency, in the unit that it comes in, halves away from zero.

        Raises
        ------
        MissingTruthError
            Without a rate: which lines were rejected for that is not told by the truth.
        """
        return divide_half_up(amount * self._rate(currency, day), self._rate(self.currency, day))

    def _rate(self, currency: str, day: int) -> int:
        known = [rate for valid_from, rate in self.rates.get(currency, ()) if valid_from <= day]
        if not known:
            raise MissingTruthError(
                f"the seed exchange_rates has no rate of {currency} on {date_of(day)}, so that good lines are rejected"
            )
        return known[-1]


def divide_half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number of a quotient, halves away from zero; the denominator is positive."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


class Names:
    """Texts numbered in the order in which they are met."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}

    def number(self, texts: Coded) -> Ints:
        """Numbers of a column of texts, -1 for null."""
        own = [self._number.setdefault(text, len(self._number)) for text in texts.values.tolist()]
        numbers: Ints = np.array([*own, -1], dtype=np.int64)[texts.codes]
        return numbers

    def of(self, text: str) -> int:
        """Number of one text."""
        return self._number.setdefault(text, len(self._number))

    @property
    def texts(self) -> npt.NDArray[np.object_]:
        """The text of every number."""
        texts = np.empty(len(self._number), dtype=object)
        texts[:] = list(self._number)
        return texts

    def __len__(self) -> int:
        return len(self._number)


@dataclass(frozen=True)
class Dictionary:
    """Numbers of players and of all other texts, common to all days."""

    players: Names = field(default_factory=Names)
    words: Names = field(default_factory=Names)


@dataclass(frozen=True)
class EventDay:
    """The lines of one event day that have arrived; columns by table, texts as numbers.

    `day` is the event day; the match of a line is a number of `matches`.
    """

    day: int
    matches: Names
    tables: Mapping[str, Columns]

    @cached_property
    def match_days(self) -> MatchDays:
        """The day that each match counts on."""
        return find_match_days(self)


def read_event_day(
    truth_dir: Path, day: int, given: Given, names: Dictionary, *, with_details: bool = True
) -> EventDay:
    """Read the lines of an event day that loaded deliveries have brought.

    Without details, where players were is left out: only that they were there.

    Raises
    ------
    FileNotFoundError
        When the day's truth is not there.
    """
    matches = Names()
    numbering: Mapping[str, Callable[[Coded], Ints]] = {
        "player_id": names.players.number,
        "session_id": matches.number,
    }
    read = {}
    for table in READ:
        log, columns = _SOURCE[table]
        if not with_details:
            columns = tuple(name for name in columns if name not in _PLACES)
        found = read_truth(truth_dir, date_of(day), table, (*columns, "delivered_on"))
        days = np.array(sorted(given.delivered.get(log, ())), dtype=np.int64)
        arrived = np.isin(found.pop("delivered_on"), days)
        read[table] = {
            name: (numbering.get(name, names.words.number)(column) if isinstance(column, Coded) else column)[
                arrived
            ]
            for name, column in found.items()
        }
    return EventDay(day, matches, read)


_PLACES = ("team_id", "beat", "x", "y", "z")
# columns that only details need

_SOURCE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # truth table -> the log its rows are lines of, and the columns that facts need
    "registered": ("player", ("player_id", "country", "platform", "experiment_group")),
    "signon": ("signons", ("player_id", "at")),
    "player_session": (
        "session",
        ("session_id", "player_id", "started_at", "length_s", "country", "kills", "deaths"),
    ),
    "position": ("heartbeat", ("session_id", "player_id", "team_id", "beat", "at", "x", "y", "z")),
    "transaction": ("transaction", ("player_id", "at", "price", "currency")),
    "client_event": (
        "client",
        ("player_id", "session_id", "event_type", "at", "level", "price", "currency"),
    ),
    "ad": ("client", ("player_id", "at", "ad_type", "revenue")),
    "feature_use": ("client", ("player_id", "at", "feature")),
}


def no_lines() -> EventDay:
    """An event day of which nothing has arrived."""
    tables = {name: dict.fromkeys(columns, NONE) for name, (_, columns) in _SOURCE.items()}
    return EventDay(0, Names(), tables)


@dataclass(frozen=True)
class MatchDays:
    """The day that each match of an event day counts on, as far as its arrived lines tell.

    A match counts on the day of its earliest line. If nothing of its first day has arrived, that is the day after;
    if the pause between the two days' lines is long, or if it may go on over another midnight, each day has a match of
    its own.
    """

    day: int
    is_joined: npt.NDArray[np.bool_]

    def of(self, match: Ints, line_day: Ints) -> Ints:
        """The days that lines count on, from their matches and their own days."""
        days: Ints = np.where((line_day > self.day) & self.is_joined[match], self.day, line_day)
        return days


def find_match_days(lines: EventDay) -> MatchDays:
    """Look at all lines that name a match."""
    sessions, positions, events = (
        lines.tables[name] for name in ("player_session", "position", "client_event")
    )
    ends = sessions["started_at"] + sessions["length_s"] * SECOND_US
    match = np.concatenate([sessions["session_id"], positions["session_id"], events["session_id"]])
    first = np.concatenate([sessions["started_at"], positions["at"], events["at"]])
    last = np.concatenate([ends, positions["at"], events["at"]])
    return MatchDays(lines.day, _join_days(lines.day, match, first, last, len(lines.matches)))


def _join_days(day: int, group: Ints, first: Ints, last: Ints, groups: int) -> npt.NDArray[np.bool_]:
    """Whether what a group has on the day after goes on from what it has on a day."""
    never = np.iinfo(np.int64).max
    is_after = first // DAY_US > day
    first_before, first_after = np.full((2, groups), never)
    last_before, last_after = np.full((2, groups), -never)
    np.minimum.at(first_before, group[~is_after], first[~is_after])
    np.maximum.at(last_before, group[~is_after], last[~is_after])
    np.minimum.at(first_after, group[is_after], first[is_after])
    np.maximum.at(last_after, group[is_after], last[is_after])
    is_joined = (last_before > -never) & (first_after < never)
    is_joined[is_joined] = (first_after - last_before)[is_joined] <= SAME_MATCH_US
    is_joined &= first_before > day * DAY_US + SAME_MATCH_US
    is_joined &= last_after < (day + 2) * DAY_US - SAME_MATCH_US
    return is_joined


Detail: TypeAlias = "Callable[[EventDay, Given, Dictionary], Mapping[str, Columns]]"


def digest(lines: EventDay, given: Given, names: Dictionary) -> dict[str, Columns]:
    """Boil the lines of an event day down to facts.

    Returns
    -------
    dict
        By fact, columns of equal length. Days are day numbers, times microseconds since 1970, texts numbers; money is
        in hundredths, ad revenue in millionths of the reporting currency.
    """
    events = lines.tables["client_event"]
    event_day = events["at"] // DAY_US
    registered = lines.tables["registered"]
    payments = lines.tables["transaction"]
    if "transaction" not in given.logs:
        bought = events["event_type"] == names.words.of("purchase")
        payments = {name: events[name][bought] for name in ("player_id", "at", "price", "currency")}
    signons = lines.tables["signon"]
    positions = lines.tables["position"]
    ads, uses = lines.tables["ad"], lines.tables["feature_use"]
    completed = events["event_type"] == names.words.of("level_complete")
    facts = {
        "registration": registered | {"day": np.full(len(registered["player_id"]), lines.day)},
        "session": _find_sessions(lines, given, names),
        "payment": payments
        | {
            "day": payments["at"] // DAY_US,
            "amount": _convert(payments["price"], payments["currency"], payments["at"], given, names),
        },
        # days on which a player is seen, whatever else is known of them
        "seen": _distinct(
            player=np.concatenate([signons["player_id"], positions["player_id"]]),
            day=np.concatenate([signons["at"] // DAY_US, positions["at"] // DAY_US]),
        ),
        "events": _counted(player=events["player_id"], day=event_day, type=events["event_type"]),
        "ads": _counted(
            player=ads["player_id"],
            day=ads["at"] // DAY_US,
            type=ads["ad_type"],
            total=_convert(
                ads["revenue"], np.full(len(ads["at"]), names.words.of("USD")), ads["at"], given, names
            ),
        ),
        "uses": _distinct(player=uses["player_id"], day=uses["at"] // DAY_US, feature=uses["feature"]),
        "completion": {name: events[name][completed] for name in ("player_id", "at", "level")},
    }
    return {
        fact: {("player" if name == "player_id" else name): column for name, column in columns.items()}
        for fact, columns in facts.items()
    }


def _find_sessions(lines: EventDay, given: Given, names: Dictionary) -> Columns:
    """Player-sessions of the session log, and those that client events alone tell of; each on the day it starts.

    In the simulated world a player has at most one start and one end in a match.
    """
    logged, events = lines.tables["player_session"], lines.tables["client_event"]
    matches = max(len(lines.matches), 1)
    is_logged = np.isin(
        events["player_id"] * matches + events["session_id"],
        logged["player_id"] * matches + logged["session_id"],
    )
    rows = np.flatnonzero(~is_logged)
    numbers, told = np.unique(
        events["player_id"][rows] * matches + events["session_id"][rows], return_inverse=True
    )
    told, at = told.reshape(-1), events["at"][rows]
    kind = events["event_type"][rows]
    is_joined = _join_days(lines.day, told, at, at, len(numbers))
    day = np.where((at // DAY_US > lines.day) & is_joined[told], lines.day, at // DAY_US)
    # from a start to its end, all belongs to the day of the start
    started, ended = np.full((2, len(numbers)), -1)
    is_start, is_end = (kind == names.words.of(name) for name in ("session_start", "session_end"))
    started[told[is_start]], ended[told[is_end]] = at[is_start], at[is_end]
    is_whole = (started >= 0) & (ended >= started) & (ended - started <= given.session_max_us)
    inside = is_whole[told] & (at >= started[told]) & (at <= ended[told])
    day = np.where(inside, started[told] // DAY_US, day)
    spans: dict[tuple[int, int, int], list[int]] = {}
    for player, number, on, time, is_last in zip(
        events["player_id"][rows].tolist(),
        told.tolist(),
        day.tolist(),
        at.tolist(),
        is_end.tolist(),
        strict=True,
    ):
        span = spans.setdefault((player, number, on), [time, time, -1])
        span[0], span[1] = min(span[0], time), max(span[1], time)
        if is_last:
            span[2] = max(span[2], time)
    found = [
        (player, on, first, end if end >= 0 else last)
        for (player, _, on), (first, last, end) in spans.items()
    ]
    player, day, start, end = np.array(found, dtype=np.int64).reshape(-1, 4).T
    none = np.zeros(len(player), dtype=np.int64)
    return {
        "player": np.concatenate([logged["player_id"], player]),
        "day": np.concatenate([logged["started_at"] // DAY_US, day]),
        "start": np.concatenate([logged["started_at"], start]),
        "end": np.concatenate([logged["started_at"] + logged["length_s"] * SECOND_US, end]),
        # to the nearest second
        "length": np.concatenate([logged["length_s"], (end - start + SECOND_US // 2) // SECOND_US]),
        "kills": np.concatenate([logged["kills"], none]),
        "deaths": np.concatenate([logged["deaths"], none]),
        "country": np.concatenate([logged["country"], none + names.words.of(UNKNOWN)]),
    }


def _convert(price: Ints, currency: Ints, at: Ints, given: Given, names: Dictionary) -> Ints:
    """Prices in the reporting currency, rounded a line; in the unit that they come in."""
    texts = names.words.texts
    converted = np.zeros(len(price), dtype=np.int64)
    for money, day in {*zip(currency.tolist(), (at // DAY_US).tolist(), strict=True)}:
        rows = np.flatnonzero((currency == money) & (at // DAY_US == day))
        # Python's whole numbers: no product is too large for them
        converted[rows] = [given.exchange(one, texts[money], day) for one in price[rows].tolist()]
    return converted


def _distinct(**columns: Ints) -> Columns:
    rows = np.unique(np.stack(list(columns.values()), axis=1), axis=0)
    return dict(zip(columns, rows.T, strict=True))


def _counted(*, total: Ints | None = None, **columns: Ints) -> Columns:
    """Distinct rows with how many there are of each and, if given, the sum of a column."""
    rows, which = np.unique(np.stack(list(columns.values()), axis=1), axis=0, return_inverse=True)
    which = which.reshape(-1)
    counted = dict(zip(columns, rows.T, strict=True)) | {"count": np.bincount(which, minlength=len(rows))}
    if total is not None:
        counted["total"] = np.zeros(len(rows), dtype=np.int64)
        np.add.at(counted["total"], which, total)
    return counted


class Known:
    """The facts of all event days, and the players and player-days that follow from them.

    Parameters
    ----------
    given : Given
    names : Dictionary
    facts : mapping from fact to columns
        Of all days under each other; see `digest`.
    """

    def __init__(self, given: Given, names: Dictionary, facts: Mapping[str, Columns]) -> None:
        self.given = given
        self.names = names
        self.facts = facts
        self.is_loaded = frozenset(given.loaded_days.tolist())

    @classmethod
    def read(
        cls, truth_dir: Path, given: Given, window: Iterable[int] = (), details: Sequence[Detail] = ()
    ) -> Known:
        """Read the truth of every event day that a loaded delivery can tell of, one day in memory at a time.

        Parameters
        ----------
        truth_dir : Path
        given : Given
        window : iterable of int
            Day numbers of which details are wanted.
        details : sequence of callable
            Further facts, as columns by fact, of the lines of those days.

        Raises
        ------
        MissingTruthError
            When a day's truth is not there.
        """
        days = given.event_days
        missing = [day for day in days if not has_truth(truth_dir, date_of(day), READ)]
        if missing:
            raise MissingTruthError(
                f"the truth of {len(missing)} days is not there, {date_of(missing[0])} the first. It can be made at "
                "any time: materialise the group truth for the delivery days of "
                f"{date_of(missing[0])} to {date_of(missing[-1])}"
            )
        names = Dictionary()
        # what of a match runs past midnight is told by the day before
        detailed = {number + before for number in window for before in (-1, 0)}
        parts = [digest(no_lines(), given, names) | _tell_details(no_lines(), details, given, names)]
        for day in days:
            lines = read_event_day(truth_dir, day, given, names, with_details=day in detailed)
            parts.append(digest(lines, given, names))
            if day in detailed:
                parts[-1] |= _tell_details(lines, details, given, names)
        return cls(given, names, join_facts(parts))

    def loaded(self, days: Ints) -> npt.NDArray[np.bool_]:
        """Whether days are loaded."""
        return np.isin(days, self.given.loaded_days)

    def final(self, days: Ints) -> npt.NDArray[np.bool_]:
        """Whether days are final: see `Given.final_days`."""
        return np.isin(days, self.given.final_days)

    @cached_property
    def words(self) -> npt.NDArray[np.object_]:
        """Texts of the numbers of all columns but players."""
        return self.names.words.texts

    @cached_property
    def players(self) -> Columns:
        """Every player that is known, by number: id, acquired (day number), country, platform, group, is_counted.

        A player without a registration is acquired on the first day on which they are seen, loaded or not. Attributes
        are those of the first registration that has them. Not counted are the accounts of our own, and numbers that no
        arrived line names.
        """
        count = len(self.names.players)
        unknown = self.names.words.of(UNKNOWN)
        never = np.iinfo(np.int64).max
        registered = self.facts["registration"]
        acquired = np.full(count, never)
        for fact in ("session", "payment", "seen", "events"):
            np.minimum.at(acquired, self.facts[fact]["player"], self.facts[fact]["day"])
        registered_on = np.full(count, never)
        np.minimum.at(registered_on, registered["player"], registered["day"])
        acquired = np.where(registered_on < never, registered_on, acquired)
        # the last first, so that the first one is written last and stays
        order = np.argsort(registered["day"], kind="stable")[::-1]
        columns: Columns = {"id": self.names.players.texts, "acquired": acquired}
        for name, source in (("country", "country"), ("platform", "platform"), ("group", "experiment_group")):
            columns[name] = np.full(count, unknown)
            rows = order[registered[source][order] >= 0]
            columns[name][registered["player"][rows]] = registered[source][rows]
        is_internal = np.isin(columns["id"].astype(str), sorted(self.given.internal))
        columns["is_counted"] = (acquired < never) & ~is_internal
        return columns

    @cached_property
    def counted(self) -> Ints:
        """Numbers of the players whom marts show."""
        return np.flatnonzero(self.players["is_counted"])

    def of_counted(self, fact: str) -> Columns:
        """A fact's rows of counted players on loaded days: what marts count."""
        columns = self.facts[fact]
        day = columns["day"] if "day" in columns else columns["at"] // DAY_US
        shown = self.players["is_counted"][columns["player"]] & self.loaded(day)
        return {name: column[shown] for name, column in columns.items()}

    @cached_property
    def player_days(self) -> Columns:
        """Every counted player and loaded day on which anything is known of them: sums of what they did.

        Columns: player, day, sessions, play_s, kills, deaths, payments, purchases, amount (hundredths), ad_amount
        (millionths), events. Amounts are Python's whole numbers where int64 could overflow.
        """
        sessions, payments, seen, events, ads = (
            self.of_counted(fact) for fact in ("session", "payment", "seen", "events", "ads")
        )
        parts = (sessions, payments, seen, events)
        player = np.concatenate([part["player"] for part in parts])
        day = np.concatenate([part["day"] for part in parts])
        keys, which = np.unique(player << 20 | day, return_inverse=True)
        rows = np.split(which.reshape(-1), np.cumsum([len(part["player"]) for part in parts])[:-1])
        columns: Columns = {"player": keys >> 20, "day": keys & (1 << 20) - 1}

        def add(name: str, row: Ints, values: Ints) -> None:
            columns[name] = sum_by(row, values, len(keys))

        add("sessions", rows[0], np.ones(len(rows[0]), dtype=np.int64))
        for name, source in (("play_s", "length"), ("kills", "kills"), ("deaths", "deaths")):
            add(name, rows[0], sessions[source])
        add("payments", rows[1], np.ones(len(rows[1]), dtype=np.int64))
        add("purchases", rows[1], np.asarray(payments["price"] > 0, dtype=np.int64))
        add("amount", rows[1], payments["amount"])
        add("events", rows[3], events["count"])
        # an ad is a client event, so its player-day is there
        add("ad_amount", np.searchsorted(keys, ads["player"] << 20 | ads["day"]), ads["total"])
        return columns

    @cached_property
    def calendar(self) -> Ints:
        """Day numbers that marts have rows of: the loaded ones, ascending."""
        return self.given.loaded_days


def join_facts(parts: Iterable[Mapping[str, Columns]]) -> dict[str, Columns]:
    """Put the facts of several days under each other; the first part has every fact."""
    parts = list(parts)
    return {
        fact: {name: np.concatenate([part[fact][name] for part in parts if fact in part]) for name in columns}
        for fact, columns in parts[0].items()
    }


def _tell_details(
    lines: EventDay, details: Sequence[Detail], given: Given, names: Dictionary
) -> dict[str, Columns]:
    return {fact: columns for detail in details for fact, columns in detail(lines, given, names).items()}
