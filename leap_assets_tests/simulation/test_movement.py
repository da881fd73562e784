"""Players stay in the cube, keep to their speed and start together; contacts are those of a plain loop."""

import math

import numpy as np
import pytest

from leap_assets.simulation import WorldConfig
from leap_assets.simulation.combat import draw_kills
from leap_assets.simulation.movement import Contacts, find_contacts, walk
from leap_assets.simulation.population import GAITS
from leap_assets.simulation.streams import open_stream

CONFIG = WorldConfig()
# Eight matches of three teams of two.
MATCH = np.repeat(np.arange(8), 6)
TEAM = np.tile(np.repeat(np.arange(3), 2), 8)
BEATS = np.arange(len(MATCH)) % 9 + 1 + 30 * (np.arange(len(MATCH)) % 2)
SESSION = np.repeat(np.arange(len(MATCH)), BEATS)


def walk_all(gait: int, config: WorldConfig = CONFIG) -> np.ndarray:
    gaits = np.full(len(MATCH), gait, dtype=np.int8)
    return walk(open_stream(7, "movement"), config, MATCH, TEAM, gaits, BEATS)


@pytest.mark.parametrize("gait", range(len(GAITS)))
@pytest.mark.parametrize("heartbeat_s", [0.125, 30.0, 600.0])
def test_positions_stay_in_the_cube_and_are_rounded(gait, heartbeat_s):
    position = walk_all(gait, WorldConfig(heartbeat_s=heartbeat_s))
    assert position.shape == (3, BEATS.sum())
    assert np.abs(position).max() <= 100.0
    assert np.array_equal(position, np.round(position, 2))


@pytest.mark.parametrize("gait", range(len(GAITS)))
def test_nobody_is_faster_than_the_top_speed_and_nobody_stands_still(gait):
    position = walk_all(gait)
    step = np.sqrt(np.sum(np.diff(position, axis=1) ** 2, axis=0))[np.diff(SESSION) == 0]
    rounding = 0.02
    assert step.max() <= CONFIG.max_speed * CONFIG.heartbeat_s + rounding
    assert np.median(step) > 5.0


@pytest.mark.parametrize("gait", range(len(GAITS)))
def test_players_are_not_piled_up_at_the_walls(gait):
    match = np.repeat(np.arange(200), 2)
    team = np.tile([0, 1], 200)
    beats = np.full(400, 60)
    gaits = np.full(400, gait, dtype=np.int8)
    position = walk(open_stream(7, "movement"), CONFIG, match, team, gaits, beats)
    # Evenly spread, the outer twentieth of each axis holds a twentieth.
    assert np.mean(np.abs(position) > 95.0) < 0.1


@pytest.mark.parametrize("gait", range(len(GAITS)))
def test_teammates_start_together_and_then_part(gait):
    first = np.cumsum(BEATS) - BEATS
    start = walk_all(gait)[:, first]
    for match in range(8):
        for team in range(3):
            one, two = np.flatnonzero((match == MATCH) & (team == TEAM))
            assert np.abs(start[:, one] - start[:, two]).max() <= 6.01
    assert not np.allclose(start[:, 0], start[:, 1])


def test_a_player_of_a_single_beat_only_spawns():
    gait = np.zeros(1, dtype=np.int8)
    position = walk(
        open_stream(7, "movement"), CONFIG, np.zeros(1, int), np.zeros(1, int), gait, np.ones(1, int)
    )
    assert position.shape == (3, 1)


def are_opponents(one: int, two: int) -> bool:
    return bool(MATCH[one] == MATCH[two] and TEAM[one] != TEAM[two])


def brute_force(position: np.ndarray, distance: float) -> set[tuple[int, int, int]]:
    first = np.cumsum(BEATS) - BEATS
    found = set()
    for one in range(len(MATCH)):
        for two in range(one + 1, len(MATCH)):
            if not are_opponents(one, two):
                continue
            for beat in range(min(BEATS[one], BEATS[two])):
                a, b = position[:, first[one] + beat], position[:, first[two] + beat]
                if math.dist(a, b) <= distance:
                    found.add((one, two, beat))
    return found


@pytest.mark.parametrize("distance", [0.0, 30.0, 120.0])
def test_contacts_are_those_of_a_plain_loop(distance):
    gaits = (np.arange(len(MATCH)) % len(GAITS)).astype(np.int8)
    position = walk(open_stream(7, "movement"), CONFIG, MATCH, TEAM, gaits, BEATS)
    contacts = find_contacts(MATCH, TEAM, BEATS, position, distance)
    found = set(zip(contacts.first.tolist(), contacts.second.tolist(), contacts.beat.tolist(), strict=True))
    assert found == brute_force(position, distance)
    assert len(found) == len(contacts.beat)


def test_a_contact_exactly_at_the_distance_counts():
    match, team, beats = np.zeros(2, int), np.arange(2), np.ones(2, int)
    position = np.array([[0.0, 3.0], [0.0, 4.0], [0.0, 0.0]])
    assert find_contacts(match, team, beats, position, 5.0).distance.tolist() == [5.0]
    assert len(find_contacts(match, team, beats, position, 4.999).beat) == 0


def test_every_kill_has_a_victim_among_those_who_met():
    contacts = Contacts(np.array([0, 0, 2]), np.array([1, 1, 3]), np.array([0, 1, 5]), np.zeros(3))
    kills, deaths = draw_kills(open_stream(7, "combat"), contacts, 5, 1.0)
    assert kills.sum() == deaths.sum() == 3
    assert kills[:2].sum() == deaths[:2].sum() == 2
    assert kills[4] == deaths[4] == 0
    assert np.array_equal(kills + deaths, [2, 2, 1, 1, 0])


def test_without_luck_nobody_dies():
    contacts = Contacts(np.array([0]), np.array([1]), np.array([0]), np.zeros(1))
    kills, deaths = draw_kills(open_stream(7, "combat"), contacts, 2, 0.0)
    assert kills.sum() == deaths.sum() == 0
