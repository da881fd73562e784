"""Player-sessions, and the day that the lines of a match count on.

Lines are those of `lines.py`, of a stretch of event days with neighbours to both sides. Times are microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from leap_assets.proofs.delivered.lines import Columns
from leap_assets.proofs.known import DAY_US, HOUR_US, Ints

JOIN_US = 6 * HOUR_US
# a pause no longer than this between the lines of two days leaves them one match
LATEST_START_US, EARLIEST_END_US = 6 * HOUR_US, 18 * HOUR_US
# a day whose lines begin before the one, or end behind the other, may go on over another midnight
SILENCE_US = HOUR_US // 2


class Span(NamedTuple):
    """First and last moment of what belongs together."""

    first: int
    last: int


def is_tail(before: Span | None, own: Span, day: int) -> bool:
    """Whether the lines of a day belong to the day before: no long pause between, and over one midnight alone."""
    midnight = day * DAY_US
    return (
        before is not None
        and own.first <= before.last + JOIN_US
        and before.first > midnight - DAY_US + LATEST_START_US
        and own.last < midnight + EARLIEST_END_US
    )


class MatchDays:
    """The day that the lines of a match and day count on."""

    def __init__(self, sessions: Columns, heartbeats: Columns, events: Columns) -> None:
        match = np.concatenate([lines["session_id"] for lines in (sessions, heartbeats, events)])
        day = np.concatenate([lines["day"] for lines in (sessions, heartbeats, events)])
        last = np.concatenate(
            [sessions["event_date_time"], heartbeats["event_date_time"], events["timestamp"]]
        )
        first = last.copy()
        first[: len(sessions["day"])] -= sessions["length_us"]
        is_named = match >= 0
        match, day, first, last = match[is_named], day[is_named], first[is_named], last[is_named]
        place, which = np.unique(np.stack([match, day], axis=1), axis=0, return_inverse=True)
        which = which.reshape(-1)
        begin, end = np.full(len(place), np.iinfo(np.int64).max), np.full(len(place), np.iinfo(np.int64).min)
        np.minimum.at(begin, which, first)
        np.maximum.at(end, which, last)
        spans = {
            (one, number): Span(start, stop)
            for (one, number), start, stop in zip(
                map(tuple, place.tolist()), begin.tolist(), end.tolist(), strict=True
            )
        }
        self._tails = {
            (one, number)
            for (one, number), span in spans.items()
            if is_tail(spans.get((one, number - 1)), span, number)
        }

    def of(self, match: Ints, day: Ints) -> Ints:
        """Days that lines of matches count on, from their own days."""
        if not len(match):
            return day.copy()
        place, which = np.unique(np.stack([match, day], axis=1), axis=0, return_inverse=True)
        moved = np.array([tuple(one) in self._tails for one in place.tolist()], dtype=np.int64)
        days: Ints = day - moved[which.reshape(-1)]
        return days


@dataclass
class Told:
    """A player-session that client events tell of.

    Attributes
    ----------
    match : int
        -1 for one without an id.
    first, last : int
        First and last event.
    ended : int or None
        Latest session_end.
    """

    player: int
    match: int
    first: int
    last: int
    ended: int | None

    @property
    def day(self) -> int:
        """Event day: the one it starts on."""
        return self.first // DAY_US

    def add(self, at: int, *, is_end: bool) -> None:
        """Extend it by an event."""
        self.first, self.last = min(self.first, at), max(self.last, at)
        if is_end:
            self.ended = at if self.ended is None else max(self.ended, at)


class Event(NamedTuple):
    """What a client event says about player-sessions."""

    at: int
    is_end: bool
    event_id: str
    is_start: bool
    match: int


def list_events(events: Columns, start_type: int, end_type: int) -> Iterator[tuple[int, list[Event]]]:
    """Each player with his events, in the order (time, session_end last, id)."""
    by_player: defaultdict[int, list[Event]] = defaultdict(list)
    for player, match, kind, at, event_id in zip(
        *(
            events[name].tolist()
            for name in ("player_id", "session_id", "event_type", "timestamp", "event_id")
        ),
        strict=True,
    ):
        by_player[player].append(Event(at, kind == end_type, event_id, kind == start_type, match))
    for player, own in by_player.items():
        own.sort()
        yield player, own


def find_named(player: int, match: int, events: list[Event], session_us: int) -> list[Told]:
    """Player-sessions of one player and session id, from all events with that id, in order."""
    day_of: list[int | None] = [None] * len(events)
    starts: list[int] = []
    # the first event behind the session_end before
    open_from = 0
    for number, event in enumerate(events):
        if event.is_start:
            starts.append(event.at)
        elif event.is_end:
            begun = next((at for at in starts if event.at - at <= session_us), None)
            for one in range(open_from, number + 1):
                if begun is not None and events[one].at >= begun:
                    day_of[one] = begun // DAY_US
            starts, open_from = [], number + 1
    spans: dict[int, Span] = {}
    for event in events:
        day = event.at // DAY_US
        span = spans.get(day)
        spans[day] = Span(event.at, event.at) if span is None else Span(span.first, event.at)
    groups: dict[int, Told] = {}
    for event, told_day in zip(events, day_of, strict=True):
        day = event.at // DAY_US
        if told_day is None:
            told_day = day - is_tail(spans.get(day - 1), spans[day], day)
        if told_day not in groups:
            groups[told_day] = Told(player, match, event.at, event.at, None)
        groups[told_day].add(event.at, is_end=event.is_end)
    merged: dict[int, Told] = {}
    for group in groups.values():
        whole = merged.setdefault(group.day, group)
        if whole is not group:
            whole.first, whole.last = min(whole.first, group.first), max(whole.last, group.last)
            ends = [end for end in (whole.ended, group.ended) if end is not None]
            whole.ended = max(ends) if ends else None
    return list(merged.values())


def find_unnamed(player: int, events: list[Event]) -> list[Told]:
    """Player-sessions of a player's events without a session id; a run that holds one with an id is known by that."""
    sessions: list[tuple[Told, bool]] = []
    runs: list[tuple[list[Event], bool]] = []
    previous: Event | None = None
    for event in events:
        goes_on = (
            previous is not None
            and not (previous.is_end and previous.match < 0)
            and event.at < previous.at + SILENCE_US
        )
        is_same_day = previous is not None and event.at // DAY_US == previous.at // DAY_US
        if goes_on and is_same_day:
            runs[-1][0].append(event)
        else:
            runs.append(([event], goes_on))
        previous = event
    for run, goes_on in runs:
        has_end = any(event.is_end for event in run)
        midnight = (run[0].at // DAY_US + 1) * DAY_US
        is_settled = has_end or run[-1].at + SILENCE_US <= midnight
        is_named = any(event.match >= 0 for event in run)
        if not (goes_on and is_settled):
            sessions.append((Told(player, -1, run[0].at, run[0].at, None), is_named))
        elif is_named:
            sessions[-1] = (sessions[-1][0], True)
        for event in run:
            sessions[-1][0].add(event.at, is_end=event.is_end)
    return [told for told, is_named in sessions if not is_named]


class Logged:
    """The lines of the session log, repeats included, as far as they say which events are part of them."""

    def __init__(self, sessions: Columns, reach_days: int) -> None:
        self._reach = reach_days
        self._by_player: defaultdict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
        starts = sessions["event_date_time"] - sessions["length_us"]
        for player, match, day, start, end in zip(
            sessions["player_id"].tolist(),
            sessions["session_id"].tolist(),
            sessions["day"].tolist(),
            starts.tolist(),
            sessions["event_date_time"].tolist(),
            strict=True,
        ):
            self._by_player[player].append((match, day, start, end))

    def has(self, told: Told) -> bool:
        """Whether the session log has what events tell of."""
        return any(
            (told.match < 0 or match == told.match)
            and abs(day - told.day) <= self._reach
            and told.first < end + SILENCE_US
            and start < told.last + SILENCE_US
            for match, day, start, end in self._by_player.get(told.player, ())
        )


def find_told(
    events: Columns, sessions: Columns, types: Mapping[str, int], session_us: int, reach_days: int
) -> Iterable[Told]:
    """Player-sessions that client events alone tell of."""
    logged = Logged(sessions, reach_days)
    for player, own in list_events(events, types["session_start"], types["session_end"]):
        by_match: defaultdict[int, list[Event]] = defaultdict(list)
        for event in own:
            by_match[event.match].append(event)
        found = [
            told
            for match, named in by_match.items()
            if match >= 0
            for told in find_named(player, match, named, session_us)
        ]
        if -1 in by_match:
            found += find_unnamed(player, own)
        yield from (told for told in found if not logged.has(told))
