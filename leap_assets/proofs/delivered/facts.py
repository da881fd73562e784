"""Facts from accepted lines: what the proofs of the marts are computed from, and the day tables beside the marts.

Works on a stretch of event days, with the lines of the days around it. What a mart makes of facts is not in here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leap_assets.proofs.delivered.lines import (
    KEPT,
    NULL,
    Columns,
    Numbering,
    Store,
    find_repeats,
    keep,
)
from leap_assets.proofs.delivered.matches import CENTROID, CONFLICT, CONTACT, Rule, as_columns, find_matches
from leap_assets.proofs.delivered.reading import spell_moment
from leap_assets.proofs.delivered.sessions import MatchDays, Told, find_told
from leap_assets.proofs.events import ABANDONED, COMPLETE, FAIL
from leap_assets.proofs.frames import Frame, number_groups, objects
from leap_assets.proofs.known import DAY_US, SECOND_US, UNKNOWN, Given, Ints, divide_half_up

EVENT_TYPES = (
    "session_start",
    "session_end",
    "level_start",
    "level_complete",
    "level_fail",
    "purchase",
    "ad_watched",
    "feature_used",
)
PRICE_DIGITS, AMOUNT_DIGITS, MICRO_DIGITS = 4, 2, 6
# of prices and of revenue as delivered, and of amounts


@dataclass(frozen=True)
class World:
    """What lines are read by: settings and seeds.

    Attributes
    ----------
    given : Given
    countries : mapping
        Names by ISO code.
    event_types : tuple of str
        Types of client events that the source has beside those of the contract.
    """

    given: Given
    countries: Mapping[str, str]
    event_types: tuple[str, ...] = ()

    @property
    def session_days(self) -> int:
        """Midnights that a player-session goes over at most."""
        return max(1, -(-self.given.session_max_us // DAY_US))

    @property
    def margin(self) -> int:
        """Event days to each side that decide about a day."""
        return self.session_days + 2

    def country(self, text: str | None) -> str | None:
        """The ISO code that a text means."""
        code = text.strip(" ").upper() if text else None
        return code if code in self.countries else None

    def rate(self, currency: str, day: int) -> int | None:
        """Value of a currency in USD on a day, in ten-billionths; None where the seed has none."""
        known = [rate for valid_from, rate in self.given.rates.get(currency, ()) if valid_from <= day]
        return known[-1] if known else None


@dataclass
class Facts:
    """What came of a stretch of days.

    Attributes
    ----------
    known : mapping from fact to columns
        As `leap_assets.proofs.known.digest` gives them.
    tables : mapping from table to Frame
        Rows of the stretch's days.
    duplicate, conflicting : Counter of (delivery day, log)
    """

    known: dict[str, Frame]
    tables: dict[str, Frame]
    duplicate: Counter[tuple[int, str]] = field(default_factory=Counter)
    conflicting: Counter[tuple[int, str]] = field(default_factory=Counter)


def find_facts(store: Store, world: World, first: int, last: int, wanted: range | None = None) -> Facts:
    """Facts of some event days, ends included; `wanted` are those of which matches are looked at, all if left out."""
    numbering, margin = store.numbering, world.margin
    around = {log: store.lines(log, first - margin, last + margin) for log in KEPT}
    facts = Facts({}, {})
    counted: dict[str, Columns] = {}
    for log, lines in around.items():
        repeats = find_repeats(log, lines)
        counted[log] = keep(lines, repeats.counts)
        inside = (lines["day"] >= first) & (lines["day"] <= last)
        for books, kind in ((facts.duplicate, repeats.duplicate), (facts.conflicting, repeats.conflicting)):
            for day, count in repeats.count(lines["delivered_on"], kind & inside).items():
                books[day, log] += count
    types = {name: numbering.names.words.of(name) for name in EVENT_TYPES}
    told = [
        one
        for one in find_told(
            counted["client"], around["session"], types, world.given.session_max_us, world.session_days
        )
        if first <= one.day <= last
    ]
    match_days = MatchDays(around["session"], around["heartbeat"], around["client"])
    for log in ("session", "heartbeat"):
        lines = counted[log]
        lines["match_day"] = match_days.of(lines["session_id"], lines["day"])
    own = {log: _of_days(lines, first, last) for log, lines in counted.items()}
    _add_registrations(facts, around["player"], first, last)
    facts.known["catalogue"] = own["product"]
    _add_sessions(facts, own["session"], told, numbering, world)
    _add_payments(facts, own, types, numbering, world)
    _add_events(facts, own["client"], types, numbering, world)
    _add_attempts(facts, counted["client"], types, first, last)
    of_matches = {log: _of_days(counted[log], first, last, "match_day") for log in ("session", "heartbeat")}
    # on their own day: who joins a match after midnight is not seen before
    facts.known["fixes"] = _count(player=own["heartbeat"]["player_id"], day=own["heartbeat"]["day"])
    facts.known["signons"] = _count(player=own["signons"]["player_id"], day=own["signons"]["day"])
    facts.known["seen"] = {
        name: np.concatenate([facts.known[fact][name] for fact in ("signons", "fixes")])
        for name in ("player", "day")
    }
    _add_matches(facts, of_matches, numbering, world, wanted)
    return facts


def _of_days(lines: Columns, first: int, last: int, day: str = "day") -> Columns:
    return keep(lines, (lines[day] >= first) & (lines[day] <= last))


def _count(*, total: Any = None, **columns: Ints) -> Frame:
    """Distinct rows with how many there are of each and, if given, exact sums."""
    if not len(next(iter(columns.values()))):
        none = {name: np.empty(0, dtype=np.int64) for name in (*columns, "count")}
        return none | ({} if total is None else {"total": np.empty(0, dtype=object)})
    group, distinct = number_groups(*columns.values())
    counted: Frame = dict(zip(columns, distinct, strict=True))
    rows = len(distinct[0])
    counted["count"] = np.bincount(group, minlength=rows)
    if total is not None:
        sums = np.zeros(rows, dtype=object)
        np.add.at(sums, group, total)
        counted["total"] = sums
    return counted


def _add_registrations(facts: Facts, lines: Columns, first: int, last: int) -> None:
    """Every line of the player log, repeats too: an attribute is of the first line that has it."""
    own = _of_days(lines, first, last)
    facts.known["registration_line"] = {
        name: own[column]
        for name, column in (
            ("player", "player_id"),
            ("day", "day"),
            ("country", "country"),
            ("platform", "platform"),
            ("experiment_group", "experiment_group"),
            ("display_name", "display_name"),
        )
    }


def _add_sessions(
    facts: Facts, logged: Columns, told: list[Told], numbering: Numbering, world: World
) -> None:
    words = numbering.names.words
    texts = words.texts
    by_number = {
        number: world.country(None if number < 0 else texts[number])
        for number in np.unique(logged["country"]).tolist()
    }
    country = [by_number[number] for number in logged["country"].tolist()]
    end = logged["event_date_time"]
    start = end - logged["length_us"]
    player = np.concatenate([logged["player_id"], _ints(one.player for one in told)])
    starts = np.concatenate([start, _ints(one.first for one in told)])
    ended = [one.last if one.ended is None else one.ended for one in told]
    ends = np.concatenate([end, _ints(ended)])
    length = (ends - starts + SECOND_US // 2) // SECOND_US
    none = np.zeros(len(told), dtype=np.int64)
    unknown = words.of(UNKNOWN)
    kills, deaths = (np.concatenate([logged[name], none + NULL]) for name in ("kills", "deaths"))
    days = np.concatenate([logged["day"], _ints(one.day for one in told)])
    facts.known["session"] = {
        "player": player,
        "day": days,
        "start": starts,
        "end": ends,
        "length": length,
        "kills": np.where(kills == NULL, 0, kills),
        "deaths": np.where(deaths == NULL, 0, deaths),
        "country": np.concatenate(
            [_ints(unknown if code is None else words.of(code) for code in country), none + unknown]
        ),
    }
    players, matches = numbering.names.players.texts, numbering.matches.texts
    facts.tables["fact_session"] = {
        "player_id": players[player],
        "session_id": objects(
            [
                *matches[logged["session_id"]],
                *(
                    matches[one.match]
                    if one.match >= 0
                    else f"{players[one.player]}@{spell_moment(one.first)}"
                    for one in told
                ),
            ]
        ),
        "started_at": starts,
        "ended_at": ends,
        "event_date": days,
        "country": objects([*country, *(None for _ in told)]),
        "length_s": length,
        "kills": _nullable(kills),
        "deaths": _nullable(deaths),
        "is_end_inferred": np.array(
            [False] * len(logged["day"]) + [one.ended is None for one in told], dtype=bool
        ),
        "is_from_events": np.array([False] * len(logged["day"]) + [True] * len(told), dtype=bool),
    }


def _ints(values: Any) -> Ints:
    return np.array(list(values), dtype=np.int64)


def _nullable(column: Ints) -> Any:
    """Whole numbers with NaN for null."""
    is_null = column == NULL
    return np.where(is_null, np.nan, column.astype(float)) if is_null.any() else column


def exchange(
    values: list[int], currencies: list[str | None], days: list[int], world: World, digits_less: int
) -> Any:
    """Amounts in the reporting currency, exact but for the last digit, which is rounded half away from zero."""
    rates: dict[tuple[str | None, int], tuple[int, int]] = {}
    amounts = np.zeros(len(values), dtype=object)
    for number, (value, currency, day) in enumerate(zip(values, currencies, days, strict=True)):
        if not value:
            continue
        if (currency, day) not in rates:
            own = 1 if currency is None else world.rate(currency, day)
            report = 1 if currency is None else world.rate(world.given.currency, day)
            rates[currency, day] = (own or 0, report or 1)
        own, report = rates[currency, day]
        amounts[number] = divide_half_up(value * own, report * 10**digits_less)
    return amounts


def _add_payments(
    facts: Facts, own: Mapping[str, Columns], types: Mapping[str, int], numbering: Numbering, world: World
) -> None:
    if "transaction" in world.given.logs:
        lines = own["transaction"]
    else:
        events = own["client"]
        bought = keep(events, events["event_type"] == types["purchase"])
        rows = len(bought["day"])
        lines = {
            "transaction_id": bought["event_id"],
            "player_id": bought["player_id"],
            "event_date_time": bought["timestamp"],
            "purchase_item": bought["product"],
            "purchase_price": bought["price"],
            "currency": bought["currency"],
            "is_recurring": np.full(rows, NULL),
            "cycle": np.full(rows, -1),
            "transaction_type": np.full(rows, -1),
            "refunded_transaction_id": np.full(rows, None, dtype=object),
            "day": bought["day"],
        }
    words = numbering.names.words.texts
    currencies = _texts(words, lines["currency"]).tolist()
    amount = exchange(
        lines["purchase_price"].tolist(),
        currencies,
        lines["day"].tolist(),
        world,
        PRICE_DIGITS - AMOUNT_DIGITS,
    )
    facts.known["payment"] = {
        "player": lines["player_id"],
        "at": lines["event_date_time"],
        "price": lines["purchase_price"],
        "currency": lines["currency"],
        "day": lines["day"],
        "amount": amount,
        "item": lines["purchase_item"],
        "type": lines["transaction_type"],
    }
    is_recurring = lines["is_recurring"]
    recurring = is_recurring == 1
    facts.tables["fact_transaction"] = {
        "transaction_id": lines["transaction_id"],
        "player_id": numbering.names.players.texts[lines["player_id"]],
        "event_date_time": lines["event_date_time"],
        "purchase_item": _texts(words, lines["purchase_item"]),
        "purchase_price": lines["purchase_price"],
        "currency": _texts(words, lines["currency"]),
        "is_recurring": np.where(is_recurring == NULL, np.nan, recurring.astype(float))
        if (is_recurring == NULL).any()
        else recurring,
        "cycle": _texts(words, lines["cycle"]),
        "transaction_type": _texts(words, lines["transaction_type"]),
        "refunded_transaction_id": lines["refunded_transaction_id"],
        "event_date": lines["day"],
        "amount": amount,
    }


def _texts(words: Any, numbers: Ints) -> Any:
    """Texts of numbers, None for null."""
    return objects(None if number < 0 else words[number] for number in numbers.tolist())


def _add_events(
    facts: Facts, events: Columns, types: Mapping[str, int], numbering: Numbering, world: World
) -> None:
    words = numbering.names.words
    texts = words.texts
    facts.known["events"] = _count(player=events["player_id"], day=events["day"], type=events["event_type"])
    ads = keep(events, events["event_type"] == types["ad_watched"])
    total = exchange(
        np.where(ads["revenue"] == NULL, 0, ads["revenue"]).tolist(),
        _texts(texts, ads["currency"]).tolist(),
        ads["day"].tolist(),
        world,
        0,
    )
    kind = np.where(ads["ad_type"] < 0, words.of(UNKNOWN), ads["ad_type"])
    facts.known["ads"] = _count(total=total, player=ads["player_id"], day=ads["day"], type=kind)
    uses = keep(events, events["event_type"] == types["feature_used"])
    used = _count(player=uses["player_id"], day=uses["day"], feature=uses["feature"])
    facts.known["uses"] = {name: used[name] for name in ("player", "day", "feature")}
    completed = keep(events, events["event_type"] == types["level_complete"])
    facts.known["completion"] = {
        "player": completed["player_id"],
        "at": completed["timestamp"],
        "level": completed["level"],
    }


def _add_attempts(facts: Facts, events: Columns, types: Mapping[str, int], first: int, last: int) -> None:
    """Each start of a level with the next event of that player, session and level, if that is a result."""
    start, complete, fail = (types[f"level_{name}"] for name in ("start", "complete", "fail"))
    of_levels = keep(events, np.isin(events["event_type"], [start, complete, fail]))
    by_place: defaultdict[tuple[int, int, int], list[tuple[int, bool, str, int]]] = defaultdict(list)
    for player, match, level, at, kind, event_id in zip(
        *(
            of_levels[name].tolist()
            for name in ("player_id", "session_id", "level", "timestamp", "event_type", "event_id")
        ),
        strict=True,
    ):
        by_place[player, match, level].append((at, kind == start, event_id, kind))
    attempts: list[tuple[int, int, int, int]] = []
    for (player, _, level), own in by_place.items():
        own.sort()
        for number, (at, is_start, _, _) in enumerate(own):
            day = at // DAY_US
            if not is_start or not first <= day <= last:
                continue
            outcome = ABANDONED
            if number + 1 < len(own):
                next_at, is_next_start, _, kind = own[number + 1]
                if not is_next_start and next_at // DAY_US <= day + 1:
                    outcome = COMPLETE if kind == complete else FAIL
            attempts.append((player, level, day, outcome))
    columns = np.array(attempts, dtype=np.int64).reshape(-1, 4).T
    facts.known["attempt"] = dict(zip(("player", "level", "day", "outcome"), columns, strict=True))


def _add_matches(
    facts: Facts,
    lines: Mapping[str, Columns],
    numbering: Numbering,
    world: World,
    wanted: range | None,
) -> None:
    if wanted is not None:
        lines = {
            log: keep(one, (one["match_day"] >= wanted[0]) & (one["match_day"] <= wanted[-1]))
            for log, one in lines.items()
        }
    # one by one: as an array of texts each would be as long as the longest
    internal = np.array([text in world.given.internal for text in numbering.names.players.texts], dtype=bool)
    found = find_matches(lines["session"], lines["heartbeat"], numbering, internal, Rule.of(world.given))
    texts = numbering.matches.texts
    facts.known["match"] = {
        "session": objects(texts[match] for match, _ in found.matches),
        "day": _ints(day for _, day in found.matches),
        "is_shown": np.array(list(found.matches.values()), dtype=bool),
    }
    facts.known["conflict"] = as_columns(found.conflicts, CONFLICT)
    facts.known["contact"] = as_columns(found.contacts, CONTACT)
    facts.tables["stage_centroids"] = as_columns(found.centroids, CENTROID)
