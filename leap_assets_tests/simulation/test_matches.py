"""Everybody who asks plays: soon, with others where there are others, and never twice at once."""

from itertools import pairwise

import numpy as np
import pytest

from leap_assets.simulation import WorldConfig
from leap_assets.simulation.play import Play, Playbook, list_player_sessions
from leap_assets.simulation.population import COUNTRY_CODES, DAY_US, Population
from leap_assets.simulation.sign_ons import draw_wishes

CONFIG = WorldConfig(initial_players=3000, extra_sessions_mean=3.0, session_break_mean_s=30.0)
# Everybody comes every day and plays for long: hundreds are still in a match when their next day begins.
EAGER = {"initial_players": 3000, "churn_a": 0.01, "daily_habit_share": 1.0, "weekday_habit_share": 0.0}
EAGER |= {"daily_signon": 1.0, "extra_sessions_mean": 3.0, "session_break_mean_s": 30.0}
LONG = {"session_median_s": 5000.0, "session_max_s": 10_800}
# As long as can be: a delay can take the whole day, and one night's delay leads to the next one's.
DAY_LONG = {"session_median_s": 30_000.0, "session_sigma": 1.0, "session_max_s": 86_400}


def play_days(config: WorldConfig, days: int) -> list[Play]:
    playbook = Playbook(config, Population(config))
    return [playbook.day(day) for day in range(days)]


@pytest.fixture(scope="module")
def plays() -> list[Play]:
    return play_days(CONFIG, 4)


@pytest.fixture(scope="module")
def eager_plays() -> list[Play]:
    return play_days(WorldConfig(**EAGER, **LONG), 10)


def test_nobody_is_dropped_and_nobody_is_added(plays):
    for play in plays:
        wanted = np.sort(play.sign_ons.signon * 10**6 + play.sign_ons.length_s)
        assert np.array_equal(np.sort(play.matches.signon * 10**6 + play.matches.length_s), wanted)


def test_nobody_is_in_two_matches_at_once_nor_twice_in_one(plays):
    for play in plays:
        matches = play.matches
        start = matches.start_s[matches.match]
        order = np.lexsort((start, matches.signon))
        same_player = np.diff(matches.signon[order]) == 0
        assert np.count_nonzero(same_player) > 100
        begins_after = start[order][1:] > (start + matches.length_s)[order][:-1]
        assert np.all(begins_after[same_player])


@pytest.mark.parametrize("length", [{}, LONG, DAY_LONG])
def test_nobody_is_in_two_matches_at_once_over_midnight(length):
    player, start, end = [], [], []
    for play in play_days(WorldConfig(**EAGER, **length), 10):
        sessions = list_player_sessions(play)
        player.append(sessions.player)
        start.append(sessions.start_us + play.day * DAY_US)
        end.append(sessions.end_us + play.day * DAY_US)
    order = np.lexsort((np.concatenate(start), np.concatenate(player)))
    player, start, end = (np.concatenate(parts)[order] for parts in (player, start, end))
    same_player = np.diff(player) == 0
    assert np.all(start[1:][same_player] > end[:-1][same_player])
    # The claim is about those who play over midnight and come again on the day that has begun.
    over_midnight = same_player & (start[:-1] // DAY_US < end[:-1] // DAY_US)
    again = over_midnight & (start[1:] // DAY_US == end[:-1] // DAY_US)
    assert np.count_nonzero(again) > 300


def test_who_plays_over_midnight_signs_on_again_after_it(eager_plays):
    waited = 0
    for before, play in pairwise(eager_plays):
        sessions = list_player_sessions(before)
        left_us = np.zeros(len(play.players), dtype=np.int64)
        np.maximum.at(left_us, sessions.player, sessions.end_us - DAY_US)
        sign_ons = play.sign_ons
        assert np.all(sign_ons.at_us >= left_us[sign_ons.player])
        assert sign_ons.at_us.max() < DAY_US

        wished_us = draw_wishes(WorldConfig(**EAGER, **LONG), play.players, play.day).at_us
        is_late = sign_ons.at_us != wished_us
        assert np.all(sign_ons.at_us[is_late] > wished_us[is_late])
        # The delay is for the match of the evening before and hardly longer than it asks for.
        was_playing = wished_us < left_us[sign_ons.player]
        assert np.all(is_late[was_playing])
        spare_us = (sign_ons.at_us - left_us[sign_ons.player])[was_playing]
        assert np.median(spare_us) < CONFIG.max_wait_s * 1_000_000
        assert not np.any(is_late[play.players.day[sign_ons.player] == play.day])
        waited += np.count_nonzero(is_late)
    assert waited > 300


def test_hardly_anybody_waits_for_the_evening_before_in_the_default_world():
    config = WorldConfig(initial_players=20_000)
    late = players = 0
    for play in play_days(config, 5):
        wished_us = draw_wishes(config, play.players, play.day).at_us
        late += np.count_nonzero(play.sign_ons.at_us != wished_us)
        players += len(wished_us)
    assert 0 < late < 0.001 * players


def test_a_day_of_play_alone_is_the_day_in_a_range(eager_plays):
    config = WorldConfig(**EAGER, **LONG)
    playbook = Playbook(config, Population(config))
    for alone in (playbook.day(7), playbook.day(2), Playbook(config, Population(config)).day(5)):
        whole = eager_plays[alone.day]
        assert np.array_equal(alone.sign_ons.at_us, whole.sign_ons.at_us)
        for name in ("raw_id", "start_s", "match", "team", "signon", "length_s"):
            assert np.array_equal(getattr(alone.matches, name), getattr(whole.matches, name))


def test_the_wait_is_bounded_and_never_crosses_midnight(plays):
    for play in plays:
        sign_ons, matches = play.sign_ons, play.matches
        first_request = np.full(len(sign_ons.player), 10**9)
        np.minimum.at(first_request, sign_ons.signon, sign_ons.request_s)
        first_start = np.full(len(sign_ons.player), 10**9)
        np.minimum.at(first_start, matches.signon, matches.start_s[matches.match])
        wait = (first_start - first_request)[first_request < 10**9]
        assert wait.min() >= 0
        assert wait.max() <= CONFIG.max_wait_s
        assert matches.start_s.max() < 86_400


def test_a_match_starts_after_its_players_signed_on(plays):
    for play in plays:
        start_us = play.matches.start_s[play.matches.match] * 1_000_000
        assert np.all(start_us > play.sign_ons.at_us[play.matches.signon])


def test_new_players_sign_on_after_registering_and_play(plays):
    for play in plays:
        new = np.flatnonzero(play.players.day == play.day)
        position = np.searchsorted(play.sign_ons.player, new)
        assert np.array_equal(play.sign_ons.player[position], new)
        assert np.all(play.sign_ons.at_us[position] > play.players.registered_us[new])
        assert np.all(np.isin(position, play.matches.signon))


def test_the_churned_stay_away(plays):
    for play in plays:
        assert np.all(play.players.last_day[play.sign_ons.player] >= play.day)


def test_teams_have_the_sizes_of_the_configuration(plays):
    for play in plays:
        matches = play.matches
        team_sizes = np.bincount(matches.match * CONFIG.max_teams + matches.team)
        assert team_sizes.max() <= CONFIG.max_team_players
        assert matches.team.max() < CONFIG.max_teams
        sizes = np.bincount(matches.match)
        teams = np.bincount(np.unique(matches.match * 1000 + matches.team) // 1000)
        assert np.all(teams[sizes > 1] >= 2)
        assert np.all(teams[sizes == 1] == 1)


def test_the_typical_match_of_a_small_world_has_opponents():
    config = WorldConfig()
    play = Playbook(config, Population(config)).day(30)
    teams = np.bincount(np.unique(play.matches.match * 1000 + play.matches.team) // 1000)
    assert np.mean(teams >= 2) > 0.8


def test_lengths_stay_within_their_bounds_and_differ(plays):
    lengths = plays[0].matches.length_s
    assert lengths.min() >= CONFIG.session_min_s
    assert lengths.max() <= CONFIG.session_max_s
    assert len(np.unique(lengths)) > 500


def test_sign_ons_follow_the_clock_of_the_country():
    config = WorldConfig(initial_players=50_000)
    players = Population(config).until(0)
    hours = {}
    for country in ("US", "JP"):
        number = COUNTRY_CODES.index(country)
        times = players.registered_us[players.country == number]
        hours[country] = np.bincount(times // 3_600_000_000, minlength=24)
    # 20 h local time: 1 h UTC in the eastern United States, 11 h UTC in Japan.
    assert hours["US"].argmax() in (0, 1, 2)
    assert hours["JP"].argmax() in (10, 11, 12)
    assert hours["US"].max() > 5 * hours["US"].min()


def test_an_empty_day_has_no_matches():
    config = WorldConfig(initial_players=0, arrivals_per_day=0.0)
    play = Playbook(config, Population(config)).day(5)
    assert len(play.matches.match) == len(play.matches.raw_id) == 0


def test_a_single_player_plays_alone():
    config = WorldConfig(initial_players=1, arrivals_per_day=0.0)
    play = Playbook(config, Population(config)).day(0)
    assert len(play.matches.match) >= 1
    assert np.array_equal(np.bincount(play.matches.match), np.ones(len(play.matches.raw_id)))
