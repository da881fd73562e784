"""Levels: one at a time, never down, harder and harder; two weeks of the past tell where a player stands."""

from collections import defaultdict

import numpy as np
import pytest

from leap_assets.simulation import World, WorldConfig
from leap_assets.simulation import world as world_module
from leap_assets.simulation.levels import LAST_LEVEL, LOOK_BACK_DAYS, count_wins, play_levels, ready_level
from leap_assets.simulation.play import Playbook, list_player_sessions
from leap_assets.simulation.population import Population
from leap_assets.simulation.streams import format_uuids
from leap_assets_tests.simulation.rows import CLEAN, date_of, midnight_of, to_rows

DAYS = 36


def attempts_of(days: list[dict], *names: str) -> dict[str, list[tuple]]:
    """Give the attempts of every player in the order of time, as the named columns."""
    found = defaultdict(list)
    for truth in days:
        for player, at, *rest in to_rows(truth["level_attempt"], "player_id", "started_at", *names):
            found[player].append((at, *rest))
    return {player: [row[1:] for row in sorted(rows)] for player, rows in found.items()}


@pytest.fixture(scope="module")
def days() -> list[dict]:
    world = World(WorldConfig(initial_players=600, **CLEAN))
    return [world.day(date_of(number), logs=("player", "client")).truth for number in range(DAYS)]


def test_a_player_starts_at_level_1_and_goes_on_where_the_last_attempt_left_off(days):
    steps, jumps = 0, 0
    for rows in attempts_of(days, "level", "outcome").values():
        level = 1
        for started, outcome in rows:
            steps += 1
            assert level <= started <= LAST_LEVEL
            jumps += started > level
            level = min(started + (outcome == "complete"), LAST_LEVEL)
    assert steps > 15_000
    # Nobody jumps but who has been away, or has hardly played, for two weeks.
    assert jumps <= 3


def test_levels_get_harder(days):
    by_level = defaultdict(list)
    for rows in attempts_of(days, "level", "outcome").values():
        for level, outcome in rows:
            if outcome != "abandoned":
                by_level[level].append(outcome == "complete")
    bands = [range(1, 2), range(2, 4), range(4, 8), range(8, 30)]
    success = [np.mean([won for level in band for won in by_level[level]]) for band in bands]
    assert success == sorted(success, reverse=True)
    assert success[0] > 0.45
    assert 0.1 < success[-1] < 0.25


def test_the_better_player_wins_more_often_at_the_same_level(days):
    players = Population(WorldConfig(initial_players=600, **CLEAN)).until(DAYS - 1)
    skill = dict(zip(format_uuids(players.raw_id).tolist(), players.skill.tolist(), strict=True))
    median = np.median(players.skill)
    won = {True: [], False: []}
    for player, rows in attempts_of(days, "level", "outcome").items():
        won[skill[player] > median] += [outcome == "complete" for level, outcome in rows if 2 <= level <= 5]
    assert np.mean(won[True]) > 1.5 * np.mean(won[False])


def test_some_attempts_are_cut_off_and_only_at_the_end_of_a_session(days):
    abandoned = 0
    for truth in days:
        rows = defaultdict(list)
        for player, session, at, outcome in to_rows(
            truth["level_attempt"], "player_id", "session_id", "started_at", "outcome"
        ):
            rows[player, session].append((at, outcome))
        for attempts in rows.values():
            outcomes = [outcome for _, outcome in sorted(attempts)]
            assert "abandoned" not in outcomes[:-1]
            abandoned += outcomes[-1] == "abandoned"
    sessions = sum(int(truth["active"]["player_sessions"].sum()) for truth in days)
    assert abandoned / sessions == pytest.approx(0.25, abs=0.02)


def test_all_attempts_are_of_the_day_of_the_match(days):
    for number, truth in enumerate(days):
        times = truth["level_attempt"]["started_at"]
        assert np.all((times >= midnight_of(number)) & (times < midnight_of(number + 1)))


def test_the_funnel_of_new_players_is_plausible(days):
    registered = {
        player: number
        for number in range(DAYS - LOOK_BACK_DAYS)
        for player in to_rows(days[number]["registered"], "player_id")
    }
    done = defaultdict(set)
    for number, truth in enumerate(days):
        for player, level, outcome in to_rows(truth["level_attempt"], "player_id", "level", "outcome"):
            if outcome == "complete" and number - registered.get((player,), -99) < 14:
                done[level].add(player)
    assert 0.92 <= len(done[1]) / len(registered) <= 0.99
    assert 0.35 <= len(done[5]) / len(registered) <= 0.6
    assert 0.1 <= len(done[10]) / len(registered) <= 0.3


def test_readiness_never_falls_and_ends_at_the_last_level():
    age = np.arange(-20, 3000)
    for skill in (0.0, 0.3, 4.5, 8.1, 1000.0):
        level = ready_level(np.full(len(age), skill), age)
        assert np.all(np.diff(level) >= 0)
        assert np.all(level[age < 0] == 1)
        assert level.max() <= LAST_LEVEL
    assert ready_level(np.array([4.5, 4.5]), np.array([0, 8])).tolist() == [5, 14]


def test_two_weeks_tell_what_a_whole_life_would():
    config = WorldConfig(initial_players=1500)
    playbook = Playbook(config, Population(config))
    plays = [playbook.day(day) for day in range(60)]
    wins = [count_wins(config, play) for play in plays]
    level = np.ones(len(plays[-1].players), dtype=np.int64)
    compared = differing = 0
    for day, play in enumerate(plays):
        player = list_player_sessions(play).player
        attempts = play_levels(config, play, wins[max(0, day - LOOK_BACK_DAYS + 1) : day])
        is_first = np.diff(player[attempts.session], prepend=-1) != 0
        found = attempts.level[is_first]
        expected = level[player[attempts.session][is_first]]
        assert np.all(found >= expected)
        compared += len(found)
        differing += np.count_nonzero(found != expected)

        won = np.zeros(len(level), dtype=np.int64)
        won[wins[day].player] = wins[day].count
        everybody = plays[-1].players
        level = np.minimum(ready_level(everybody.skill, day - everybody.day), level + won)
    assert compared > 7_000
    assert differing < 0.005 * compared


def test_a_day_looks_back_two_weeks_and_no_further(monkeypatch):
    seen = []

    def count(config, play):
        seen.append(play.day)
        return count_wins(config, play)

    monkeypatch.setattr(world_module, "count_wins", count)
    world = World(WorldConfig(initial_players=20, arrivals_per_day=2.0))
    world.day(date_of(1000), logs=("client",))
    # Three days of late lines before the day, each with its own two weeks.
    assert set(seen) == set(range(1000 - 3 - LOOK_BACK_DAYS + 1, 1001))


def test_a_day_far_on_is_the_same_alone_as_in_a_range():
    config = WorldConfig(initial_players=100)
    world = World(config)
    days = [world.day(date_of(number), logs=("client",)) for number in range(31)]
    for number in (30, 17):
        alone = World(config).day(date_of(number), logs=("client",))
        for table, whole in (
            (alone.logs["client"].columns, days[number].logs["client"].columns),
            (alone.truth["level_attempt"], days[number].truth["level_attempt"]),
        ):
            assert to_rows(table) == to_rows(whole)
