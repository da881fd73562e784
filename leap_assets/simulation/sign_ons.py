"""Who signs on on a day, when, and which player-sessions they ask for.

The requests of a player are spaced so that no two matches overlap, over midnight neither, whatever the
matchmaker does within its longest wait; packing requests into matches is not done here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.population import (
    COUNTRIES,
    DAY_US,
    LAST_SIGN_ON_US,
    Players,
    draw_day_time,
    sign_on_chance,
)
from leap_assets.simulation.streams import open_stream

_SECOND_US = 1_000_000
_SECONDS_A_DAY = DAY_US // _SECOND_US


@dataclass(frozen=True, eq=False)
class SignOns:
    """The sign-ons of a day, one a player, and the player-sessions asked for.

    Attributes
    ----------
    player : ndarray of int64, shape (n,)
        Ascending positions in the day's ``Players``.
    at_us : ndarray of int64, shape (n,)
        Microseconds since midnight UTC.
    country : ndarray of int8, shape (n,)
        Where the player is today.
    signon : ndarray of int64, shape (m,)
        Sign-on (position in the arrays above) that a request belongs to, ascending.
    request_s, length_s : ndarray of int64, shape (m,)
        Second of the day of the request, and wanted length in seconds.
    """

    player: NDArray[np.int64]
    at_us: NDArray[np.int64]
    country: NDArray[np.int8]
    signon: NDArray[np.int64]
    request_s: NDArray[np.int64]
    length_s: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Wishes:
    """The sign-ons of a day as they would be if no match of the evening before went on over midnight.

    Attributes
    ----------
    player, at_us, country : ndarrays of shape (n,)
        As in ``SignOns``.
    signon, length_s : ndarray of int64, shape (m,)
        As in ``SignOns``, with what would be asked for after midnight.
    after_s : ndarray of int64, shape (m,)
        Seconds from the sign-on, rounded up to a whole second, to the request.
    """

    player: NDArray[np.int64]
    at_us: NDArray[np.int64]
    country: NDArray[np.int8]
    signon: NDArray[np.int64]
    after_s: NDArray[np.int64]
    length_s: NDArray[np.int64]

    def request_s(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the second of the day of each request if the players signed on at ``at_us``, shape (m,)."""
        # Rounding up keeps the request behind the sign-on.
        whole_s: NDArray[np.int64] = -(-at_us // _SECOND_US)
        return whole_s[self.signon] + self.after_s


@dataclass(frozen=True, eq=False)
class Overnight:
    """Players who may still be in a match when a day ends; players are in ascending order.

    Attributes
    ----------
    player : ndarray of int64, shape (n,)
        Position in ``Players``.
    until_s : ndarray of int64, shape (n,)
        Second of the next day at which even the latest of these matches is over.
    """

    player: NDArray[np.int64]
    until_s: NDArray[np.int64]


NOBODY = Overnight(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
# The evening before the first day.


def draw_wishes(config: WorldConfig, players: Players, day: int) -> Wishes:
    """Draw the sign-ons and requests of a day number; ``players`` are all registered until then."""
    rng = open_stream(config.seed, "sign-ons", day)
    mood = rng.random(len(players))
    # Most of an old world's players have left: all that is looked at of them is that.
    player = np.flatnonzero((players.last_day >= day) | (players.day == day))
    is_new = players.day[player] == day
    comes = is_new | (mood[player] < sign_on_chance(config, players, day, player))
    player, is_new = player[comes], is_new[comes]
    count = len(player)

    at_us = draw_day_time(rng, players.country[player], LAST_SIGN_ON_US)
    # A new player signs on within two minutes of registering.
    after_us = players.registered_us[player] + rng.integers(5_000, 120_000, size=count) * 1000
    at_us = np.where(is_new, after_us, at_us)

    is_travelling = rng.random(count) < config.travel_share
    abroad = rng.integers(0, len(COUNTRIES), size=count, dtype=np.int8)
    country = np.where(is_travelling, abroad, players.country[player])

    is_idle = (rng.random(count) < config.idle_signon_share) & ~is_new
    wanted = 1 + rng.poisson(config.extra_sessions_mean, size=count)
    wanted = np.where(is_idle, 0, np.minimum(wanted, config.max_sessions))
    signon, after_s, length_s = _draw_requests(config, rng, wanted)
    return Wishes(player, at_us, country, signon, after_s, length_s)


def find_overnight(config: WorldConfig, wishes: Wishes) -> Overnight:
    """Find who may still be in a match at the end of the day of ``wishes``, and until when at most.

    Notes
    -----
    The day's sign-ons may have been delayed by the evening before them, which is not looked at: that would
    need the evening before that one, and so on. No match starts after midnight, so none ends more than
    ``session_max_s`` after it, and no sign-on is delayed beyond that second of the day. Taking every sign-on
    before it to be delayed until then gives a latest end that holds whatever happened before. It is too late
    only for those few who sign on right after midnight and play on until the next.
    """
    # A delay can take a request off the day, never add one.
    is_asked = wishes.request_s(wishes.at_us) < _SECONDS_A_DAY
    latest_us = np.maximum(wishes.at_us, config.session_max_s * _SECOND_US)
    latest_start_s = np.minimum(wishes.request_s(latest_us) + config.max_wait_s, _SECONDS_A_DAY - 1)
    until_s = latest_start_s + wishes.length_s - _SECONDS_A_DAY
    late = np.flatnonzero(is_asked & (until_s > 0))
    signon, first = np.unique(wishes.signon[late], return_index=True)
    return Overnight(wishes.player[signon], np.maximum.reduceat(until_s[late], first))


def settle_sign_ons(wishes: Wishes, overnight: Overnight) -> SignOns:
    """Let the sign-ons of a day wait until the matches of the evening before are over.

    Requests keep their distance from the sign-on, and so from each other.
    """
    at_us = wishes.at_us.copy()
    _, row, busy = np.intersect1d(wishes.player, overnight.player, assume_unique=True, return_indices=True)
    # Its own fraction of a second makes a delayed sign-on look like any other.
    free_us = overnight.until_s[busy] * _SECOND_US + at_us[row] % _SECOND_US
    at_us[row] = np.maximum(at_us[row], free_us)
    request_s = wishes.request_s(at_us)
    # What would be asked for after midnight is not asked for: the next day has requests of its own.
    is_today = request_s < _SECONDS_A_DAY
    return SignOns(
        wishes.player,
        at_us,
        wishes.country,
        wishes.signon[is_today],
        request_s[is_today],
        wishes.length_s[is_today],
    )


def _draw_requests(
    config: WorldConfig, rng: np.random.Generator, wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    signon = np.repeat(np.arange(len(wanted)), wanted)
    size = len(signon)
    length = np.exp(np.log(config.session_median_s) + config.session_sigma * rng.standard_normal(size))
    length_s = np.clip(np.rint(length), config.session_min_s, config.session_max_s).astype(np.int64)
    pause_s = np.ceil(rng.exponential(config.session_break_mean_s, size=size)).astype(np.int64)

    # A match starts at most max_wait_s after the request, so this is the soonest that the next request is
    # safe: the player has left the one match before asking for another, and cannot be packed into one
    # match twice.
    taken_s = config.max_wait_s + length_s + pause_s + 1
    before_s = np.cumsum(taken_s) - taken_s
    first = np.cumsum(wanted) - wanted
    before_s -= np.repeat(before_s[first[wanted > 0]], wanted[wanted > 0])
    # The lobby takes some seconds.
    lobby_s = rng.integers(5, 180, size=len(wanted))
    return signon, lobby_s[signon] + before_s, length_s
