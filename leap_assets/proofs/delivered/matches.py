"""Who was where and who met whom: centroids, conflicts and contacts of the matches of some days, match by match.

Every pair of opponents is looked at in every beat. Positions are those of `lines.py`; times are microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_assets.proofs.delivered.lines import Columns, Numbering
from leap_assets.proofs.frames import Floats, Frame, objects
from leap_assets.proofs.known import Given, Ints

MICRO = 1_000_000
ROWS_AT_ONCE = 512
# of a crowd, compared with all others of a beat at a time


@dataclass(frozen=True)
class Rule:
    """What is close, and when it ends: at most `distance` apart, and no pause of more than `cooldown` beats."""

    distance: float
    beat_us: int
    cooldown: int

    @classmethod
    def of(cls, given: Given) -> Rule:
        """The rule of the settings."""
        return cls(given.distance, given.beat_us, given.cooldown_us // given.beat_us)


@dataclass
class Found:
    """Rows of the tables on matches.

    Attributes
    ----------
    matches : dict from (match, day) to whether a counted player was in it
    centroids, conflicts, contacts : list of tuple
        In the order of `CENTROID`, `CONFLICT` and `CONTACT`.
    """

    matches: dict[tuple[int, int], bool] = field(default_factory=dict)
    centroids: list[tuple[Any, ...]] = field(default_factory=list)
    conflicts: list[tuple[Any, ...]] = field(default_factory=list)
    contacts: list[tuple[Any, ...]] = field(default_factory=list)


CENTROID = (
    "session_id",
    "event_date",
    "team_id",
    "beat",
    "centroid_x",
    "centroid_y",
    "centroid_z",
    "players_present",
    "spread",
)
_PAIR = ("session", "day", "one", "two", "number", "start", "end", "beats")
CONFLICT = (*_PAIR, "centroid_distance", "player_distance")
CONTACT = (*_PAIR, "distance")
_TEXTS = frozenset(("session_id", "team_id", "session", "one", "two"))
_REALS = frozenset(
    ("centroid_x", "centroid_y", "centroid_z", "spread", "centroid_distance", "player_distance", "distance")
)


def as_columns(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> Frame:
    """Rows as columns."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {
        name: objects(column)
        if name in _TEXTS
        else np.array(column, dtype=float if name in _REALS else np.int64)
        for name, column in zip(names, columns, strict=True)
    }


def find_matches(
    sessions: Columns, heartbeats: Columns, numbering: Numbering, internal: npt.NDArray[np.bool_], rule: Rule
) -> Found:
    """Look at every match of some days.

    Parameters
    ----------
    sessions, heartbeats : Columns
        Lines that count, of the matches wanted; `match_day` is the day of their match.
    numbering : Numbering
    internal : ndarray of bool
        By number of the player.
    rule : Rule
    """
    found = Found()
    starts: dict[tuple[int, int], int] = {}
    is_counted: defaultdict[tuple[int, int], bool] = defaultdict(bool)
    begun = sessions["event_date_time"] - sessions["length_us"]
    for match, day, start, player in zip(
        *(sessions[name].tolist() for name in ("session_id", "match_day")),
        begun.tolist(),
        sessions["player_id"].tolist(),
        strict=True,
    ):
        place = (match, day)
        starts[place] = min(start, starts.get(place, start))
        is_counted[place] |= not internal[player]
    players, matches, words = (
        numbering.names.players.texts,
        numbering.matches.texts,
        numbering.names.words.texts,
    )
    order = np.lexsort((heartbeats["event_date_time"], heartbeats["match_day"], heartbeats["session_id"]))
    columns = {name: column[order] for name, column in heartbeats.items()}
    for match, day, rows in _runs(columns["session_id"], columns["match_day"]):
        place = (match, day)
        own = {name: column[rows] for name, column in columns.items()}
        is_counted[place] |= bool((~internal[own["player_id"]]).any())
        at = own["event_date_time"]
        start = starts.get(place, int(at[0]))
        beat = (2 * (at - start) + rule.beat_us) // (2 * rule.beat_us)
        arena = Arena.of(own, beat, players, words)
        named = (str(matches[match]), day)
        found.centroids += ((*named, *row) for row in arena.centroids())
        conflicts, contacts = arena.meet(rule)
        for rows_found, islands in ((found.conflicts, conflicts), (found.contacts, contacts)):
            for one, two, number, first, last, beats, *distances in islands:
                times = (start + first * rule.beat_us, start + (last + 1) * rule.beat_us)
                rows_found.append((*named, one, two, number, *times, beats, *distances))
    found.matches = dict(is_counted)
    return found


def _runs(match: Ints, day: Ints) -> Iterator[tuple[int, int, slice]]:
    """Match, day and rows of each run of one match and day."""
    if not len(match):
        return
    begins = np.flatnonzero(
        (np.diff(match, prepend=match[0] - 1) != 0) | (np.diff(day, prepend=day[0] - 1) != 0)
    ).tolist()
    for begin, end in zip(begins, [*begins[1:], len(match)], strict=True):
        yield int(match[begin]), int(day[begin]), slice(begin, end)


@dataclass
class Arena:
    """The last position of each player in each beat of a match, beat after beat.

    Numbers of players and teams are in the order of their texts.
    """

    players: list[str]
    teams: list[str]
    beat: Ints
    player: Ints
    team: Ints
    position: Floats

    @classmethod
    def of(
        cls, own: Columns, beat: Ints, players: npt.NDArray[np.object_], words: npt.NDArray[np.object_]
    ) -> Arena:
        """The arena of a match's heartbeats, which come by time."""
        texts = [
            name_team(None if team < 0 else str(words[team]), str(players[player]))
            for team, player in zip(own["team_id"].tolist(), own["player_id"].tolist(), strict=True)
        ]
        teams = sorted(set(texts))
        team_number = {text: number for number, text in enumerate(teams)}
        team = np.array([team_number[text] for text in texts], dtype=np.int64)
        distinct = sorted(np.unique(own["player_id"]).tolist(), key=lambda number: str(players[number]))
        player_number = {number: place for place, number in enumerate(distinct)}
        player = np.array([player_number[number] for number in own["player_id"].tolist()], dtype=np.int64)
        position = np.stack([own[f"position_{axis}"] for axis in "xyz"], axis=1)
        # a game on a plane has no z
        position[:, 2] = np.where(np.isnan(position[:, 2]), 0.0, position[:, 2])
        # the last one of a player and beat: they come by time
        order = np.lexsort((np.arange(len(beat)), player, beat))
        beat, player = beat[order], player[order]
        is_last = np.ones(len(beat), dtype=bool)
        is_last[:-1] = (beat[1:] != beat[:-1]) | (player[1:] != player[:-1])
        order = order[is_last]
        return cls(
            [str(players[number]) for number in distinct],
            teams,
            beat[is_last],
            player[is_last],
            team[order],
            position[order],
        )

    def _groups(self) -> tuple[Ints, Ints, Ints]:
        """Group of each row (one per beat and team), and beat and team of each group."""
        pairs, which = np.unique(np.stack([self.beat, self.team], axis=1), axis=0, return_inverse=True)
        return which.reshape(-1), pairs[:, 0], pairs[:, 1]

    def _means(self) -> tuple[Ints, Ints, Ints, Floats, Ints]:
        group, beat, team = self._groups()
        present = np.bincount(group, minlength=len(beat))
        whole = np.rint(self.position * MICRO)
        # halves away from zero, where rint takes the even one
        half = np.abs(self.position * MICRO - np.trunc(self.position * MICRO)) == 0.5
        whole[half] = (np.trunc(self.position * MICRO) + np.sign(self.position))[half]
        total = np.zeros((len(beat), 3), dtype=np.int64)
        if len(beat) and float(np.abs(whole).max()) * float(present.max()) >= 2.0**62:
            # whole millionths of such positions are too large for 64 bits
            total = total.astype(object)
            np.add.at(total, group, np.vectorize(int, otypes=[object])(whole))
        else:
            np.add.at(total, group, whole.astype(np.int64))
        mean: Floats = total.astype(float) / (present * MICRO)[:, np.newaxis]
        return group, beat, team, mean, present

    def centroids(self) -> Iterator[tuple[Any, ...]]:
        """Team, beat, centroid, players present and spread."""
        group, beat, team, mean, present = self._means()
        gap = self.position - mean[group]
        away = np.sqrt(gap[:, 0] ** 2 + gap[:, 1] ** 2 + gap[:, 2] ** 2)
        spread = np.zeros(len(beat))
        np.maximum.at(spread, group, away)
        for one, number, place, count, far in zip(
            team.tolist(), beat.tolist(), mean.tolist(), present.tolist(), spread.tolist(), strict=True
        ):
            yield self.teams[one], number, *place, count, far

    def meet(self, rule: Rule) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Islands of close beats of two teams, and of two opponents: names, number, beats and least distances."""
        _, group_beat, group_team, mean, _ = self._means()
        close_teams: defaultdict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
        for one, two, beat, apart in _close(group_beat, group_team, group_team, mean, rule.distance):
            close_teams[one, two].append((beat, apart))
        close_players: defaultdict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
        for one, two, beat, apart in _close(self.beat, self.player, self.team, self.position, rule.distance):
            close_players[one, two].append((beat, apart))
        conflicts = [
            (*self._named(self.teams, pair), *island, self._nearest(pair, beats))
            for pair, beats_of in close_teams.items()
            for island, beats in _islands(beats_of, rule.cooldown)
        ]
        contacts = [
            (*self._named(self.players, pair), *island)
            for pair, beats_of in close_players.items()
            for island, _ in _islands(beats_of, rule.cooldown)
        ]
        return conflicts, contacts

    def _named(self, names: list[str], pair: tuple[int, int]) -> tuple[str, str]:
        return names[pair[0]], names[pair[1]]

    def _nearest(self, pair: tuple[int, int], beats: list[int]) -> float:
        """The least distance of two players, one of each team, in some beats."""
        least = np.inf
        for beat in beats:
            begin, end = np.searchsorted(self.beat, [beat, beat + 1])
            team, place = self.team[begin:end], self.position[begin:end]
            one, two = place[team == pair[0]], place[team == pair[1]]
            for first in range(0, len(one), ROWS_AT_ONCE):
                least = min(least, float(_distances(one[first : first + ROWS_AT_ONCE], two).min()))
        return least


def name_team(team: str | None, player: str) -> str:
    """The id of a team; a player of none is alone, in a team that no game can name."""
    if team is None:
        return f"player:{player}"
    return f"team:{team}" if team.startswith(("player:", "team:")) else team


def _distances(one: Floats, two: Floats) -> Floats:
    gap = one[:, np.newaxis] - two[np.newaxis]
    apart: Floats = np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2 + gap[..., 2] ** 2)
    return apart


def _close(
    beat: Ints, member: Ints, team: Ints, position: Floats, distance: float
) -> Iterator[tuple[int, int, int, float]]:
    """Members of different teams that are close in a beat: the smaller number first, beats in order."""
    begins = np.flatnonzero(np.diff(beat, prepend=beat[0] - 1)).tolist() if len(beat) else []
    for begin, end in zip(begins, [*begins[1:], len(beat)], strict=True):
        if end - begin < 2:
            continue
        own_member, own_team, place = member[begin:end], team[begin:end], position[begin:end]
        for first in range(0, end - begin, ROWS_AT_ONCE):
            last = first + ROWS_AT_ONCE
            apart = _distances(place[first:last], place)
            near = (apart <= distance) & (own_team[first:last, np.newaxis] != own_team)
            near &= own_member[first:last, np.newaxis] < own_member
            for row, other in zip(*np.nonzero(near), strict=True):
                yield (
                    int(own_member[first + row]),
                    int(own_member[other]),
                    int(beat[begin]),
                    float(apart[row, other]),
                )


def _islands(
    beats: list[tuple[int, float]], cooldown: int
) -> Iterator[tuple[tuple[int, int, int, int, float], list[int]]]:
    """Number, first and last beat, beats and least distance of each island, with its beats."""
    island: list[tuple[int, float]] = []
    number = 0
    for one in [*beats, None]:
        if island and (one is None or one[0] - island[-1][0] > cooldown):
            number += 1
            own = [beat for beat, _ in island]
            yield (number, own[0], own[-1], len(own), min(apart for _, apart in island)), own
            island = []
        if one is not None:
            island.append(one)
