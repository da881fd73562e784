"""Both pair methods find the pairs of a plain loop, at the size where one takes over from the other too."""

import itertools
import math

import numpy as np
import pytest

from leap_assets.conflicts import _pairs
from leap_assets.conflicts._pairs import (
    LARGEST_SHIFTED_GROUP,
    THIN_CROWD_SHIFTS,
    cell_pairs,
    find_close_pairs,
    is_thin,
)
from leap_assets.conflicts._points import Points, read_points
from leap_assets_tests.conflicts.oracle import distance_of

NAMES = {name: name for name in ("session", "beat", "member", "team", "position")}
ALWAYS_CELLS = 1
ALWAYS_SHIFTED = 10**9


def points_of(sizes: list[int], position: np.ndarray, teams: int = 3) -> Points:
    """Return groups of these sizes; every second one belongs to the same session."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    member = np.arange(len(group))
    return read_points(
        session=group // 2, beat=group % 2, member=member, team=member % teams, position=position, names=NAMES
    )


def found(points: Points, distance: float, largest_shifted_group: int) -> list[tuple[int, int, float]]:
    pairs: list[tuple[int, int, float]] = []
    for part in find_close_pairs(points, distance, largest_shifted_group=largest_shifted_group):
        pairs += zip(part.first.tolist(), part.second.tolist(), part.distance.tolist(), strict=True)
    return sorted(pairs)


def by_loop(points: Points, distance: float) -> list[tuple[int, int, float]]:
    at = [tuple(point) for point in points.position.T.tolist()]
    keys = list(zip(points.session.tolist(), points.beat.tolist(), strict=True))
    team = points.team.tolist()
    return [
        (i, j, distance_of(at[i], at[j]))
        for i, j in itertools.combinations(range(len(at)), 2)
        if keys[i] == keys[j] and team[i] != team[j] and distance_of(at[i], at[j]) <= distance
    ]


def assert_methods_agree(points: Points, distance: float) -> list[tuple[int, int, float]]:
    expected = by_loop(points, distance)
    assert found(points, distance, ALWAYS_SHIFTED) == expected
    assert found(points, distance, ALWAYS_CELLS) == expected
    assert found(points, distance, LARGEST_SHIFTED_GROUP) == expected
    return expected


@pytest.mark.parametrize("size", [1, 2, 3, *(_pairs._SMALLEST_SORTED_GROUP + extra for extra in (-1, 0, 1))])
@pytest.mark.parametrize("distance", [0.0, 1.0, 2.5, 50.0])
def test_both_methods_agree_at_the_border_sizes(size, distance):
    generator = np.random.default_rng(size)
    sizes = [size, 1, size, 2, size]
    position = generator.integers(-4, 5, (sum(sizes), 3)) / 2
    assert_methods_agree(points_of(sizes, position), distance)


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("distance", [0.0, 2.5])
def test_both_methods_agree_at_the_size_where_crowds_begin(extra, distance):
    sizes = [LARGEST_SHIFTED_GROUP + extra, 2, 1]
    position = np.random.default_rng(extra + 1).integers(-8, 9, (sum(sizes), 3)) / 2
    assert_methods_agree(points_of(sizes, position), distance)


@pytest.mark.parametrize("seed", range(4))
def test_groups_of_all_sizes_side_by_side_keep_to_themselves(seed):
    # Sizes of one class are padded to the largest of them; sorted and unsorted classes are both there.
    generator = np.random.default_rng(seed)
    sizes = generator.permutation(np.arange(1, 50)).tolist()
    position = generator.uniform(-5, 5, (sum(sizes), 3))
    assert assert_methods_agree(points_of(sizes, position), 2.0)


def test_sizes_are_rounded_up_to_four_an_octave():
    size = np.arange(1, 5000)
    rounded = _pairs._round_up(size)
    assert rounded[:16].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 10, 10, 12, 12, 14, 14, 16, 16]
    assert ((rounded >= size) & (rounded < size * 1.25)).all()
    assert len(set(rounded[(size > 512) & (size <= 4096)].tolist())) == 12


@pytest.mark.parametrize("seed", range(8))
def test_both_methods_agree_on_mixed_sizes(seed):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 60, 12).tolist()
    scale = 10.0 ** generator.integers(-3, 9)
    # Lattice points times the scale, with the scale as the distance: most pairs are exactly at the border.
    position = generator.integers(-3, 4, (sum(sizes), 3)) * scale
    assert assert_methods_agree(points_of(sizes, position), scale)


@pytest.mark.parametrize("largest_shifted_group", [ALWAYS_CELLS, ALWAYS_SHIFTED])
def test_small_blocks_and_chunks_give_the_same_pairs(monkeypatch, largest_shifted_group):
    generator = np.random.default_rng(4)
    sizes = generator.integers(1, 30, 20).tolist()
    points = points_of(sizes, generator.uniform(-5, 5, (sum(sizes), 3)))
    expected = by_loop(points, 2.0)
    assert expected
    monkeypatch.setattr(_pairs, "_BLOCK_ROWS", 40)
    monkeypatch.setattr(_pairs, "_BLOCK_PAIRS", 300)
    monkeypatch.setattr(_pairs, "CHUNK_PAIRS", 5)
    assert found(points, 2.0, largest_shifted_group) == expected


def test_blocks_stay_in_their_bounds_and_cover_every_group(monkeypatch):
    monkeypatch.setattr(_pairs, "_BLOCK_ROWS", 40)
    monkeypatch.setattr(_pairs, "_BLOCK_PAIRS", 300)
    size = np.random.default_rng(4).integers(1, 50, 200)
    blocks = list(_pairs._blocks(size, size * (size - 1) // 2))
    assert [block.start for block in blocks] == [0, *(block.stop for block in blocks[:-1])]
    assert blocks[-1].stop == len(size)
    for block in blocks:
        inside = size[block]
        assert len(inside) == 1 or (inside.sum() <= 40 and (inside * (inside - 1) // 2).sum() <= 300)


def test_blocks_come_in_the_order_of_session_and_beat(monkeypatch):
    monkeypatch.setattr(_pairs, "_BLOCK_ROWS", 40)
    points = points_of([8] * 60, np.zeros((480, 3)))
    ends = [(int(part.first.min()), int(part.second.max())) for part in find_close_pairs(points, 1.0)]
    assert len(ends) == 12
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


@pytest.mark.parametrize(
    ("centre", "spread", "distance"),
    [
        (0.0, 1e9, 1e-3),
        (1e9, 4.0, 1.0),
        (-1e9, 1e9, 1e300),
        (0.0, 3.0, 0.0),
        (0.0, 1e-160, 0.0),
        (0.0, 1e-160, 1e-160),
        (0.0, 1e200, 1e199),
        (0.0, 1e308, 1.0),
    ],
)
def test_cells_neither_overflow_nor_miss_a_pair_at_extreme_scales(centre, spread, distance):
    generator = np.random.default_rng(8)
    position = centre + generator.integers(-1, 2, (90, 3)) * spread
    assert_methods_agree(points_of([40, 50], position), distance)


def test_a_stray_point_far_away_leaves_the_others_their_pairs():
    position = np.random.default_rng(8).uniform(-5, 5, (90, 3))
    position[7] = (1e9, -1e9, 1e9)
    assert assert_methods_agree(points_of([40, 50], position), 0.7)


def test_cells_do_not_wrap_around_at_the_edges_of_the_world():
    # Corners of a cube of several cells: a key that ran over would make neighbours of opposite sides.
    corners = np.array(list(itertools.product([0.0, 10.0], repeat=3)))
    points = points_of([8, 8], np.concatenate([corners, corners]), teams=8)
    for distance in (1.0, 3.0, 5.0, 9.0, 10.0, 15.0):
        assert_methods_agree(points, distance)


def test_pairs_at_the_distance_across_a_cell_border_are_found():
    # Steps of 0.1 sum up to rounding errors on both sides of every cell border.
    line = np.cumsum(np.full(300, 0.1))
    position = np.column_stack([line, line[::-1], np.zeros(300)])
    limit = math.sqrt(0.1 * 0.1 + 0.1 * 0.1)
    assert assert_methods_agree(points_of([300], position, teams=2), limit)


def test_a_distance_that_only_rounds_to_the_limit_is_found_two_borders_away():
    # 2 - (1 - 2**-53) rounds to 1. In cells of exactly that size the two would not be neighbours.
    x = [0.0, 1.0 - 2.0**-53, 2.0]
    points = points_of([3], np.array([[at, 0.0, 0.0] for at in x]))
    assert assert_methods_agree(points, 1.0) == [(0, 1, x[1]), (1, 2, 1.0)]


def test_crowds_go_through_cells_and_smaller_groups_do_not(monkeypatch):
    crowds: list[int] = []

    def spy(points, start, stop, distance):
        crowds.extend((stop - start).tolist())
        return cell_pairs(points, start, stop, distance)

    monkeypatch.setattr(_pairs, "cell_pairs", spy)
    sizes = [5, LARGEST_SHIFTED_GROUP, LARGEST_SHIFTED_GROUP + 1, 7, LARGEST_SHIFTED_GROUP + 30]
    found(points_of(sizes, np.zeros((sum(sizes), 3))), 1.0, LARGEST_SHIFTED_GROUP)
    assert crowds == [LARGEST_SHIFTED_GROUP + 1, LARGEST_SHIFTED_GROUP + 30]
    # A crowd along a line on which only the next few are near.
    crowds.clear()
    line = np.arange(sum(sizes))[:, np.newaxis] * [1.0, 0.0, 0.0]
    assert found(points_of(sizes, line), 3.0, LARGEST_SHIFTED_GROUP)
    assert crowds == []


def test_a_crowd_is_thin_as_long_as_no_point_has_too_many_ahead_of_it():
    x = np.random.default_rng(3).permutation(np.arange(1000.0))
    assert is_thin(x, THIN_CROWD_SHIFTS - 0.5)
    assert not is_thin(x, THIN_CROWD_SHIFTS)
    # Thick at one place only, and too few to be thick anywhere.
    assert not is_thin(np.append(x, np.full(THIN_CROWD_SHIFTS, 0.25)), 0.5)
    assert is_thin(np.zeros(THIN_CROWD_SHIFTS), 1.0)
    assert not is_thin(np.zeros(THIN_CROWD_SHIFTS + 1), 0.0)
    assert is_thin(np.linspace(-1.0, 1.0, THIN_CROWD_SHIFTS + 1) * 1.7e308, 1e308)


@pytest.mark.parametrize("distance", [THIN_CROWD_SHIFTS - 0.5, THIN_CROWD_SHIFTS])
def test_thin_and_thick_crowds_give_the_same_pairs(distance):
    size = LARGEST_SHIFTED_GROUP + 40
    generator = np.random.default_rng(6)
    place = generator.uniform(-40, 40, (2 * size, 3))
    place[:, 0] = np.tile(generator.permutation(size), 2)
    assert assert_methods_agree(points_of([size, size], place), distance)


def test_a_crowd_of_one_team_has_no_pairs():
    points = points_of([500], np.zeros((500, 3)), teams=1)
    assert found(points, 1.0, ALWAYS_CELLS) == found(points, 1.0, ALWAYS_SHIFTED) == []
