"""Close beats of a pair, joined into islands that are no further apart than the cooldown.

What a pair is (two teams, two players) and how its close beats were found is not known in here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from leap_assets.conflicts._keys import IntArray, pack_keys, run_starts
from leap_assets.conflicts._points import FloatArray

_PENDING_ROWS = 2**20
# Fewer waiting rows than these (some 60 MB) are not worth joining early.


@dataclass(frozen=True, eq=False, slots=True)
class Islands:
    """One row per island; a close beat is an island of one beat.

    Attributes
    ----------
    session, member_1, member_2, first_beat, last_beat, close_beats : (n,) int64 arrays
    minima : (n, k) float64 array
        Smallest values over the close beats; NaN where no close beat has one.
    """

    session: IntArray
    member_1: IntArray
    member_2: IntArray
    first_beat: IntArray
    last_beat: IntArray
    close_beats: IntArray
    minima: FloatArray

    def __len__(self) -> int:
        """Return the number of islands."""
        return len(self.session)

    def numbers(self) -> IntArray:
        """Return each island's number within its pair, from 1; for islands in the order of `join_islands`."""
        starts = run_starts(self.session, self.member_1, self.member_2)
        count = np.diff(starts, append=len(self))
        return np.arange(1, len(self) + 1) - np.repeat(starts, count)


def close_beats(
    session: IntArray, member_1: IntArray, member_2: IntArray, beat: IntArray, minima: FloatArray
) -> Islands:
    """Return one island per close beat."""
    return Islands(session, member_1, member_2, beat, beat, np.ones(len(beat), dtype=np.int64), minima)


def join_all(parts: Iterable[Islands], cooldown_beats: float, measures: int) -> Islands:
    """Join islands that arrive in parts, each part later than those before it in session and beat.

    Parameters
    ----------
    parts : iterable of Islands
    cooldown_beats : float
    measures : int
        Columns of `minima`, also for no parts at all.

    Returns
    -------
    Islands
        Sorted by session, pair and first beat.

    Notes
    -----
    An island is joined with later ones as a single close beat is, so waiting rows are joined as soon as there
    are as many as joined ones. Memory is some ten times that of the result, or of one part.
    """
    none = np.empty(0, dtype=np.int64)
    joined = Islands(none, none, none, none, none, none, np.empty((0, measures)))
    waiting: list[Islands] = []
    rows = 0
    for part in parts:
        waiting.append(part)
        rows += len(part)
        if rows >= max(_PENDING_ROWS, len(joined)):
            joined = join_islands(_concatenate([joined, *waiting]), cooldown_beats)
            waiting, rows = [], 0
    return join_islands(_concatenate([joined, *waiting]), cooldown_beats)


def join_islands(islands: Islands, cooldown_beats: float) -> Islands:
    """Join the islands of a pair where the next begins at most `cooldown_beats` after the last close beat.

    Islands of one pair must not overlap in time. The result is sorted by session, pair and first beat.
    """
    if not len(islands):
        return islands
    key = pack_keys(islands.session, islands.member_1, islands.member_2, islands.first_beat)
    parts = _take(islands, np.argsort(key))
    is_new = np.zeros(len(parts), dtype=np.bool_)
    is_new[run_starts(parts.session, parts.member_1, parts.member_2)] = True
    is_new[1:] |= parts.first_beat[1:] - parts.last_beat[:-1] > cooldown_beats
    first = np.flatnonzero(is_new)
    last = np.append(first[1:], len(parts)) - 1
    return Islands(
        session=parts.session[first],
        member_1=parts.member_1[first],
        member_2=parts.member_2[first],
        first_beat=parts.first_beat[first],
        last_beat=parts.last_beat[last],
        close_beats=np.add.reduceat(parts.close_beats, first),
        minima=np.fmin.reduceat(parts.minima, first, axis=0),
    )


def _take(islands: Islands, rows: IntArray) -> Islands:
    return Islands(*(getattr(islands, field.name)[rows] for field in fields(Islands)))


def _concatenate(parts: list[Islands]) -> Islands:
    return Islands(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Islands))
    )
