"""Joining close beats: the order of parts and early joins do not change the islands."""

import itertools

import numpy as np
import pytest

from leap_assets.conflicts import _islands
from leap_assets.conflicts._islands import close_beats, join_all
from leap_assets_tests.conflicts.oracle import islands_of


def single_beats(beats: list[int], pair: tuple[int, int, int] = (0, 1, 2)) -> _islands.Islands:
    columns = (np.full(len(beats), code) for code in pair)
    return close_beats(
        *columns, np.array(beats, dtype=np.int64), np.array(beats, dtype=np.float64)[:, np.newaxis]
    )


@pytest.mark.parametrize("cooldown_beats", [0, 1, 2.5, 7])
@pytest.mark.parametrize("part_beats", [1, 3, 10, 1000])
def test_islands_do_not_depend_on_how_close_beats_were_parted(monkeypatch, cooldown_beats, part_beats):
    monkeypatch.setattr(_islands, "_PENDING_ROWS", 4)
    generator = np.random.default_rng(1)
    pairs = [(0, 1, 2), (0, 1, 3), (5, 1, 2)]
    beats = {pair: np.flatnonzero(generator.random(200) < 0.3).tolist() for pair in pairs}
    parts = [
        single_beats([beat for beat in beats[pair] if begin <= beat < begin + part_beats], pair)
        for begin in range(0, 200, part_beats)
        for pair in pairs
    ]
    islands = join_all(parts, cooldown_beats, measures=1)
    expected = [
        (*pair, island[0], island[-1], len(island), float(island[0]))
        for pair in pairs
        for island in islands_of(beats[pair], cooldown_beats)
    ]
    columns = (islands.session, islands.member_1, islands.member_2, islands.first_beat, islands.last_beat)
    rows = zip(*columns, islands.close_beats, islands.minima[:, 0], strict=True)
    assert list(rows) == expected
    numbers = [list(group) for _, group in itertools.groupby(islands.numbers(), key=lambda number: number)]
    assert sum(len(group) for group in numbers) == len(expected)


def test_numbers_count_from_one_for_every_pair():
    parts = [single_beats([0, 9, 18], pair) for pair in ((0, 1, 2), (0, 2, 2), (1, 1, 2))]
    assert join_all(parts, 1, measures=1).numbers().tolist() == [1, 2, 3] * 3


def test_a_measure_unknown_in_some_beats_is_the_smallest_known_one():
    beats = single_beats([0, 1, 2])
    beats.minima[:, 0] = [np.nan, 4.0, 3.0]
    assert join_all([beats], 1, measures=1).minima.tolist() == [[3.0]]


def test_no_parts_make_no_islands():
    islands = join_all([], 1, measures=2)
    assert len(islands) == 0
    assert islands.minima.shape == (0, 2)
    assert islands.numbers().tolist() == []
