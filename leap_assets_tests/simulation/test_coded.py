"""Text columns keep their text through every operation on rows."""

import numpy as np

from leap_assets.simulation.coded import code, code_uuids, compact, stack, take
from leap_assets.simulation.streams import draw_uuids, format_uuids, open_stream

KEEP = np.array([True, False, True])
FIRST = code(np.array([0, 1, -1]), ["a", "b"])
RAW = draw_uuids(open_stream(1, "ids"), 4)
TEXTS = format_uuids(RAW).tolist()


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


def test_uuids_are_sixteen_bytes_until_their_text_is_asked_for():
    ids = code_uuids(np.array([1, 0, -1]), RAW[:2])
    assert ids.keys.nbytes == 2 * 16
    assert ids.values.tolist() == TEXTS[:2]
    assert ids.text().tolist() == [TEXTS[1], TEXTS[0], None]


def test_stacked_uuids_keep_their_text_and_stay_bytes():
    first = code_uuids(np.array([0, 1, -1]), RAW[:2])
    late = [code_uuids(np.array([0, -1, 1]), RAW[[2, 0]]), code_uuids(np.array([1, 0]), RAW[[3, 2]])]
    stacked = stack(first, KEEP, late, np.array([0]))
    a, _, c, d = TEXTS
    assert stacked.text().tolist() == [a, None, c, None, a, c, d, a]
    assert stacked.values.tolist() == [*TEXTS[:2], c, d]
    assert stacked.keys.shape == (4, 16)


def test_uuids_that_begin_alike_are_told_apart():
    twin = RAW[:1].copy()
    twin[0, -1] ^= 1
    stacked = stack(
        code_uuids(np.array([0]), RAW[:1]), KEEP[:1], [code_uuids(np.array([0]), twin)], np.array([], int)
    )
    assert stacked.text().tolist() == [TEXTS[0], *format_uuids(twin)]


def test_compact_drops_uuids_without_rows():
    table = compact({"id": code_uuids(np.array([3, -1, 1]), RAW)})
    assert table["id"].text().tolist() == [TEXTS[3], None, TEXTS[1]]
    assert table["id"].values.tolist() == [TEXTS[1], TEXTS[3]]
