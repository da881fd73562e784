"""Contacts: hand-drawn cases by claim, and the plain loop as the oracle."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings

from leap_assets.conflicts import Contacts, detect_contacts
from leap_assets_tests.conflicts import worlds
from leap_assets_tests.conflicts.oracle import Fix, contact_rows, fix_columns, rows_of

HERE = (0.0, 0.0, 0.0)
FAR = (1000.0, 0.0, 0.0)


def contacts(
    fixes: list[Fix], distance: float = 30.0, cooldown_beats: float = 2.0
) -> list[tuple[object, ...]]:
    return rows_of(detect_contacts(**fix_columns(fixes), distance=distance, cooldown_beats=cooldown_beats))


def met_in(*beats: int, apart: float = 10.0) -> list[Fix]:
    """Player 1 of team 0 and player 2 of team 1, `apart` in these beats, far from each other around them."""
    last = max(beats) + 3
    return [Fix(0, 0, 1, beat, HERE) for beat in range(min(beats) - 3, last)] + [
        Fix(0, 1, 2, beat, (apart, 0.0, 0.0) if beat in beats else FAR)
        for beat in range(min(beats) - 3, last)
    ]


def test_players_exactly_at_the_distance_touch():
    assert contacts(met_in(5, apart=30.0)) == [(0, 1, 2, 1, 5, 5, 1, 30.0)]
    assert contacts(met_in(5, apart=math.nextafter(30.0, 31.0))) == []


def test_touch_in_three_dimensions_is_decided_as_a_plain_loop_does():
    # 0.1, 0.2, 0.3 are not what they seem: the square root of their squares' sum is the tie to hit.
    at = (0.1, 0.2, 0.1 + 0.2)
    limit = math.sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2])
    fixes = [Fix(0, 0, 1, 0, HERE), Fix(0, 1, 2, 0, at)]
    assert contacts(fixes, distance=limit) == [(0, 1, 2, 1, 0, 0, 1, limit)]
    assert contacts(fixes, distance=math.nextafter(limit, 0)) == []


def test_a_pass_by_is_one_contact_with_its_smallest_distance():
    a = [Fix(0, 0, 1, beat, HERE) for beat in range(7)]
    b = [Fix(0, 1, 2, beat, (20.0 * (beat - 3), 5.0, 0.0)) for beat in range(7)]
    assert contacts(a + b) == [(0, 1, 2, 1, 2, 4, 3, 5.0)]


def test_a_flicker_within_the_cooldown_is_one_contact():
    assert contacts(met_in(0, 2, 3, 5)) == [(0, 1, 2, 1, 0, 5, 4, 10.0)]


def test_a_gap_longer_than_the_cooldown_makes_two_contacts():
    assert contacts(met_in(0, 3)) == [(0, 1, 2, 1, 0, 0, 1, 10.0), (0, 1, 2, 2, 3, 3, 1, 10.0)]


def test_a_gap_equal_to_the_cooldown_makes_one_contact():
    assert contacts(met_in(0, 3), cooldown_beats=3.0) == [(0, 1, 2, 1, 0, 3, 2, 10.0)]


def test_a_fractional_cooldown_is_not_rounded():
    assert len(contacts(met_in(0, 3), cooldown_beats=2.999)) == 2
    assert len(contacts(met_in(0, 3), cooldown_beats=3.001)) == 1


def test_without_cooldown_every_close_beat_is_a_contact():
    assert [row[3] for row in contacts(met_in(0, 1, 2), cooldown_beats=0)] == [1, 2, 3]


def test_with_an_endless_cooldown_a_pair_has_one_contact():
    assert contacts(met_in(0, 1000), cooldown_beats=math.inf) == [(0, 1, 2, 1, 0, 1000, 2, 10.0)]


def test_one_team_only_has_no_contacts():
    assert contacts([Fix(0, 4, player, 0, HERE) for player in range(5)]) == []


def test_one_row_has_no_contacts():
    assert contacts([Fix(0, 0, 1, 0, HERE)]) == []


def test_an_empty_day_has_no_contacts_and_typed_columns():
    result = detect_contacts(
        session=[], team=[], player=[], beat=[], position=np.empty((0, 3)), distance=30, cooldown_beats=2
    )
    dtypes = {field.name: getattr(result, field.name).dtype for field in dataclasses.fields(Contacts)}
    assert rows_of(result) == []
    assert dtypes.pop("min_distance") == np.float64
    assert set(dtypes.values()) == {np.dtype(np.int64)}


def test_identical_positions_are_close_at_distance_zero():
    assert contacts(met_in(5, apart=0.0), distance=0.0) == [(0, 1, 2, 1, 5, 5, 1, 0.0)]
    assert contacts(met_in(5, apart=0.01), distance=0.0) == []


def test_differences_too_small_to_be_squared_are_close_at_distance_zero():
    # As in a plain loop: the square is 0.
    assert contacts(met_in(5, apart=1e-170), distance=0.0) == [(0, 1, 2, 1, 5, 5, 1, 0.0)]


@pytest.mark.parametrize("nowhere", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_player_without_finite_coordinates_is_nowhere(nowhere, axis):
    at = [0.0, 0.0, 0.0]
    at[axis] = nowhere
    lost = [Fix(0, 1, 2, beat, tuple(at) if beat == 1 else HERE) for beat in range(3)]
    assert contacts([Fix(0, 0, 1, beat, HERE) for beat in range(3)] + lost) == [(0, 1, 2, 1, 0, 2, 2, 0.0)]


def test_beats_may_be_negative():
    assert contacts(met_in(-7, -5, 0)) == [(0, 1, 2, 1, -7, -5, 2, 10.0), (0, 1, 2, 2, 0, 0, 1, 10.0)]


def test_a_missing_beat_is_a_gap():
    fixes = [Fix(0, team, team + 1, beat, HERE) for team in (0, 1) for beat in (0, 1, 9)]
    assert [row[4:7] for row in contacts(fixes)] == [(0, 1, 2), (9, 9, 1)]


def test_players_of_different_sessions_do_not_meet():
    assert contacts([Fix(0, 0, 1, 0, HERE), Fix(1, 1, 2, 0, HERE)]) == []


def test_players_of_different_beats_do_not_meet():
    assert contacts([Fix(0, 0, 1, 0, HERE), Fix(0, 1, 2, 1, HERE)]) == []


def test_a_player_who_switches_teams_is_an_opponent_only_while_the_teams_differ():
    fixes = [Fix(0, 0, 1, beat, HERE) for beat in range(6)]
    fixes += [Fix(0, 1 if beat in (1, 2, 5) else 0, 2, beat, HERE) for beat in range(6)]
    assert [row[4:7] for row in contacts(fixes, cooldown_beats=1)] == [(1, 2, 2), (5, 5, 1)]


def test_the_lower_code_is_player_1_whatever_the_team():
    assert [row[1:3] for row in contacts([Fix(0, 9, -3, 0, HERE), Fix(0, 2, 8, 0, HERE)])] == [(-3, 8)]


def test_shuffled_rows_give_the_same_contacts():
    fixes = worlds.seeded_fixes(5, players=8, teams=3, beats=12, cube=12)
    expected = contacts(fixes, distance=3)
    generator = np.random.default_rng(6)
    assert expected
    for _ in range(5):
        assert contacts([fixes[row] for row in generator.permutation(len(fixes))], distance=3) == expected


@pytest.mark.parametrize("is_sorted", [True, False])
def test_inputs_are_never_changed(is_sorted):
    fixes = worlds.seeded_fixes(5, players=8, teams=3, beats=12, cube=12)
    if is_sorted:
        fixes.sort(key=lambda fix: (fix.session, fix.beat, fix.player))
    columns = fix_columns(fixes)
    before = {name: column.copy() for name, column in columns.items()}
    for column in columns.values():
        column.flags.writeable = False
    detect_contacts(**columns, distance=3, cooldown_beats=2)
    for name, column in columns.items():
        np.testing.assert_array_equal(column, before[name])


def test_other_dtypes_and_layouts_give_the_same_contacts():
    fixes = worlds.seeded_fixes(5, players=8, teams=3, beats=12, cube=12)
    columns = fix_columns(fixes)
    expected = rows_of(detect_contacts(**columns, distance=3, cooldown_beats=2))
    other = {name: column.astype(np.int16) for name, column in columns.items() if name != "position"}
    other["team"] = columns["team"].astype(np.uint64)
    other["position"] = np.asfortranarray(columns["position"].astype(np.float32))
    assert rows_of(detect_contacts(**other, distance=3, cooldown_beats=2)) == expected


def test_a_crowd_far_from_the_origin_and_a_distance_larger_than_the_world_do_not_overflow():
    generator = np.random.default_rng(2)
    at = generator.integers(0, 9, (300, 3)) + np.array([1e9, -1e9, 0])
    fixes = [Fix(0, player % 2, player, 0, tuple(at[player].tolist())) for player in range(300)]
    assert contacts(fixes, distance=1.0) == contact_rows(fixes, 1.0, 2.0)
    assert len(contacts(fixes, distance=1e300)) == 150 * 150


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("distance", "cooldown_beats"), [(3.0, 2.0), (0.5, 0.0), (20.0, 1.5)])
def test_seeded_worlds_agree_with_a_plain_loop(seed, distance, cooldown_beats):
    fixes = worlds.seeded_fixes(seed, players=2 + 2 * seed, teams=2 + seed % 3, beats=10, cube=12)
    expected = contact_rows(fixes, distance, cooldown_beats)
    assert contacts(fixes, distance, cooldown_beats) == expected


def test_a_match_and_a_crowd_in_one_session_agree_with_a_plain_loop():
    # Beats 0, 2, 4 hold a crowd, the others a handful: the islands of a pair come out of both pair methods.
    generator = np.random.default_rng(9)
    fixes = [
        Fix(0, player % 3, player, beat, tuple(generator.integers(0, 5 if player < 12 else 14, 3).tolist()))
        for beat in range(6)
        for player in range(150 if beat % 2 == 0 else 12)
    ]
    expected = contact_rows(fixes, 2.0, 2.0)
    assert any(row[4] % 2 != row[5] % 2 for row in expected)
    assert contacts(fixes, 2.0, 2.0) == expected


@settings(max_examples=200, deadline=None)
@given(worlds.drawn_worlds())
def test_drawn_worlds_agree_with_a_plain_loop(world):
    expected = contact_rows(world.fixes, world.distance, world.cooldown_beats)
    assert contacts(world.fixes, world.distance, world.cooldown_beats) == expected
