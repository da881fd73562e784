"""Who signs on on a day, when, and which player-sessions they ask for.

The requests of a player are spaced so that no two matches overlap, whatever the matchmaker does within its
longest wait; packing requests into matches is not done here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.population import (
    COUNTRIES,
    LAST_SIGN_ON_US,
    Players,
    draw_day_time,
    sign_on_chance,
)
from leap_assets.simulation.streams import open_stream

_SECONDS_A_DAY = 86_400


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


def draw_sign_ons(config: WorldConfig, players: Players, day: int) -> SignOns:
    """Draw the sign-ons and requests of a day number; ``players`` are all registered until then."""
    rng = open_stream(config.seed, "sign-ons", day)
    is_new = players.day == day
    in_mood = rng.random(len(players)) < sign_on_chance(config, players, day)
    player = np.flatnonzero(is_new | (in_mood & (players.last_day >= day)))
    is_new = is_new[player]
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
    signon, request_s, length_s = _draw_requests(config, rng, at_us, wanted)
    return SignOns(player, at_us, country, signon, request_s, length_s)


def _draw_requests(
    config: WorldConfig, rng: np.random.Generator, at_us: NDArray[np.int64], wanted: NDArray[np.int64]
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
    # The lobby takes some seconds; rounding up keeps the request behind the sign-on.
    lobby_s = rng.integers(5, 180, size=len(wanted))
    request_s = (-(-at_us // 1_000_000) + lobby_s)[signon] + before_s
    # What would be asked for after midnight is not asked for: the next day has requests of its own.
    is_today = request_s < _SECONDS_A_DAY
    return signon[is_today], request_s[is_today], length_s[is_today]
