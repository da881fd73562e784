"""The client events of an event day: everything that a player's game reports during a player-session.

The story is the one of the other logs: the day's matches and purchases are given, levels, ads and feature uses
are put inside them. What the events say is drawn elsewhere; how they are written to files is not in here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.ads import draw_ads
from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.features import draw_uses
from leap_assets.simulation.levels import OUTCOMES, Attempts, Wins, play_levels
from leap_assets.simulation.play import Play, PlayerSessions, list_player_sessions
from leap_assets.simulation.purchases import Payments
from leap_assets.simulation.streams import draw_uuids, open_stream

EVENT_TYPES = (
    "session_start",
    "session_end",
    "level_start",
    "level_complete",
    "level_fail",
    "purchase",
    "ad_watched",
    "achievement_unlocked",
    "feature_used",
)

_AGE_ACHIEVEMENTS = (("first_match", 0), ("one_week", 7), ("one_month", 30))
# Unlocked at the end of the first match on the day of exactly this age, so once a player without any history.
_LEVEL_ACHIEVEMENTS = (("level_5", 5), ("level_10", 10), ("level_25", 25), ("level_40", 40))
# Unlocked by completing the level; every level below the last is completed at most once.
ACHIEVEMENTS = tuple(name for name, _ in _AGE_ACHIEVEMENTS + _LEVEL_ACHIEVEMENTS)

_MS_US = 1000
_SECOND_US = 1_000_000

_LARGEST_PAUSE = 0.15
# Of an attempt's share of the time, before the level starts.
_SHORTEST_ATTEMPT = 0.5
# Of what the pause leaves.


@dataclass(frozen=True, eq=False)
class ClientEvents:
    """The client events of the player-sessions whose match starts on a day, by time; arrays of shape (n,).

    There are some 25 of them a player, so positions have four bytes as in `Coded`; what the log tells has eight.

    Attributes
    ----------
    type : position in ``EVENT_TYPES``
    session : position in the player-sessions of the day's ``Matches``
    at_us : microseconds since midnight of the day on which the match starts, whole milliseconds
    level, time_spent_s, score : of a level event, else 0
    is_success : of a completed level, else False
    attempt : number of the attempt that a level event belongs to, from 0 without gaps; -1 for none
    item, price : position in the catalogue (-1 for none) and hundredths of its currency's unit
    ad_type, network, revenue : positions in ``AD_TYPES`` and ``NETWORKS`` (-1 for none), millionths of a USD
    achievement, feature : positions in ``ACHIEVEMENTS`` and ``FEATURES``, -1 for none
    session_length_s : of a session_end, else 0
    raw_id : uuid bytes, shape (n, 16)
    """

    type: NDArray[np.int32]
    session: NDArray[np.int32]
    at_us: NDArray[np.int64]
    level: NDArray[np.int64]
    time_spent_s: NDArray[np.int64]
    is_success: NDArray[np.bool_]
    score: NDArray[np.int64]
    attempt: NDArray[np.int32]
    item: NDArray[np.int32]
    price: NDArray[np.int64]
    ad_type: NDArray[np.int32]
    network: NDArray[np.int32]
    revenue: NDArray[np.int64]
    achievement: NDArray[np.int32]
    feature: NDArray[np.int32]
    session_length_s: NDArray[np.int64]
    raw_id: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.type)


_NOWHERE, _ZERO = np.int32(-1), np.int64(0)
_ABSENT: dict[str, np.generic] = {
    "type": _NOWHERE,
    "session": _NOWHERE,
    "at_us": _ZERO,
    "level": _ZERO,
    "time_spent_s": _ZERO,
    "is_success": np.False_,
    "score": _ZERO,
    "attempt": _NOWHERE,
    "item": _NOWHERE,
    "price": _ZERO,
    "ad_type": _NOWHERE,
    "network": _NOWHERE,
    "revenue": _ZERO,
    "achievement": _NOWHERE,
    "feature": _NOWHERE,
    "session_length_s": _ZERO,
}
# What stands where a type has no such property; its type is that of the column.

_Part: TypeAlias = "dict[str, NDArray[Any]]"


def draw_client_events(
    config: WorldConfig, play: Play, purchases: Payments, wins_before: Iterable[Wins]
) -> ClientEvents:
    """Draw the client events of the player-sessions whose match starts on the day of ``play``.

    Parameters
    ----------
    config : WorldConfig
    play : Play
    purchases : Payments
        Made during the matches of the day.
    wins_before : iterable of Wins
        See `play_levels`.
    """
    rng = open_stream(config.seed, "client", play.day)
    sessions = list_player_sessions(play)
    levels = _play_levels(rng, sessions, play_levels(config, play, wins_before))
    # In this order where times are equal: inside a player-session, and behind what an event follows from.
    parts = [
        _make_part("session_start", sessions.row, sessions.start_us),
        levels,
        _make_part(
            "purchase", purchases.session, purchases.at_us, item=purchases.item, price=purchases.price
        ),
        _watch_ads(rng, config, play, sessions),
        _use_features(rng, config, play, sessions),
        *_unlock_by_level(levels),
        *_unlock_by_age(play, sessions),
        _make_part("session_end", sessions.row, sessions.end_us, session_length_s=sessions.length_s),
    ]
    return _join(rng, parts)


def _make_part(
    event_type: str, session: NDArray[np.int64], at_us: NDArray[np.int64], **properties: NDArray[Any]
) -> _Part:
    kind = np.full(len(session), EVENT_TYPES.index(event_type), dtype=np.int32)
    part: _Part = {"type": kind, "session": session, "at_us": at_us}
    return part | properties


def _play_levels(rng: np.random.Generator, sessions: PlayerSessions, attempts: Attempts) -> _Part:
    """Put each attempt into its share of the player-session: start and result beside each other."""
    count = len(attempts.session)
    pause_us = (rng.uniform(0.0, _LARGEST_PAUSE, size=count) * attempts.share_us).astype(np.int64)
    start_us = _floor_to_ms(attempts.begin_us + pause_us)
    longest_us = rng.uniform(_SHORTEST_ATTEMPT, 1.0, size=count) * (attempts.share_us - pause_us)
    spent_s = (longest_us / _SECOND_US).astype(np.int64)
    score = attempts.level * rng.integers(50, 150, size=count)

    is_complete = attempts.outcome == OUTCOMES.index("complete")
    is_told: NDArray[np.bool_] = _interleave(
        np.ones(count, dtype=bool), attempts.outcome != OUTCOMES.index("abandoned")
    )

    def tell(of_start: NDArray[Any], of_result: NDArray[Any]) -> NDArray[Any]:
        told: NDArray[Any] = _interleave(of_start, of_result)[is_told]
        return told

    start = np.full(count, EVENT_TYPES.index("level_start"), dtype=np.int32)
    result = np.where(is_complete, EVENT_TYPES.index("level_complete"), EVENT_TYPES.index("level_fail"))
    session = sessions.row[attempts.session].astype(np.int32)
    number = np.arange(count, dtype=np.int32)
    none = np.zeros(count, dtype=np.int64)
    return {
        "type": tell(start, result.astype(np.int32)),
        "session": tell(session, session),
        "at_us": tell(start_us, start_us + spent_s * _SECOND_US),
        "level": tell(attempts.level, attempts.level),
        "time_spent_s": tell(none, spent_s),
        "is_success": tell(np.zeros(count, dtype=bool), is_complete),
        # Whoever fails has got some of the way.
        "score": tell(none, np.where(is_complete, score, score // 3)),
        "attempt": tell(number, number),
    }


def _watch_ads(rng: np.random.Generator, config: WorldConfig, play: Play, sessions: PlayerSessions) -> _Part:
    ads = draw_ads(rng, config, sessions.length_s, play.players.spender[sessions.player] > 0)
    at_us = _draw_times(rng, sessions, ads.session)
    return _make_part(
        "ad_watched",
        sessions.row[ads.session],
        at_us,
        ad_type=ads.ad_type,
        network=ads.network,
        revenue=ads.revenue,
    )


def _use_features(
    rng: np.random.Generator, config: WorldConfig, play: Play, sessions: PlayerSessions
) -> _Part:
    session, feature = draw_uses(rng, config, play.players.fan[sessions.player], play.day)
    at_us = _draw_times(rng, sessions, session)
    return _make_part("feature_used", sessions.row[session], at_us, feature=feature)


def _unlock_by_level(levels: _Part) -> Iterable[_Part]:
    is_complete = levels["type"] == EVENT_TYPES.index("level_complete")
    for name, level in _LEVEL_ACHIEVEMENTS:
        rows = np.flatnonzero(is_complete & (levels["level"] == level))
        yield _unlock(name, levels["session"][rows], levels["at_us"][rows])


def _unlock_by_age(play: Play, sessions: PlayerSessions) -> Iterable[_Part]:
    age = play.day - play.players.day[sessions.player]
    for name, days in _AGE_ACHIEVEMENTS:
        rows = np.flatnonzero(sessions.is_first & (age == days))
        yield _unlock(name, sessions.row[rows], sessions.end_us[rows])


def _unlock(name: str, session: NDArray[np.int64], at_us: NDArray[np.int64]) -> _Part:
    achievement = np.full(len(session), ACHIEVEMENTS.index(name))
    return _make_part("achievement_unlocked", session, at_us, achievement=achievement)


def _draw_times(
    rng: np.random.Generator, sessions: PlayerSessions, session: NDArray[np.int64]
) -> NDArray[np.int64]:
    since_us = rng.random(len(session)) * sessions.length_s[session] * _SECOND_US
    return _floor_to_ms(sessions.start_us[session] + since_us.astype(np.int64))


def _floor_to_ms(at_us: NDArray[np.int64]) -> NDArray[np.int64]:
    return at_us // _MS_US * _MS_US


def _interleave(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    return np.stack([one, other], axis=1).ravel()


def _join(rng: np.random.Generator, parts: list[_Part]) -> ClientEvents:
    """Put events under each other and sort them by time, keeping the order of equal times; uses the parts up."""
    ends = np.cumsum([len(part["type"]) for part in parts])
    count = int(ends[-1])
    place = _find_places(np.concatenate([part["at_us"] for part in parts]))
    columns = {}
    for name, absent in _ABSENT.items():
        columns[name] = np.full(count, absent)
        for part, rows in zip(parts, np.split(place, ends[:-1]), strict=True):
            if name in part:
                columns[name][rows] = part.pop(name)
    return ClientEvents(**columns, raw_id=draw_uuids(rng, count))


def _find_places(at_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the position of each event when they are sorted by time, those of equal times in their order."""
    order = np.argsort(at_us, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place
