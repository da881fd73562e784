"""All pairs of points of a group that are within a distance of each other, and no pair twice.

Two methods that give the same pairs: shifted comparison for groups up to `LARGEST_SHIFTED_GROUP` points,
whose cost is the number of pairs, and cell lists for crowds, whose cost is the number of near ones. What a
point stands for, and what follows from two being close, is not known in here.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from leap_assets.conflicts._keys import IntArray
from leap_assets.conflicts._points import FloatArray, Points
from leap_assets.conflicts._ranges import expand_ranges

LARGEST_SHIFTED_GROUP = 128
# Measured: both cost the same at 128 points and middling densities; cells win by 3 to 4 at 400 sparse points.

_BLOCK_ROWS = 2**15
# Measured: flat from 2**14 to 2**17; with 2**12 the calls, with 2**18 the caches cost more.

_BLOCK_PAIRS = 2**22
# All of them may be close, and wait together to be joined: 100 MB.

CHUNK_PAIRS = 2**18
# Candidate pairs looked at in one go: their arrays take some 20 MB, and larger ones were not faster.

_SMALLEST_REACH = 2.0**-500
# Squares of smaller differences lose digits or vanish, so that even distance 0 holds points that far apart.

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
        Groups with more points go through cell lists.

    Yields
    ------
    ClosePairs
        Those of a block of consecutive groups; a group is never split. The pairs of one yield are in no
        useful order.

    Notes
    -----
    Work memory is some tens of MB plus the close pairs of a block: at most _BLOCK_PAIRS, or the
    n * (n - 1) / 2 of a single crowd of n points if that is more.
    """
    starts = points.group_starts()
    stops = np.append(starts[1:], len(points.session))
    for block in _blocks(stops - starts):
        start, stop = starts[block], stops[block]
        size = stop - start
        is_crowd = size > largest_shifted_group
        is_small = (size > 1) & ~is_crowd
        parts = []
        if is_small.any():
            parts += shifted_pairs(points, start[is_small], stop[is_small], distance)
        if is_crowd.any():
            parts += cell_pairs(points, start[is_crowd], stop[is_crowd], distance)
        if parts:
            yield ClosePairs(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _blocks(size: IntArray) -> Iterator[slice]:
    """Yield slices of consecutive groups: one, or up to _BLOCK_ROWS points and _BLOCK_PAIRS pairs."""
    points = np.cumsum(size)
    pairs = np.cumsum(size * (size - 1) // 2)
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


def shifted_pairs(points: Points, start: IntArray, stop: IntArray, distance: float) -> list[ClosePairs]:
    """Compare each point of a group with the one k places after it, for every k.

    The largest groups are put first: those that still have two points k places apart are then one slice.
    """
    size = stop - start
    largest_first = np.argsort(-size, kind="stable")
    start, stop, size = start[largest_first], stop[largest_first], size[largest_first]
    ((group, row),) = expand_ranges(start, stop, int(size.sum()))
    end = stop[group]
    x = points.position[0, row]
    reach = _reach(distance)
    points_before = np.concatenate([[0], np.cumsum(size)])
    found = []
    for k in range(1, int(size[0])):
        rows = points_before[np.searchsorted(-size, -k, side="left")]
        with np.errstate(over="ignore"):
            near = np.flatnonzero(np.abs(x[k:rows] - x[: rows - k]) <= reach)
        first = row[near]
        # Neighbours in the slice may belong to two groups.
        first = first[first + k < end[near]]
        found.append(_keep_close(points, first, first + k, distance))
    return found


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
    for offset in (0, y_step, x_step - y_step, x_step, x_step + y_step):
        after = np.searchsorted(key, key + (offset + 1), side="right")
        before = (
            np.searchsorted(key, key + (offset - 1), side="left") if offset else np.arange(1, len(key) + 1)
        )
        for owner, other in expand_ranges(before, after, CHUNK_PAIRS):
            first, second = row[owner], row[other]
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
