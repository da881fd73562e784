"""Input arrays, checked at the public edge and sorted into groups of one session and beat.

Everything behind this module trusts its input. Which points are close to each other is not decided in here.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leap_assets.conflicts._keys import IntArray, are_ascending, pack_keys, run_starts

FloatArray = NDArray[np.float64]

_LARGEST_BEAT = 2**52
# Differences of such beats are exact in float64, and so is their comparison with a fractional cooldown.


@dataclass(frozen=True, eq=False, slots=True)
class Points:
    """Points with finite coordinates, sorted by session, beat and member.

    Attributes
    ----------
    session, beat, member, team : (n,) int64 arrays
        `member` is what a point stands for: a player, or the team itself.
    position : (3, n) float64 array
        One row per axis; may be a view of the caller's rows.
    """

    session: IntArray
    beat: IntArray
    member: IntArray
    team: IntArray
    position: FloatArray

    def group_starts(self) -> IntArray:
        """Return the first point of each session and beat, in order."""
        return run_starts(self.session, self.beat)


def read_points(
    *,
    session: ArrayLike,
    beat: ArrayLike,
    member: ArrayLike,
    team: ArrayLike,
    position: ArrayLike,
    names: dict[str, str],
) -> Points:
    """Check and sort one row per session, beat and member.

    Parameters
    ----------
    session, beat, member, team : (n,) integers
        In any order. `member` may be `team` itself.
    position : (n, 3) real numbers
        A row with a NaN or infinite coordinate is left out, after it was checked for being a repetition.
    names : dict
        What the caller calls these arguments, for messages: session, beat, member, team, position.

    Raises
    ------
    ValueError
        If shapes differ, a code is not an integer, a beat is out of range, or a row is repeated.
    """
    sessions = _read_codes(names["session"], session)
    beats = _read_codes(names["beat"], beat)
    members = _read_codes(names["member"], member)
    teams = members if team is member else _read_codes(names["team"], team)
    for name, codes in (("beat", beats), ("member", members), ("team", teams)):
        if codes.shape != sessions.shape:
            raise ValueError(
                f"{names[name]} has shape {codes.shape}, {names['session']} has {sessions.shape}"
            )
    positions = _read_positions(names["position"], position, len(sessions))
    _check_beats(names["beat"], beats)

    # Rows out of a database mostly come sorted, and looking costs a small part of sorting.
    if not are_ascending(sessions, beats, members):
        key = pack_keys(sessions, beats, members)
        order = np.argsort(key)
        key, sessions, beats = key[order], sessions[order], beats[order]
        members, teams, positions = members[order], teams[order], positions[order]
        repeated = np.flatnonzero(key[1:] == key[:-1])
        if len(repeated):
            row = int(repeated[0])
            raise ValueError(
                f"{names['session']}, {names['member']}, {names['beat']} must name one row each: "
                f"({sessions[row]}, {members[row]}, {beats[row]}) is repeated"
            )
    is_finite = np.isfinite(positions)
    if not is_finite.all():
        is_whole = is_finite.all(axis=1)
        sessions, beats, members = sessions[is_whole], beats[is_whole], members[is_whole]
        teams, positions = teams[is_whole], positions[is_whole]
    return Points(sessions, beats, members, teams, positions.T)


def read_distance(distance: float) -> float:
    """Return the largest distance that is still close; ValueError unless it is finite and not negative."""
    if not (math.isfinite(distance) and distance >= 0):
        raise ValueError(f"distance must be finite and not negative, got {distance!r}")
    return float(distance)


def read_cooldown(cooldown_beats: float) -> float:
    """Return the cooldown in beats; ValueError if negative or NaN. Infinity: one island a pair."""
    if not cooldown_beats >= 0:
        raise ValueError(f"cooldown_beats must not be negative, got {cooldown_beats!r}")
    return float(cooldown_beats)


def _read_codes(name: str, values: ArrayLike) -> IntArray:
    codes = np.asarray(values)
    if codes.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {codes.shape}")
    if codes.size and codes.dtype.kind not in "iu":
        # An empty list has no dtype of its own (NumPy makes it float64), so only values are judged.
        raise ValueError(f"{name} must hold integers, got dtype {codes.dtype}")
    if codes.dtype == np.uint64 and codes.size and int(codes.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name} must fit into 64-bit signed integers, got {codes.max()}")
    return codes.astype(np.int64, copy=False)


def _read_positions(name: str, values: ArrayLike, rows: int) -> FloatArray:
    positions = np.asarray(values)
    if positions.shape != (rows, 3):
        raise ValueError(f"{name} must have shape ({rows}, 3), got {positions.shape}")
    if positions.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {positions.dtype}")
    return positions.astype(np.float64, copy=False)


def _check_beats(name: str, beats: IntArray) -> None:
    if len(beats):
        for beat in (int(beats.min()), int(beats.max())):
            if abs(beat) > _LARGEST_BEAT:
                raise ValueError(f"{name} must lie within +-2**52, got {beat}")
