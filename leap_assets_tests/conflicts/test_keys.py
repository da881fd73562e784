"""Packed keys order rows as tuples are ordered, whatever the codes; ranges expand to what Python's do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_assets.conflicts._keys import are_ascending, pack_keys, run_starts
from leap_assets.conflicts._ranges import expand_ranges

codes = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
rows = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[codes] * width), min_size=1, max_size=20))


@settings(max_examples=300, deadline=None)
@given(rows)
def test_keys_compare_as_the_rows_do(rows):
    keys = pack_keys(*np.array(rows, dtype=np.int64).T).tolist()
    rank_of_key = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    rank_of_row = {row: rank for rank, row in enumerate(sorted(set(rows)))}
    assert [rank_of_key[key] for key in keys] == [rank_of_row[row] for row in rows]


def test_no_rows_have_no_keys():
    none = np.empty(0, dtype=np.int64)
    assert pack_keys(none, none).shape == (0,)
    assert run_starts(none, none).shape == (0,)
    assert are_ascending(none, none)


@settings(max_examples=300, deadline=None)
@given(rows, st.booleans())
def test_rows_are_ascending_where_each_is_larger_than_the_one_before(rows, is_sorted):
    rows = sorted(set(rows)) if is_sorted else rows
    expected = all(before < after for before, after in itertools.pairwise(rows))
    assert are_ascending(*np.array(rows, dtype=np.int64).T) == expected


def test_a_run_ends_where_any_column_changes():
    assert run_starts(np.array([1, 1, 1, 2]), np.array([5, 5, 6, 6])).tolist() == [0, 2, 3]


@pytest.mark.parametrize("chunk", [1, 2, 5, 1000])
@given(ranges=st.lists(st.tuples(st.integers(0, 20), st.integers(-3, 9)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_expanded_ranges_are_those_of_python(chunk, ranges):
    start = np.array([begin for begin, _ in ranges], dtype=np.int64)
    stop = np.array([begin + count for begin, count in ranges], dtype=np.int64)
    expanded = []
    for owner, number in expand_ranges(start, stop, chunk):
        assert len(number) <= chunk or len(set(owner.tolist())) == 1
        expanded += zip(owner.tolist(), number.tolist(), strict=True)
    assert expanded == [(row, number) for row, (a, n) in enumerate(ranges) for number in range(a, a + n)]
