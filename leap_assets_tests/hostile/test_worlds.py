"""Drawn worlds for a minute, and the cases, each with the second opinion; every rule is reached."""

import os
import time

import pytest

from .campaign import try_world
from .cases import ALL_CASES, GROUPS, world_of
from .generator import draw_world
from .rules import RULES
from .worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.smoke]
# An hour is `make hostile`.
MINUTES = float(os.environ.get("HOSTILE_MINUTES", "1"))
SEED = 1


@pytest.fixture(scope="module")
def trials():
    """The worlds of the cases, tried without another order of days, which `test_cases.py` looks at."""
    return {group: try_world(world_of(ALL_CASES, group), SEED, orders=0) for group in GROUPS}


@pytest.mark.parametrize("group", GROUPS)
def test_the_second_opinion_agrees_on_the_cases(trials, group: str):
    assert trials[group].findings == {}


def test_every_rule_is_reached(trials):
    reached_by = {
        rule.name: [group for group, trial in trials.items() if rule.name in trial.rules] for rule in RULES
    }
    assert [name for name, groups in reached_by.items() if not groups] == []


def test_drawn_worlds_are_right():
    ends_at = time.monotonic() + MINUTES * 60
    number = 0
    while number == 0 or time.monotonic() < ends_at:
        world = draw_world(SEED, number)
        trial = try_world(world, SEED + number)
        assert trial.findings == {}, f"{world.name}: {world.to_json()}"
        number += 1


def test_a_world_is_the_same_when_drawn_again_and_when_read_from_its_text():
    world = draw_world(SEED, 3)
    assert world == draw_world(SEED, 3)
    assert len(world.lines) > 20
    assert World.from_json(world.to_json()) == world
