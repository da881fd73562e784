"""All pairs of points of a group that are within a distance of each other, and no pair twice.

Two methods that give the same pairs: shifted comparison, whose cost is the number of pairs that are near along
the first axis, and cell lists for crowds of more than `LARGEST_SHIFTED_GROUP` points, whose cost is the number of
near ones. What a point stands for, and what follows from two being close, is not known in here.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from leap_assets.conflicts._keys import IntArray
from leap_assets.conflicts._points import FloatArray, Points
from leap_assets.conflicts._ranges import expand_ranges

LARGEST_SHIFTED_GROUP = 512
# Measured: both cost the same at 512 to 1,024 points and middling densities.

THIN_CROWD_SHIFTS = 64
# Measured: cells cost as much as some 100 shifts, and a crowd in which they end sooner is compared by shifts too.

_BLOCK_ROWS = 2**15
# Measured: flat from 2**14 to 2**17; with 2**12 the calls, with 2**18 the caches cost more.

_BLOCK_PAIRS = 2**22
# All of them may be close, and wait together to be joined: 100 MB.

CHUNK_PAIRS = 2**18
# Candidate pairs looked at in one go: their arrays take some 20 MB, and larger ones were not faster.

_SMALLEST_REACH = 2.0**-500
# Squares of smaller differences lose digits or vanish, so that even distance 0 holds points that far apart.

_SQUARE_MARGIN = 1 + 2.0**-50
# A square root that rounds to the distance may be that of a square a little above the distance's.

_SMALLEST_SORTED_GROUP = 32
# Measured: sorting costs as much as it saves at 24 to 32 points.

_CELL_MARGIN = 1 + 2.0**-20
# Cells are a little larger than the reach, by far more than the rounding of a cell's number (below 2**-30 of
# a cell).

_LARGEST_CELL_SPAN = 2**62
# As for all packed keys: a key plus a neighbour's offset must not overflow.


class ClosePairs(NamedTuple):
    """Pairs of points, `first < second` in the order of the points, and their distances."""

    first: IntArray
    second: IntArray
    distance: FloatArray


def find_close_pairs(
    points: Points, distance: float, *, largest_shifted_group: int = LARGEST_SHIFTED_GROUP
) -> Iterator[ClosePairs]:
    """Yield the pairs of opponents that are at most `distance` apart in the same session and beat.

    Opponents are points of different teams.

    Parameters
    ----------
    points : Points
    distance : float
        Finite, not negative, in the unit of the positions.
    largest_shifted_group : int
        Groups with more points go through cell lists, unless they are thin.

    Yields
    ------
    ClosePairs
        Those of a block of consecutive groups; a group is never split. The pairs of one yield are in no
        useful order.

    Notes
    -----
    Work memory is some tens of MB plus the close pairs of a block: at most _BLOCK_PAIRS, or the
    n * (n - 1) / 2 of a single crowd of n points if that is more (THIN_CROWD_SHIFTS * n of a thin one).
    """
    starts = points.group_starts()
    stops = np.append(starts[1:], len(points.session))
    sizes = stops - starts
    is_crowd = sizes > largest_shifted_group
    most_pairs = sizes * (sizes - 1) // 2
    for crowd in np.flatnonzero(is_crowd):
        if is_thin(points.position[0, starts[crowd] : stops[crowd]], distance):
            is_crowd[crowd] = False
            most_pairs[crowd] = min(most_pairs[crowd], sizes[crowd] * THIN_CROWD_SHIFTS)
    for block in _blocks(sizes, most_pairs):
        start, stop = starts[block], stops[block]
        is_large = is_crowd[block]
        is_small = (sizes[block] > 1) & ~is_large
        parts = []
        if is_small.any():
            parts += shifted_pairs(points, start[is_small], stop[is_small], distance)
        if is_large.any():
            parts += cell_pairs(points, start[is_large], stop[is_large], distance)
        if parts:
            yield ClosePairs(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _blocks(size: IntArray, most_pairs: IntArray) -> Iterator[slice]:
    """Yield slices of consecutive groups: one, or up to _BLOCK_ROWS points and _BLOCK_PAIRS pairs."""
    points, pairs = np.cumsum(size), np.cumsum(most_pairs)
    first = points_before = pairs_before = 0
    while first < len(size):
        by_points = int(np.searchsorted(points, points_before + _BLOCK_ROWS, side="right"))
        by_pairs = int(np.searchsorted(pairs, pairs_before + _BLOCK_PAIRS, side="right"))
        end = max(min(by_points, by_pairs), first + 1)
        yield slice(first, end)
        first, points_before, pairs_before = end, points[end - 1], pairs[end - 1]


def distances_between(position: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    """Return the distances of pairs of points, to the bit as a plain loop over them would.

    The order of the additions and the separate square root matter: a pair exactly at the limit must come out
    as close.
    """
    with np.errstate(over="ignore"):
        # Differences too large to be squared become infinitely far, which they are.
        dx, dy, dz = (axis[first] - axis[second] for axis in position)
        squares: FloatArray = dx * dx + dy * dy + dz * dz
    return np.sqrt(squares)


def _reach(distance: float) -> float:
    """Return how far apart two close points can be along one axis.

    The square root of a rounded square is the number itself, and adding squares cannot make it smaller, so a
    pair further apart on one axis than the distance is not close in floating point either; tiny differences
    are the exception.
    """
    return max(distance, _SMALLEST_REACH)


def _keep_close(points: Points, first: IntArray, second: IntArray, distance: float) -> ClosePairs:
    """Keep the candidates that are opponents and close."""
    apart = distances_between(points.position, first, second)
    near = np.flatnonzero(apart <= distance)
    first, second, apart = first[near], second[near], apart[near]
    opposing = np.flatnonzero(points.team[first] != points.team[second])
    return ClosePairs(first[opposing], second[opposing], apart[opposing])


def is_thin(x: FloatArray, distance: float) -> bool:
    """Whether no point of a crowd has as many as THIN_CROWD_SHIFTS others within reach ahead along the first axis."""
    x = np.sort(x)
    with np.errstate(over="ignore"):
        return not (x[THIN_CROWD_SHIFTS:] - x[:-THIN_CROWD_SHIFTS] <= _reach(distance)).any()


def shifted_pairs(points: Points, start: IntArray, stop: IntArray, distance: float) -> list[ClosePairs]:
    """Compare each point of a group with the one k places after it, for every k.

    Groups of about the same size lie side by side, slot by slot: the points k places apart in all of them are then
    two slices.
    """
    size_class = _round_up(stop - start)
    found = []
    for alike in np.unique(size_class):
        chosen = size_class == alike
        first, second = _shifted_candidates(points, start[chosen], stop[chosen], distance)
        found.append(_keep_close(points, first, second, distance))
    return found


def _round_up(size: IntArray) -> IntArray:
    """Round sizes up to one of four an octave, so that few calls serve all sizes of a block."""
    _, exponent = np.frexp(size - 0.5)
    step = 2 ** np.maximum(exponent.astype(np.int64) - 3, 0)
    rounded: IntArray = -(-size // step) * step
    return rounded


def _shifted_candidates(
    points: Points, start: IntArray, stop: IntArray, distance: float
) -> tuple[IntArray, IntArray]:
    """Return the pairs of points of a group that are close or nearly so; groups get as many slots as the largest.

    Large groups are sorted along the first axis: when no two points k places apart are near along it, none
    further apart are.
    """
    slots = int((stop - start).max())
    is_sorted = slots >= _SMALLEST_SORTED_GROUP
    slot = np.arange(slots)
    row = start[:, np.newaxis] + slot
    is_empty = row >= stop[:, np.newaxis]
    has_room = bool(is_empty.any())
    if has_room:
        row[is_empty] = start[0]
    if is_sorted:
        x = points.position[0][row]
        if has_room:
            x[is_empty] = np.nan
        order = np.argsort(x, axis=1)
        row = np.take_along_axis(row, order, axis=1)
        # An empty slot is not a number and so behind all points of its group.
        is_empty = slot >= (stop - start)[:, np.newaxis]
    row = row.T.ravel()
    x, y, z = (axis[row] for axis in points.position)
    if has_room:
        # Nothing is near it, not even another empty slot.
        x[is_empty.T.ravel()] = np.nan
    reach, largest_square = _reach(distance), distance * distance * _SQUARE_MARGIN + _SMALLEST_REACH**2
    firsts, seconds = [], []
    with np.errstate(over="ignore"):
        for k in range(1, slots):
            ahead = k * len(start)
            square = x[ahead:] - x[:-ahead]
            if is_sorted and not (square <= reach).any():
                break
            square *= square
            for axis in (y, z):
                difference = axis[ahead:] - axis[:-ahead]
                difference *= difference
                square += difference
            near = np.flatnonzero(square <= largest_square)
            if len(near):
                firsts.append(row[near])
                seconds.append(row[near + ahead])
    if not firsts:
        none = np.empty(0, dtype=np.int64)
        return none, none
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return np.minimum(first, second), np.maximum(first, second)


def cell_pairs(points: Points, start: IntArray, stop: IntArray, distance: float) -> list[ClosePairs]:
    """Compare each point of a crowd with those in its own and the neighbouring cells.

    Half of the neighbours suffice, and the three cells along the last axis are one range of keys: five ranges
    a point.
    """
    ((group, row),) = expand_ranges(start, stop, int((stop - start).sum()))
    grid = _cell_keys(points.position[:, row], group, _reach(distance))
    if grid is None:
        return shifted_pairs(points, start, stop, distance)
    key, y_step, x_step = grid
    order = np.argsort(key)
    key, row = key[order], row[order]
    found = []
    behind_last = np.append(key, np.iinfo(np.int64).max)
    for offset in (0, y_step, x_step - y_step, x_step, x_step + y_step):
        last = key + (offset + 1)
        before = (
            np.searchsorted(key, key + (offset - 1), side="left") if offset else np.arange(1, len(key) + 1)
        )
        # Most cells of a sparse crowd are empty: where a range ends is only looked up where one begins.
        begun = np.flatnonzero(behind_last[before] <= last)
        after = np.searchsorted(key, last[begun], side="right")
        for owner, other in expand_ranges(before[begun], after, CHUNK_PAIRS):
            first, second = row[begun[owner]], row[other]
            found.append(_keep_close(points, np.minimum(first, second), np.maximum(first, second), distance))
    return found


def _cell_keys(position: FloatArray, group: IntArray, reach: float) -> tuple[IntArray, int, int] | None:
    """Return the packed cell of each point and the steps to the next cell in y and in x, or None.

    None if the points are too far apart for float64 to say how far.

    Cells are counted from the group's lowest corner, with an empty one on each side, so that no neighbour's
    key is that of a cell elsewhere. Cells of the reach's size that would be too many to pack are made larger:
    slower, never wrong.
    """
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    groups = len(starts)
    with np.errstate(over="ignore"):
        offset = position - np.minimum.reduceat(position, starts, axis=1)[:, group]
    extent = offset.max(axis=1)
    if not np.isfinite(extent).all():
        return None
    most_cells = int((_LARGEST_CELL_SPAN / groups) ** (1 / 3)) - 4
    size = np.maximum(reach * _CELL_MARGIN, extent / most_cells)
    cell = np.floor(offset / size[:, np.newaxis]).astype(np.int64) + 1
    x_cells, y_cells, z_cells = (int(last) + 2 for last in cell.max(axis=1))
    y_step, x_step = z_cells, y_cells * z_cells
    return group * (x_cells * x_step) + cell[0] * x_step + cell[1] * y_step + cell[2], y_step, x_step
