"""Wrong arguments are refused with a ValueError that names the argument and the value."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from leap_assets.conflicts import detect_conflicts, detect_contacts
from leap_assets_tests.conflicts.oracle import Centroid, Fix, conflict_columns, fix_columns

HERE = (0.0, 0.0, 0.0)
FIXES = [Fix(0, 0, 1, 0, HERE), Fix(0, 1, 2, 0, HERE)]
CENTROIDS = [Centroid(0, 0, 0, HERE), Centroid(0, 1, 0, HERE)]


def contact_arguments() -> dict[str, object]:
    return {**fix_columns(FIXES), "distance": 30.0, "cooldown_beats": 2.0}


def conflict_arguments() -> dict[str, object]:
    return {**conflict_columns(CENTROIDS, FIXES), "distance": 30.0, "cooldown_beats": 2.0}


DETECTORS = [
    pytest.param(detect_contacts, contact_arguments, id="contacts"),
    pytest.param(detect_conflicts, conflict_arguments, id="conflicts"),
]
CODES = [
    *((detect_contacts, contact_arguments, name) for name in ("session", "team", "player", "beat")),
    *(
        (detect_conflicts, conflict_arguments, name)
        for name in ("session", "team", "beat", "player_session", "player_team", "player_beat", "player")
    ),
]
POSITIONS = [
    (detect_contacts, contact_arguments, "position"),
    (detect_conflicts, conflict_arguments, "centroid"),
    (detect_conflicts, conflict_arguments, "position"),
]


@pytest.mark.parametrize(("detect", "arguments"), DETECTORS)
@pytest.mark.parametrize("value", [-1.0, -math.ulp(0.0), math.nan, math.inf, -math.inf])
def test_a_distance_that_is_negative_or_not_finite_is_refused(
    detect: Callable, arguments: Callable, value: float
):
    with pytest.raises(ValueError, match=f"^distance .* got {value}$"):
        detect(**{**arguments(), "distance": value})


@pytest.mark.parametrize(("detect", "arguments"), DETECTORS)
@pytest.mark.parametrize("value", [-0.5, math.nan, -math.inf])
def test_a_negative_cooldown_is_refused(detect: Callable, arguments: Callable, value: float):
    with pytest.raises(ValueError, match=f"^cooldown_beats .* got {value}$"):
        detect(**{**arguments(), "cooldown_beats": value})


@pytest.mark.parametrize(("detect", "arguments", "name"), CODES)
def test_a_column_of_another_length_is_refused(detect: Callable, arguments: Callable, name: str):
    with pytest.raises(ValueError, match=rf"\b{name}\b has .*\(3,\)"):
        detect(**{**arguments(), name: np.zeros(3, dtype=np.int64)})


@pytest.mark.parametrize(("detect", "arguments", "name"), CODES)
@pytest.mark.parametrize(
    "values", [[0.0, 1.0], ["a", "b"], [True, False], [[0], [1]], np.array([0, 2**64 - 1], dtype=np.uint64)]
)
def test_codes_that_are_not_64_bit_integers_in_one_dimension_are_refused(
    detect: Callable, arguments: Callable, name: str, values: object
):
    with pytest.raises(ValueError, match=rf"^{name} must"):
        detect(**{**arguments(), name: np.asarray(values)})


@pytest.mark.parametrize(("detect", "arguments", "name"), POSITIONS)
@pytest.mark.parametrize(
    "values", [np.zeros((2, 2)), np.zeros((3, 3)), np.zeros(6), np.zeros((2, 3), dtype=complex)]
)
def test_positions_that_are_not_three_real_numbers_a_row_are_refused(
    detect: Callable, arguments: Callable, name: str, values: np.ndarray
):
    with pytest.raises(ValueError, match=rf"^{name} must"):
        detect(**{**arguments(), name: values})


@pytest.mark.parametrize("beat", [2**52 + 1, -(2**52) - 1])
def test_beats_whose_differences_would_not_be_exact_are_refused(beat: int):
    with pytest.raises(ValueError, match=rf"^beat must lie .* got {beat}$"):
        detect_contacts(**{**contact_arguments(), "beat": np.array([0, beat])})


def test_a_repeated_player_in_a_beat_is_refused():
    fixes = [*FIXES, Fix(7, 0, 5, -3, HERE), Fix(7, 1, 5, -3, HERE)]
    with pytest.raises(ValueError, match=r"session, player, beat .*\(7, 5, -3\) is repeated"):
        detect_contacts(**fix_columns(fixes), distance=30, cooldown_beats=2)
    with pytest.raises(ValueError, match=r"player_session, player, player_beat .*\(7, 5, -3\) is repeated"):
        detect_conflicts(**conflict_columns(CENTROIDS, fixes), distance=30, cooldown_beats=2)


def test_a_repeated_row_is_refused_even_if_it_would_be_ignored():
    fixes = [*FIXES, Fix(0, 0, 1, 0, (math.nan, 0.0, 0.0))]
    with pytest.raises(ValueError, match="is repeated"):
        detect_contacts(**fix_columns(fixes), distance=30, cooldown_beats=2)


def test_a_repeated_team_in_a_beat_is_refused():
    centroids = [*CENTROIDS, Centroid(0, 1, 0, (1.0, 0.0, 0.0))]
    with pytest.raises(ValueError, match=r"session, team, beat .*\(0, 1, 0\) is repeated"):
        detect_conflicts(**conflict_columns(centroids, FIXES), distance=30, cooldown_beats=2)
