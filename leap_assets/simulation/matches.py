"""Packing a day's requests into matches and teams, in the order of the requests and with a bounded wait.

Everybody who asks plays: whoever is still alone when the wait is over plays a one-team match. Where players
move and whom they meet is not in here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.sign_ons import SignOns
from leap_assets.simulation.streams import draw_uuids, open_stream


@dataclass(frozen=True, eq=False)
class Matches:
    """The matches of a day and their player-sessions.

    Attributes
    ----------
    raw_id : ndarray of uint8, shape (matches, 16)
        Uuid bytes; matches are in the order of their first request.
    start_s : ndarray of int64, shape (matches,)
        Second of the day at which all players of the match start.
    match, team, signon, length_s : ndarray of int64, shape (player-sessions,)
        Match, team within it from 0, the player's sign-on, and seconds played. Sorted by match and team.
    """

    raw_id: NDArray[np.uint8]
    start_s: NDArray[np.int64]
    match: NDArray[np.int64]
    team: NDArray[np.int64]
    signon: NDArray[np.int64]
    length_s: NDArray[np.int64]


def pack_matches(config: WorldConfig, sign_ons: SignOns, day: int) -> Matches:
    """Pack the requests of a day number into matches.

    Notes
    -----
    The earliest waiting request opens a match that wants 2 to ``max_teams`` teams of 1 to
    ``max_team_players``; it is closed when full or when that request has waited ``max_wait_s``, and starts
    with its last member. A start is therefore some member's request, so it is never moved past midnight.
    """
    rng = open_stream(config.seed, "matches", day)
    order = np.argsort(sign_ons.request_s, kind="stable")
    request_s = sign_ons.request_s[order]
    count = len(order)
    teams = rng.integers(2, config.max_teams + 1, size=count)
    team_players = rng.integers(1, config.max_team_players + 1, size=count)
    first = _find_first_members(request_s, teams * team_players, config.max_wait_s)

    size = np.diff(np.append(first, count))
    match = np.repeat(np.arange(len(first)), size)
    # Dealing members out in turn fills teams evenly: no team is larger than wanted by its match.
    team = (np.arange(count) - first[match]) % teams[: len(first)][match]
    start_s = request_s[first + size - 1]
    by_team = np.lexsort((team, match))
    member = order[by_team]
    return Matches(
        raw_id=draw_uuids(rng, len(first)),
        start_s=start_s,
        match=match,
        team=team[by_team],
        signon=sign_ons.signon[member],
        length_s=sign_ons.length_s[member],
    )


def _find_first_members(
    request_s: NDArray[np.int64], wanted: NDArray[np.int64], max_wait_s: int
) -> NDArray[np.int64]:
    # Where a match ends decides where the next begins, so this loops over matches; all it needs is looked
    # up before.
    too_late = np.searchsorted(request_s, request_s + max_wait_s, side="right").tolist()
    sizes = wanted.tolist()
    first: list[int] = []
    begin, count = 0, len(sizes)
    while begin < count:
        size = sizes[len(first)]
        first.append(begin)
        begin = min(begin + size, too_late[begin])
    return np.array(first, dtype=np.int64)
