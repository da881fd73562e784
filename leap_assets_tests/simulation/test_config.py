"""Every knob is explained, bounded and refused by name when wrong."""

import dataclasses
import datetime

import pytest

from leap_assets.simulation import WorldConfig
from leap_assets.simulation.config import _BOUNDS, _COUNT_BOUNDS


def test_every_knob_is_a_scalar_with_an_explanation():
    for knob in dataclasses.fields(WorldConfig):
        assert type(knob.default) in (int, float, datetime.date), knob.name
        assert knob.metadata["help"].endswith("."), knob.name


def test_the_first_knobs_are_those_that_others_set():
    names = [knob.name for knob in dataclasses.fields(WorldConfig)][:5]
    assert names == ["seed", "start_date", "initial_players", "heartbeat_s", "encounter_distance"]


def test_every_number_has_bounds():
    numbers = {knob.name for knob in dataclasses.fields(WorldConfig)} - {"start_date"}
    assert numbers == set(_BOUNDS) | set(_COUNT_BOUNDS)


@pytest.mark.parametrize("name", [*_BOUNDS, *_COUNT_BOUNDS])
@pytest.mark.parametrize("value", [-1000.0, float("nan"), float("inf"), "1", True, None])
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} .*{value!r}".replace("(", "").replace(")", "")):
        WorldConfig(**{name: value})


@pytest.mark.parametrize("name", list(_COUNT_BOUNDS))
def test_a_count_is_an_integer(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer"):
        WorldConfig(**{name: 2.5})


@pytest.mark.parametrize(
    ("knobs", "named"),
    [
        ({"session_max_s": 60}, "session_max_s"),
        ({"min_speed": 4.0}, "max_speed"),
        ({"cyclical_amplitude": 0.6}, "cyclical_amplitude"),
        ({"pc_share": 0.7, "console_share": 0.4}, "pc_share"),
        ({"duplicate_rate": 0.6, "truncated_rate": 0.6}, "duplicate_rate"),
        ({"heartbeat_s": 0.001, "session_max_s": 86_400}, "heartbeat_s"),
        ({"start_date": datetime.datetime(2025, 1, 1)}, "start_date"),
        ({"start_date": "2025-01-01"}, "start_date"),
    ],
)
def test_values_that_contradict_each_other_are_refused(knobs, named):
    with pytest.raises(ValueError, match=named):
        WorldConfig(**knobs)


def test_a_configuration_cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WorldConfig().seed = 1
