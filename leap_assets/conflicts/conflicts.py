"""Conflicts: for how long which two teams were close to each other.

The public function, its result, and the distance of the two teams' nearest players. Centroids are given: how
they are made of fixes is the caller's, as are texts, clock times and the length of a beat.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leap_assets.conflicts._islands import Islands, close_beats, join_all
from leap_assets.conflicts._keys import IntArray, pack_keys, run_starts
from leap_assets.conflicts._pairs import CHUNK_PAIRS, distances_between, find_close_pairs
from leap_assets.conflicts._points import FloatArray, Points, read_cooldown, read_distance, read_points
from leap_assets.conflicts._ranges import expand_ranges


@dataclass(frozen=True, eq=False)
class Conflicts:
    """One row per conflict, sorted by session, team_1, team_2 and conflict_number.

    Attributes
    ----------
    session : (n,) int64 array
    team_1, team_2 : (n,) int64 arrays
        `team_1 < team_2`.
    conflict_number : (n,) int64 array
        From 1 per session and pair, in time order.
    first_beat, last_beat : (n,) int64 arrays
        The first and the last close beat, both inclusive.
    close_beats : (n,) int64 array
        Beats in which the centroids were close; those of the pauses within the cooldown do not count.
    min_centroid_distance : (n,) float64 array
        In the unit of the positions.
    min_player_distance : (n,) float64 array
        Smallest distance of two players, one of each team, over the close beats. NaN if no close beat has
        such two.
    """

    session: IntArray
    team_1: IntArray
    team_2: IntArray
    conflict_number: IntArray
    first_beat: IntArray
    last_beat: IntArray
    close_beats: IntArray
    min_centroid_distance: FloatArray
    min_player_distance: FloatArray


def detect_conflicts(
    *,
    session: ArrayLike,
    team: ArrayLike,
    beat: ArrayLike,
    centroid: ArrayLike,
    player_session: ArrayLike,
    player_team: ArrayLike,
    player_beat: ArrayLike,
    player: ArrayLike,
    position: ArrayLike,
    distance: float,
    cooldown_beats: float,
) -> Conflicts:
    """Find the conflicts of teams: islands of beats in which two teams' centroids are close.

    Parameters
    ----------
    session, team, beat : (n,) integers
        One row per session, team and beat, in any order. Beats may be negative, within +-2**52.
    centroid : (n, 3) real numbers
        A row with a NaN or infinite coordinate is ignored: the team is nowhere in that beat.
    player_session, player_team, player_beat, player : (m,) integers
        One row per session, player and beat, in any order: the player's last fix of the beat. The codes of
        sessions and teams are those of the centroids; rows of a team and beat without a centroid are ignored.
    position : (m, 3) real numbers
        Rows with a NaN or infinite coordinate are ignored.
    distance : float
        Largest distance of two centroids that is close, in the unit of the positions. At 0 only identical
        ones are.
    cooldown_beats : float
        A conflict ends when the next close beat is more than this many beats after the previous one; equal
        joins them. May be fractional. Below 1 every close beat is a conflict of its own.

    Returns
    -------
    Conflicts
        Empty for empty input and for one team.

    Raises
    ------
    ValueError
        If shapes or dtypes are not as above, `distance` is negative or not finite, `cooldown_beats` is
        negative or NaN, or a session, team and beat, or a session, player and beat, has two rows (also if one
        of them would be ignored). The message names the argument.

    Notes
    -----
    Time: sorting, the pairs of teams in a session's beat (near pairs alone for more than 512 teams), and for
    each pair of close teams the product of their players in that beat. Memory: linear in the rows and in the
    conflicts found, plus up to 4 million close pairs at a time; see `detect_contacts` for crowds.
    """
    distance = read_distance(distance)
    cooldown_beats = read_cooldown(cooldown_beats)
    teams = read_points(
        session=session,
        beat=beat,
        member=team,
        team=team,
        position=centroid,
        names={
            "session": "session",
            "beat": "beat",
            "member": "team",
            "team": "team",
            "position": "centroid",
        },
    )
    players = read_points(
        session=player_session,
        beat=player_beat,
        member=player,
        team=player_team,
        position=position,
        names={
            "session": "player_session",
            "beat": "player_beat",
            "member": "player",
            "team": "player_team",
            "position": "position",
        },
    )
    islands = join_all(_close_beats(teams, _Rosters.of(teams, players), distance), cooldown_beats, measures=2)
    return Conflicts(
        session=islands.session,
        team_1=islands.member_1,
        team_2=islands.member_2,
        conflict_number=islands.numbers(),
        first_beat=islands.first_beat,
        last_beat=islands.last_beat,
        close_beats=islands.close_beats,
        min_centroid_distance=islands.minima[:, 0],
        min_player_distance=islands.minima[:, 1],
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Rosters:
    """The players of centroids. Looked up for centroids that are close to another, which mostly are few.

    Attributes
    ----------
    teams, players : Points
    group_start : (g,) int64 array
        First centroid of each session and beat.
    start, stop : (g,) int64 arrays
        The players in that session and beat: rows start to stop of `players`.
    """

    teams: Points
    players: Points
    group_start: IntArray
    start: IntArray
    stop: IntArray

    @classmethod
    def of(cls, teams: Points, players: Points) -> "_Rosters":
        """Find each session and beat of the centroids among those of the players."""
        group_start, player_start = teams.group_starts(), players.group_starts()
        key = pack_keys(
            np.concatenate([teams.session[group_start], players.session[player_start]]),
            np.concatenate([teams.beat[group_start], players.beat[player_start]]),
        )
        group_key, player_key = key[: len(group_start)], key[len(group_start) :]
        bounds = np.append(player_start, len(players.session))
        return cls(
            teams,
            players,
            group_start,
            start=bounds[np.searchsorted(player_key, group_key, side="left")],
            stop=bounds[np.searchsorted(player_key, group_key, side="right")],
        )

    def nearest(self, first: IntArray, second: IntArray) -> FloatArray:
        """Return the smallest distance of two players, one of each centroid; NaN where there are none."""
        if not len(first):
            return np.empty(0)
        low = int(min(first.min(), second.min()))
        is_close = np.zeros(int(max(first.max(), second.max())) - low + 1, dtype=np.bool_)
        is_close[first - low] = True
        is_close[second - low] = True
        start, stop, position = self._players_of(np.flatnonzero(is_close) + low)
        place = np.cumsum(is_close) - 1
        first, second = place[first - low], place[second - low]
        nearest = np.full(len(first), np.nan)
        for pair, player_1 in expand_ranges(start[first], stop[first], CHUNK_PAIRS):
            opponents = second[pair]
            for owner, player_2 in expand_ranges(start[opponents], stop[opponents], CHUNK_PAIRS):
                apart = distances_between(position, player_1[owner], player_2)
                pair_of_apart = pair[owner]
                starts = run_starts(pair_of_apart)
                pairs = pair_of_apart[starts]
                # A pair may go on in the next chunk, so what is known of it already counts too.
                nearest[pairs] = np.fmin(nearest[pairs], np.minimum.reduceat(apart, starts))
        return nearest

    def _players_of(self, centroids: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the range of each centroid's players, and the positions that the ranges point into."""
        group = np.searchsorted(self.group_start, centroids, side="right") - 1
        groups = group[run_starts(group)]
        start, stop = self.start[groups], self.stop[groups]
        size = stop - start
        owner = np.repeat(groups, size)
        row = np.arange(len(owner)) + np.repeat(start - (np.cumsum(size) - size), size)
        key = pack_keys(
            np.concatenate([group, owner]),
            np.concatenate([self.teams.team[centroids], self.players.team[row]]),
        )
        team_key, player_key = key[: len(centroids)], key[len(centroids) :]
        order = np.argsort(player_key)
        player_key = player_key[order]
        return (
            np.searchsorted(player_key, team_key, side="left"),
            np.searchsorted(player_key, team_key, side="right"),
            self.players.position[:, row[order]],
        )


def _close_beats(teams: Points, rosters: _Rosters, distance: float) -> Iterator[Islands]:
    for first, second, apart in find_close_pairs(teams, distance):
        minima = np.column_stack([apart, rosters.nearest(first, second)])
        yield close_beats(
            teams.session[first], teams.team[first], teams.team[second], teams.beat[first], minima
        )
