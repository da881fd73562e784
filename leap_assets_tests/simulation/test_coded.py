"""Text columns keep their text through every operation on rows."""

import numpy as np

from leap_assets.simulation.coded import code, compact, stack, take

KEEP = np.array([True, False, True])
FIRST = code(np.array([0, 1, -1]), ["a", "b"])


def test_text_gives_none_for_null():
    assert FIRST.text().tolist() == ["a", "b", None]


def test_stacked_rows_keep_their_text_whatever_their_codes_were():
    late = code(np.array([0, 1, 0, -1]), ["c", "a"])
    stacked = stack(FIRST, KEEP, [late], np.array([2, 0]))
    assert stacked.text().tolist() == ["a", None, "c", "a", "c", None, "c", "a"]
    assert stacked.values.tolist() == ["a", "b", "c"]


def test_stacked_numbers_keep_type_and_order():
    stacked = stack(np.array([1, 2, 3]), KEEP, [np.array([9])], np.array([2]))
    assert stacked.tolist() == [1, 3, 9, 9]
    assert stacked.dtype == np.int64


def test_stacking_leaves_its_inputs_alone():
    late = code(np.array([0]), ["z"])
    stack(FIRST, KEEP, [late], np.array([0])).codes[:] = 7
    assert FIRST.text().tolist() == ["a", "b", None]
    assert late.text().tolist() == ["z"]


def test_compact_drops_values_without_rows_and_keeps_the_text():
    table = compact({"id": take(code(np.array([2, 0, -1, 2]), ["a", "b", "c"]), np.array([0, 2, 3]))})
    assert table["id"].text().tolist() == ["c", None, "c"]
    assert table["id"].values.tolist() == ["c"]
