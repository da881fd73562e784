"""Enumerating many ranges of row numbers in bounded memory, without a Python loop over them.

Neighbours in a cell list and the players of two teams are such ranges. What the rows hold is not known here.
"""

from collections.abc import Iterator

import numpy as np

from leap_assets.conflicts._keys import IntArray


def expand_ranges(start: IntArray, stop: IntArray, chunk: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield every number of every half-open range, range by range.

    Parameters
    ----------
    start, stop : (n,) int64 arrays
        The ranges; one with `stop <= start` is empty.
    chunk : int
        A yield holds at most this many numbers, or those of one range if that is longer.

    Yields
    ------
    owner, number : (k,) int64 arrays
        The index of the range, ascending, and a number in it, ascending within the range. A range is never
        split.
    """
    count = np.maximum(stop - start, 0)
    total = np.concatenate([[0], np.cumsum(count)])
    first = 0
    while first < len(count):
        end = int(np.searchsorted(total, total[first] + chunk, side="right")) - 1
        end = max(end, first + 1)
        if total[end] > total[first]:
            owner = np.repeat(np.arange(first, end), count[first:end])
            # The running number minus the one its range began with is the position in the range.
            shift = start[first:end] - (total[first:end] - total[first])
            yield owner, np.arange(total[end] - total[first]) + np.repeat(shift, count[first:end])
        first = end
