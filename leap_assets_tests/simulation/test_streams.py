"""Streams are keyed, independent and stable; ids are proper uuids."""

import uuid

import numpy as np

from leap_assets.simulation.streams import draw_uuids, format_uuids, open_stream, rank_uuids


def test_a_stream_is_the_same_whenever_it_is_opened():
    assert np.array_equal(open_stream(1, "players", 3).random(5), open_stream(1, "players", 3).random(5))


def test_streams_differ_by_seed_name_and_number():
    keys = [(1, "players", 3), (2, "players", 3), (1, "matches", 3), (1, "players", 4), (1, "players", 3, 0)]
    assert len({open_stream(*key).random() for key in keys}) == len(keys)


def test_a_stream_never_changes_between_releases():
    # Stored worlds would silently change with it.
    drawn = open_stream(42, "players", 0).integers(0, 2**32, size=3)
    assert drawn.tolist() == [2628055714, 3216755893, 1773802330]


def test_uuids_are_version_4_and_text_agrees_with_the_standard_library():
    raw = draw_uuids(open_stream(42, "ids"), 200)
    expected = [uuid.UUID(bytes=row.tobytes()) for row in raw]
    assert format_uuids(raw).tolist() == [str(one) for one in expected]
    assert {one.version for one in expected} == {4}
    assert {one.variant for one in expected} == {uuid.RFC_4122}


def test_ranks_follow_the_order_of_the_text():
    raw = draw_uuids(open_stream(42, "ids"), 500)
    assert np.array_equal(np.argsort(rank_uuids(raw)), np.argsort(format_uuids(raw)))


def test_no_uuids_are_no_text():
    assert format_uuids(draw_uuids(open_stream(42, "ids"), 0)).shape == (0,)
