"""Conflicts: hand-drawn cases by claim, and the plain loop as the oracle."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings

from leap_assets.conflicts import Conflicts, detect_conflicts
from leap_assets_tests.conflicts import worlds
from leap_assets_tests.conflicts.oracle import Centroid, Fix, conflict_columns, conflict_rows, rows_of

HERE = (0.0, 0.0, 0.0)
FAR = (1000.0, 0.0, 0.0)


def conflicts(
    centroids: list[Centroid], fixes: Sequence[Fix] = (), distance: float = 30.0, cooldown_beats: float = 2.0
) -> list[tuple[object, ...]]:
    columns = conflict_columns(centroids, fixes)
    return rows_of(detect_conflicts(**columns, distance=distance, cooldown_beats=cooldown_beats))


def met_in(*beats: int, apart: float = 10.0) -> list[Centroid]:
    """Teams 0 and 1, `apart` in these beats, far from each other around them."""
    around = range(min(beats) - 3, max(beats) + 3)
    still = [Centroid(0, 0, beat, HERE) for beat in around]
    return still + [Centroid(0, 1, beat, (0.0, apart, 0.0) if beat in beats else FAR) for beat in around]


def test_teams_exactly_at_the_distance_touch():
    assert conflicts(met_in(5, apart=30.0)) == [(0, 0, 1, 1, 5, 5, 1, 30.0, None)]
    assert conflicts(met_in(5, apart=math.nextafter(30.0, 31.0))) == []


def test_a_pass_by_is_one_conflict_with_its_smallest_distance():
    a = [Centroid(0, 0, beat, HERE) for beat in range(7)]
    b = [Centroid(0, 1, beat, (20.0 * (beat - 3), 5.0, 0.0)) for beat in range(7)]
    assert conflicts(a + b) == [(0, 0, 1, 1, 2, 4, 3, 5.0, None)]


def test_a_flicker_within_the_cooldown_is_one_conflict():
    assert conflicts(met_in(0, 2, 3, 5)) == [(0, 0, 1, 1, 0, 5, 4, 10.0, None)]


def test_a_gap_longer_than_the_cooldown_makes_two_conflicts():
    assert [row[3:7] for row in conflicts(met_in(0, 3))] == [(1, 0, 0, 1), (2, 3, 3, 1)]


def test_a_gap_equal_to_the_cooldown_makes_one_conflict():
    assert [row[3:7] for row in conflicts(met_in(0, 3), cooldown_beats=3)] == [(1, 0, 3, 2)]


def test_a_pair_that_never_comes_close_has_no_conflict():
    assert conflicts(met_in(5, apart=31.0)) == []


def test_one_team_only_has_no_conflicts():
    assert conflicts([Centroid(0, 0, beat, HERE) for beat in range(5)]) == []


def test_an_empty_day_has_no_conflicts_and_typed_columns():
    result = detect_conflicts(**conflict_columns([], []), distance=30, cooldown_beats=2)
    dtypes = {field.name: getattr(result, field.name).dtype for field in dataclasses.fields(Conflicts)}
    assert rows_of(result) == []
    assert {dtypes.pop("min_centroid_distance"), dtypes.pop("min_player_distance")} == {np.dtype(np.float64)}
    assert set(dtypes.values()) == {np.dtype(np.int64)}


def test_players_without_any_centroid_make_no_conflict():
    assert conflicts([], [Fix(0, 0, 1, 0, HERE), Fix(0, 1, 2, 0, HERE)]) == []


def test_identical_centroids_are_close_at_distance_zero():
    assert conflicts(met_in(5, apart=0.0), distance=0) == [(0, 0, 1, 1, 5, 5, 1, 0.0, None)]


@pytest.mark.parametrize("nowhere", [math.nan, math.inf])
def test_a_team_without_finite_coordinates_is_nowhere(nowhere):
    lost = [Centroid(0, 1, beat, (0.0, 0.0, nowhere) if beat == 1 else HERE) for beat in range(3)]
    assert conflicts([Centroid(0, 0, beat, HERE) for beat in range(3)] + lost) == [
        (0, 0, 1, 1, 0, 2, 2, 0.0, None)
    ]


def test_beats_may_be_negative():
    assert [row[3:7] for row in conflicts(met_in(-7, -5, 0))] == [(1, -7, -5, 2), (2, 0, 0, 1)]


def test_every_pair_of_three_teams_has_its_own_numbers():
    centroids = [Centroid(0, team, beat, HERE) for team in (8, 5, 6) for beat in (0, 9)]
    assert [row[:4] for row in conflicts(centroids)] == [
        (0, 5, 6, 1),
        (0, 5, 6, 2),
        (0, 5, 8, 1),
        (0, 5, 8, 2),
        (0, 6, 8, 1),
        (0, 6, 8, 2),
    ]


def test_the_player_distance_is_the_smallest_of_opponents_in_close_beats():
    fixes = [
        Fix(0, 0, 1, 5, HERE),
        Fix(0, 0, 2, 5, (7.0, 0.0, 0.0)),
        Fix(0, 1, 3, 5, (9.0, 0.0, 0.0)),
        Fix(0, 1, 4, 5, (90.0, 0.0, 0.0)),
        # Nearer ones that do not count: team mates, another beat, another session, a third team, a lost one.
        Fix(0, 0, 5, 5, (7.5, 0.0, 0.0)),
        Fix(0, 0, 1, 4, HERE),
        Fix(0, 1, 3, 4, HERE),
        Fix(1, 1, 3, 5, (7.0, 0.0, 0.0)),
        Fix(0, 2, 6, 5, (7.0, 0.0, 0.0)),
        Fix(0, 1, 7, 5, (7.0, 0.0, math.nan)),
    ]
    assert conflicts(met_in(5), fixes) == [(0, 0, 1, 1, 5, 5, 1, 10.0, 1.5)]


def test_the_player_distance_may_come_from_any_close_beat_and_from_beyond_the_distance():
    fixes = [Fix(0, 0, 1, 1, HERE), Fix(0, 1, 2, 1, (0.0, 0.0, 80.0))]
    fixes += [Fix(0, 0, 1, 2, HERE), Fix(0, 1, 2, 2, (0.0, 0.0, 70.0))]
    assert conflicts(met_in(0, 1, 2), fixes) == [(0, 0, 1, 1, 0, 2, 3, 10.0, 70.0)]


def test_each_conflict_of_a_pair_has_its_own_player_distance():
    fixes = [Fix(0, team, team, beat, (team * (1.0 + beat), 0.0, 0.0)) for team in (0, 1) for beat in (0, 5)]
    assert [row[8] for row in conflicts(met_in(0, 5), fixes)] == [1.0, 6.0]


def test_without_players_of_one_team_the_player_distance_is_unknown():
    assert conflicts(met_in(5), [Fix(0, 0, 1, 5, HERE)])[0][8] is None


@pytest.mark.parametrize("chunk_pairs", [1, 7, 50])
def test_player_distances_do_not_depend_on_how_many_pairs_are_looked_at_in_one_go(monkeypatch, chunk_pairs):
    monkeypatch.setattr("leap_assets.conflicts.conflicts.CHUNK_PAIRS", chunk_pairs)
    fixes = worlds.seeded_fixes(3, players=20, teams=3, beats=6, cube=12)
    centroids = worlds.seeded_centroids(fixes)
    assert conflicts(centroids, fixes, 5.0) == conflict_rows(centroids, fixes, 5.0, 2.0)


def test_shuffled_rows_give_the_same_conflicts():
    fixes = worlds.seeded_fixes(5, players=8, teams=4, beats=12, cube=12)
    centroids = worlds.seeded_centroids(fixes)
    expected = conflicts(centroids, fixes, distance=5)
    generator = np.random.default_rng(6)
    assert expected
    for _ in range(5):
        shuffled = [centroids[row] for row in generator.permutation(len(centroids))]
        players = [fixes[row] for row in generator.permutation(len(fixes))]
        assert conflicts(shuffled, players, distance=5) == expected


def test_inputs_are_never_changed():
    fixes = worlds.seeded_fixes(5, players=8, teams=4, beats=12, cube=12)
    columns = conflict_columns(worlds.seeded_centroids(fixes), fixes)
    before = {name: column.copy() for name, column in columns.items()}
    for column in columns.values():
        column.flags.writeable = False
    detect_conflicts(**columns, distance=5, cooldown_beats=2)
    for name, column in columns.items():
        np.testing.assert_array_equal(column, before[name])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("distance", "cooldown_beats"), [(5.0, 2.0), (1.0, 0.0), (20.0, 1.5)])
def test_seeded_worlds_agree_with_a_plain_loop(seed, distance, cooldown_beats):
    fixes = worlds.seeded_fixes(seed, players=4 + 2 * seed, teams=2 + seed, beats=10, cube=12)
    centroids = worlds.seeded_centroids(fixes)
    expected = conflict_rows(centroids, fixes, distance, cooldown_beats)
    assert conflicts(centroids, fixes, distance, cooldown_beats) == expected


@settings(max_examples=200, deadline=None)
@given(worlds.drawn_worlds())
def test_drawn_worlds_agree_with_a_plain_loop(world):
    limits = (world.distance, world.cooldown_beats)
    assert conflicts(world.centroids, world.fixes, *limits) == conflict_rows(
        world.centroids, world.fixes, *limits
    )
