"""One day of play put together: sign-ons and matches, and what happens inside the matches.

`Play` is cheap and is all that purchases need; `Action` has every position and every kill and is most of a
day's cost. Log lines are not written here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.combat import draw_kills
from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.matches import Matches, pack_matches
from leap_assets.simulation.movement import Contacts, find_contacts, walk
from leap_assets.simulation.population import Players, Population
from leap_assets.simulation.sign_ons import (
    NOBODY,
    Overnight,
    SignOns,
    Wishes,
    draw_wishes,
    find_overnight,
    settle_sign_ons,
)
from leap_assets.simulation.streams import open_stream

_BLOCK_BEATS = 131_072
# Positions are made for whole matches in blocks of about this many beats: temporary arrays stay small (some
# 100 MB) whatever the population. Part of the definition of the world: streams are keyed by block.

_LARGEST_JITTER = 0.4
# Of a heartbeat; below a half, so that every logged time rounds to its own beat.

_NIGHTS_KEPT = 32
# More than the days in a row that a day looks back on (see levels, purchases and dirt).


@dataclass(frozen=True, eq=False)
class Play:
    """A day number, all players registered until then, their sign-ons and their matches."""

    day: int
    players: Players
    sign_ons: SignOns
    matches: Matches

    @cached_property
    def ids(self) -> NDArray[np.uint8]:
        """Ids of the players who signed on, in the order of the sign-ons: uuid bytes, shape (sign-ons, 16)."""
        return self.players.raw_id[self.sign_ons.player]


@dataclass(frozen=True, eq=False)
class PlayerSessions:
    """The player-sessions of a day by player and start; arrays of shape (player-sessions,).

    Attributes
    ----------
    row : position in the player-sessions of ``Matches``
    player : position in ``Players``, ascending
    start_us : microseconds since midnight of the day
    length_s : seconds
    is_first : whether it is the player's first of the day
    """

    row: NDArray[np.int64]
    player: NDArray[np.int64]
    start_us: NDArray[np.int64]
    length_s: NDArray[np.int64]
    is_first: NDArray[np.bool_]

    @property
    def end_us(self) -> NDArray[np.int64]:
        """Microseconds since midnight of the day, which may be after the next one."""
        return self.start_us + self.length_s * 1_000_000


@dataclass(frozen=True, eq=False)
class Action:
    """What happens in the matches of a day.

    Attributes
    ----------
    beats : ndarray of int64, shape (player-sessions,)
        Heartbeats of each player-session.
    kills, deaths : ndarray of int64, shape (player-sessions,)
    logged_us : ndarray of int64, shape (sum of beats,)
        Logged time of each heartbeat, clock jitter included, in microseconds since midnight of the day.
    position : tuple of three ndarray of float64, shape (sum of beats,)
        x, y and z, rounded to 0.01.
    contacts : Contacts
    """

    beats: NDArray[np.int64]
    kills: NDArray[np.int64]
    deaths: NDArray[np.int64]
    logged_us: NDArray[np.int64]
    position: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
    contacts: Contacts


class Playbook:
    """The play of any day, in any order.

    Parameters
    ----------
    config : WorldConfig
    population : Population

    Notes
    -----
    A day looks back on the evening before, on the wishes alone and so on no other day. Who may be in a match
    at midnight is remembered for some days, which never changes an answer.
    """

    def __init__(self, config: WorldConfig, population: Population) -> None:
        self._config = config
        self._population = population
        self._overnight: OrderedDict[int, Overnight] = OrderedDict()

    def day(self, day: int) -> Play:
        """Draw sign-ons and matches of a day number."""
        overnight = self._find_overnight(day - 1)
        players = self._population.until(day)
        wishes = draw_wishes(self._config, players, day)
        self._keep_overnight(day, wishes)
        sign_ons = settle_sign_ons(wishes, overnight)
        return Play(day, players, sign_ons, pack_matches(self._config, sign_ons, day))

    def _find_overnight(self, day: int) -> Overnight:
        if day < 0:
            return NOBODY
        if day not in self._overnight:
            self._keep_overnight(day, draw_wishes(self._config, self._population.until(day), day))
        return self._overnight[day]

    def _keep_overnight(self, day: int, wishes: Wishes) -> None:
        self._overnight[day] = find_overnight(self._config, wishes)
        self._overnight.move_to_end(day)
        while len(self._overnight) > _NIGHTS_KEPT:
            self._overnight.popitem(last=False)


def list_player_sessions(play: Play) -> PlayerSessions:
    """Put the player-sessions of a day into the order in which each player plays them."""
    matches = play.matches
    start_us = matches.start_s[matches.match] * 1_000_000
    row = np.lexsort((start_us, matches.signon))
    signon = matches.signon[row]
    return PlayerSessions(
        row=row,
        player=play.sign_ons.player[signon],
        start_us=start_us[row],
        length_s=matches.length_s[row],
        is_first=np.diff(signon, prepend=-1) != 0,
    )


def act_day(config: WorldConfig, play: Play) -> Action:
    """Draw positions, logged times, contacts and kills of a day's matches."""
    matches = play.matches
    count = len(matches.match)
    gait = play.players.gait[play.sign_ons.player[matches.signon]]
    beats = (matches.length_s / config.heartbeat_s).astype(np.int64) + 1
    first_row = np.append(0, np.cumsum(beats))
    rows = int(first_row[-1])
    logged_us = np.empty(rows, dtype=np.int64)
    position = (np.empty(rows), np.empty(rows), np.empty(rows))
    kills, deaths = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    contacts: list[Contacts] = []
    for block, part in enumerate(_split_into_blocks(matches.match, first_row)):
        out = slice(first_row[part.start], first_row[part.stop])
        match, team = matches.match[part], matches.team[part]
        rng = open_stream(config.seed, "movement", play.day, block)
        place = walk(rng, config, match, team, gait[part], beats[part])
        for axis, coordinates in zip(position, place, strict=True):
            axis[out] = coordinates
        met = find_contacts(match, team, beats[part], place, config.encounter_distance)
        rng = open_stream(config.seed, "combat", play.day, block)
        kills[part], deaths[part] = draw_kills(rng, met, part.stop - part.start, config.kill_probability)
        contacts.append(Contacts(met.first + part.start, met.second + part.start, met.beat, met.distance))
        rng = open_stream(config.seed, "clock", play.day, block)
        logged_us[out] = _log_times(rng, config, matches.start_s[match], beats[part])
    return Action(beats, kills, deaths, logged_us, position, _join_contacts(contacts))


def _split_into_blocks(match: NDArray[np.int64], first_row: NDArray[np.int64]) -> Iterator[slice]:
    """Cut player-sessions, sorted by match, into runs of whole matches of about ``_BLOCK_BEATS`` beats."""
    if not len(match):
        return
    match_begins = np.flatnonzero(np.diff(match, prepend=-1))
    block = first_row[match_begins] // _BLOCK_BEATS
    begins = match_begins[np.flatnonzero(np.diff(block, prepend=-1))].tolist()
    for begin, end in zip(begins, [*begins[1:], len(match)], strict=True):
        yield slice(begin, end)


def _log_times(
    rng: np.random.Generator, config: WorldConfig, start_s: NDArray[np.int64], beats: NDArray[np.int64]
) -> NDArray[np.int64]:
    count = int(beats.sum())
    beat = np.arange(count) - np.repeat(np.cumsum(beats) - beats, beats)
    jitter_s = np.clip(
        config.clock_jitter_s * rng.standard_normal(count),
        -_LARGEST_JITTER * config.heartbeat_s,
        _LARGEST_JITTER * config.heartbeat_s,
    )
    # Not before the match start: a match belongs to the day of its earliest line.
    since_start_us = np.maximum(np.rint((beat * config.heartbeat_s + jitter_s) * 1e6).astype(np.int64), 0)
    return np.repeat(start_s * 1_000_000, beats) + since_start_us


def _join_contacts(parts: list[Contacts]) -> Contacts:
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Contacts(none, none, none, np.empty(0))
    return Contacts(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.beat for part in parts]),
        np.concatenate([part.distance for part in parts]),
    )
