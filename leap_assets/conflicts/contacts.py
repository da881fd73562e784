"""Contacts: for how long which two opposing players were close to each other.

The public function and its result. Texts, clock times and the length of a beat are the caller's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leap_assets.conflicts._islands import Islands, close_beats, join_all
from leap_assets.conflicts._keys import IntArray
from leap_assets.conflicts._pairs import find_close_pairs
from leap_assets.conflicts._points import FloatArray, Points, read_cooldown, read_distance, read_points


@dataclass(frozen=True, eq=False)
class Contacts:
    """One row per contact, sorted by session, player_1, player_2 and contact_number.

    Attributes
    ----------
    session : (n,) int64 array
    player_1, player_2 : (n,) int64 arrays
        `player_1 < player_2`.
    contact_number : (n,) int64 array
        From 1 per session and pair, in time order.
    first_beat, last_beat : (n,) int64 arrays
        The first and the last close beat, both inclusive.
    close_beats : (n,) int64 array
        Beats in which the two were close; those of the pauses within the cooldown do not count.
    min_distance : (n,) float64 array
        In the unit of the positions.
    """

    session: IntArray
    player_1: IntArray
    player_2: IntArray
    contact_number: IntArray
    first_beat: IntArray
    last_beat: IntArray
    close_beats: IntArray
    min_distance: FloatArray


def detect_contacts(
    *,
    session: ArrayLike,
    team: ArrayLike,
    player: ArrayLike,
    beat: ArrayLike,
    position: ArrayLike,
    distance: float,
    cooldown_beats: float,
) -> Contacts:
    """Find the contacts of opposing players: islands of beats in which two players are close.

    Parameters
    ----------
    session, team, player, beat : (n,) integers
        One row per session, player and beat, in any order: the player's last fix of the beat. Two players are
        opponents in a beat if their teams differ in that beat; a player may change teams. Beats may be
        negative, within +-2**52.
    position : (n, 3) real numbers
        A row with a NaN or infinite coordinate is ignored: the player is nowhere in that beat.
    distance : float
        Largest distance that is close, in the unit of the positions. At 0 only identical positions are.
    cooldown_beats : float
        A contact ends when the next close beat is more than this many beats after the previous one; equal
        joins them. May be fractional. Below 1 every close beat is a contact of its own.

    Returns
    -------
    Contacts
        Empty for empty input, for one player and for one team.

    Raises
    ------
    ValueError
        If shapes or dtypes are not as above, `distance` is negative or not finite, `cooldown_beats` is
        negative or NaN, or a session, player and beat has two rows (also if one of them would be ignored).
        The message names the argument.

    Notes
    -----
    Time: sorting, and then the number of pairs in a session's beat for up to 512 players (from 32 players on only
    those near along the first axis), the number of near pairs for more. Memory: linear in the rows and in the
    contacts found (300 to 500 bytes each while they are joined), plus up to 4 million close pairs at a time. A
    crowd of n players of n teams who all stand within the distance has n * (n - 1) / 2 contacts, and needs the
    memory for them.
    """
    distance = read_distance(distance)
    cooldown_beats = read_cooldown(cooldown_beats)
    points = read_points(
        session=session,
        beat=beat,
        member=player,
        team=team,
        position=position,
        names={
            "session": "session",
            "beat": "beat",
            "member": "player",
            "team": "team",
            "position": "position",
        },
    )
    islands = join_all(_close_beats(points, distance), cooldown_beats, measures=1)
    return Contacts(
        session=islands.session,
        player_1=islands.member_1,
        player_2=islands.member_2,
        contact_number=islands.numbers(),
        first_beat=islands.first_beat,
        last_beat=islands.last_beat,
        close_beats=islands.close_beats,
        min_distance=islands.minima[:, 0],
    )


def _close_beats(points: Points, distance: float) -> Iterator[Islands]:
    for first, second, apart in find_close_pairs(points, distance):
        yield close_beats(
            points.session[first],
            points.member[first],
            points.member[second],
            points.beat[first],
            apart[:, np.newaxis],
        )
