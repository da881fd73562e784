"""Levels: which ones a player attempts in the player-sessions of a day, and how each attempt ends.

How far a player can be is a closed form of skill and age (`ready_level`); how far a player is lags behind by
what there was no time to play, which is replayed over two weeks and no further. When attempts are logged is
decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.play import Play, list_player_sessions
from leap_assets.simulation.population import DAY_US
from leap_assets.simulation.streams import open_stream

LAST_LEVEL = 50
# It can be played again and again: nobody gets beyond it.

LOOK_BACK_DAYS = 14
# Every habit signs on within two weeks but for one time in thousands, so older lags hardly ever matter.

OUTCOMES = ("complete", "fail", "abandoned")

_WINNABLE_SHARE = 0.85
# Of the attempts that are brought to an end: even the best player slips on the easiest level.
_LAST_LEVEL_SUCCESS = 0.05
# Chance to win a winnable attempt at the last level: harder than the levels before it, of which a tenth is won.
_LONGER_A_LEVEL = 0.01
# An attempt at level n takes 1 + 0.01 n times as long as `attempt_s` says: little, since fewer attempts for the
# same progress would mean more success.


@dataclass(frozen=True, eq=False)
class Wins:
    """Attempts of a day that could be won; players are in ascending order.

    Attributes
    ----------
    player : ndarray of int64, shape (n,)
        Position in ``Players``.
    count : ndarray of int64, shape (n,)
    """

    player: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Attempts:
    """The level attempts of a day by player and time; arrays of shape (attempts,).

    Attributes
    ----------
    session : position in the day's ``PlayerSessions``, ascending
    begin_us, share_us : microseconds since midnight, and how many the attempt has, the pause before it included
    level : from 1 to ``LAST_LEVEL``
    outcome : position in ``OUTCOMES``
    """

    session: NDArray[np.int64]
    begin_us: NDArray[np.int64]
    share_us: NDArray[np.int64]
    level: NDArray[np.int64]
    outcome: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Tries:
    session: NDArray[np.int64]
    player: NDArray[np.int64]
    begin_us: NDArray[np.int64]
    share_us: NDArray[np.int64]
    is_abandoned: NDArray[np.bool_]
    is_winnable: NDArray[np.bool_]


def ready_level(skill: NDArray[np.float64], age: NDArray[np.int64]) -> NDArray[np.int64]:
    """Highest level a player can have reached at the end of the day of an age in days; 1 before registration.

    Notes
    -----
    1 + skill * sqrt(age + 1): it grows ever more slowly while the player plays on, which is what makes
    success fall with the level; a better player needs fewer attempts for the same levels.
    """
    levels = 1 + (skill * np.sqrt(np.maximum(age + 1, 0))).astype(np.int64)
    return np.minimum(levels, LAST_LEVEL)


def count_wins(config: WorldConfig, play: Play) -> Wins:
    """Count each player's attempts of a day that could be won; needs no other day."""
    tries = _draw_tries(open_stream(config.seed, "levels", play.day), config, play)
    return Wins(*np.unique(tries.player[tries.is_winnable], return_counts=True))


def play_levels(config: WorldConfig, play: Play, wins_before: Iterable[Wins]) -> Attempts:
    """Play the levels of a day.

    Parameters
    ----------
    config : WorldConfig
    play : Play
    wins_before : iterable of Wins
        Of the ``LOOK_BACK_DAYS - 1`` days before, oldest first; fewer only where the world has no more.

    Notes
    -----
    Let r(t) be the ready level and e(t) the level at the end of day t. A day moves a player to
    e(t) = min(r(t), e(t-1) + wins(t)), and e(day - 14) = r(day - 14) is taken for granted. As e never exceeds
    r, taking it for granted can only lift: no level ever falls. All levels in between are played, except by a
    player who has lagged behind for all of the two weeks (mostly by being away) and is moved up.
    """
    rng = open_stream(config.seed, "levels", play.day)
    tries = _draw_tries(rng, config, play)
    player, begin, own = np.unique(tries.player, return_index=True, return_inverse=True)
    winnable = np.bincount(own[tries.is_winnable], minlength=len(player))
    first = _find_first_levels(play, player, list(wins_before))
    gained = np.minimum(_ready_on(play, player, play.day), first + winnable) - first

    is_won = _choose_wins(rng, own, begin, tries.is_winnable, gained)
    won_before: NDArray[np.int64] = np.cumsum(is_won) - is_won
    level = first[own] + won_before - won_before[begin[own]]
    is_lucky = rng.random(len(level)) < _LAST_LEVEL_SUCCESS
    is_won |= (level == LAST_LEVEL) & is_lucky & tries.is_winnable
    ended = np.where(is_won, OUTCOMES.index("complete"), OUTCOMES.index("fail"))
    outcome = np.where(tries.is_abandoned, OUTCOMES.index("abandoned"), ended)
    return Attempts(tries.session, tries.begin_us, tries.share_us, level, outcome)


def _ready_on(play: Play, player: NDArray[np.int64], day: int) -> NDArray[np.int64]:
    return ready_level(play.players.skill[player], day - play.players.day[player])


def _find_first_levels(play: Play, player: NDArray[np.int64], wins_before: list[Wins]) -> NDArray[np.int64]:
    """Give the level with which each of the players begins the day."""
    level = _ready_on(play, player, play.day - LOOK_BACK_DAYS)
    for day, wins in enumerate(wins_before, start=play.day - len(wins_before)):
        won = np.zeros(len(play.players), dtype=np.int64)
        won[wins.player] = wins.count
        level = np.minimum(_ready_on(play, player, day), level + won[player])
    return level


def _draw_tries(rng: np.random.Generator, config: WorldConfig, play: Play) -> _Tries:
    sessions = list_player_sessions(play)
    # Up to midnight, so that the level at the end of the day is what its attempts have led to.
    time_us = np.minimum(sessions.end_us, DAY_US) - sessions.start_us
    ready = _ready_on(play, sessions.player, play.day)
    mean_us = config.attempt_s * (1.0 + _LONGER_A_LEVEL * ready) * 1_000_000
    tries = (time_us / mean_us + rng.random(len(time_us))).astype(np.int64)

    session = np.repeat(np.arange(len(tries)), tries)
    number = np.arange(len(session)) - np.repeat(np.cumsum(tries) - tries, tries)
    share_us = time_us[session] // tries[session]
    # Only the end of the time cuts an attempt off.
    is_last = number == tries[session] - 1
    is_abandoned = is_last & (rng.random(len(session)) < config.abandon_share)
    is_winnable = (rng.random(len(session)) < _WINNABLE_SHARE) & ~is_abandoned
    begin_us = sessions.start_us[session] + number * share_us
    return _Tries(session, sessions.player[session], begin_us, share_us, is_abandoned, is_winnable)


def _choose_wins(
    rng: np.random.Generator,
    own: NDArray[np.int64],
    begin: NDArray[np.int64],
    is_winnable: NDArray[np.bool_],
    gained: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Choose as many winnable attempts of each player as levels are gained, early ones more likely.

    Parameters
    ----------
    rng : Generator
    own : ndarray of int64, shape (attempts,)
        Player of each attempt, counted from 0, ascending.
    begin, gained : ndarray of int64, shape (players,)
        First attempt of each player, and levels gained.
    is_winnable : ndarray of bool, shape (attempts,)
    """
    position = np.arange(len(own)) - begin[own]
    # What can be won today is won rather early; the rest is spent at the level that is too hard.
    key = rng.random(len(own)) * (1 + position) ** 2
    winnable = np.flatnonzero(is_winnable)
    order = winnable[np.lexsort((key[winnable], own[winnable]))]
    sorted_own = own[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_own, sorted_own)
    is_won = np.zeros(len(own), dtype=bool)
    is_won[order[rank < gained[sorted_own]]] = True
    return is_won
