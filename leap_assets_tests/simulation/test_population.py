"""Arrivals, attributes, churn and habits follow the models that the configuration states."""

import math

import numpy as np
import pytest

from leap_assets.simulation import WorldConfig
from leap_assets.simulation.population import (
    EXPERIMENT_GROUPS,
    HABITS,
    LAST_REGISTRATION_US,
    SPENDER_CLASSES,
    Population,
    mean_arrivals,
    sign_on_chance,
)

MANY = 100_000


def survival(a: float, b: float, age: int) -> float:
    """B(a, b + t) / B(a, b), Fader & Hardie (2007)."""
    return math.exp(math.lgamma(b + age) + math.lgamma(a + b) - math.lgamma(a + b + age) - math.lgamma(b))


def alive_share(last_day: np.ndarray, age: int) -> float:
    return float(np.mean(last_day >= age))


def tolerance(share: float, count: int) -> float:
    return 4.5 * math.sqrt(share * (1 - share) / count)


@pytest.mark.parametrize(("a", "b"), [(0.668, 3.806), (0.6, 0.7)])
def test_survival_is_the_shifted_beta_geometric(a, b):
    config = WorldConfig(initial_players=MANY, churn_a=a, churn_b=b, treatment_share=0.0)
    last_day = Population(config).until(0).last_day
    for age in (*range(13), 30, 90):
        expected = survival(a, b, age)
        assert alive_share(last_day, age) == pytest.approx(expected, abs=tolerance(expected, MANY) + 1e-9)


def test_the_survival_oracle_gives_the_published_recursion():
    # Fader & Hardie (2007), eq. 7: r(t) = (b + t - 1) / (a + b + t - 1).
    product = 1.0
    for age in range(1, 13):
        product *= (3.806 + age - 1) / (0.668 + 3.806 + age - 1)
        assert survival(0.668, 3.806, age) == pytest.approx(product)


def test_the_experiment_lifts_day_7_by_the_stated_amount():
    rescue = 0.3
    config = WorldConfig(initial_players=MANY, treatment_rescue=rescue)
    players = Population(config).until(0)
    is_treatment = players.group == EXPERIMENT_GROUPS.index("treatment")
    control = survival(config.churn_a, config.churn_b, 7)
    expected = {False: control, True: control + rescue * (1 - control)}
    for flag, share in expected.items():
        last_day = players.last_day[is_treatment == flag]
        assert alive_share(last_day, 7) == pytest.approx(share, abs=tolerance(share, len(last_day)))
    long_after = survival(config.churn_a, config.churn_b, 60)
    assert alive_share(players.last_day[is_treatment], 60) == pytest.approx(long_after, abs=0.02)


def test_shares_are_those_of_the_configuration():
    config = WorldConfig(initial_players=MANY)
    players = Population(config).until(0)
    for name, share in (("minnow", 0.045), ("dolphin", 0.012), ("whale", 0.003)):
        found = np.mean(players.spender == SPENDER_CLASSES.index(name))
        assert found == pytest.approx(share, abs=tolerance(share, MANY))
    assert np.mean(players.habit == HABITS.index("daily")) == pytest.approx(0.4, abs=tolerance(0.4, MANY))
    assert np.all(players.pass_day[players.spender == 0] == -1)


def test_a_player_is_the_same_on_every_later_day_and_in_every_order():
    forward, direct = Population(WorldConfig()), Population(WorldConfig())
    early = forward.until(3)
    forward.until(40)
    again, late = forward.until(3), direct.until(40)
    for name in early.__dataclass_fields__:
        assert np.array_equal(getattr(early, name), getattr(again, name))
        assert np.array_equal(getattr(early, name), getattr(late, name)[: len(early)])


def test_arrivals_grow_by_trend_weekend_and_campaign():
    config = WorldConfig(
        arrivals_per_day=100.0, arrivals_trend=0.3, weekend_arrivals_factor=2.0, campaign_factor=3.0
    )
    # 2025-01-01 is a Wednesday; the campaign takes the last 3 days of every 28.
    assert mean_arrivals(config, 2) == pytest.approx(102.0)
    assert mean_arrivals(config, 3) == pytest.approx(206.0)
    assert mean_arrivals(config, 27) == pytest.approx(381.0)
    assert mean_arrivals(WorldConfig(campaign_every_days=0, arrivals_trend=-1.0), 60) == 0.0


def test_cohort_sizes_follow_their_mean():
    config = WorldConfig(initial_players=0, arrivals_per_day=50.0)
    players = Population(config).until(300)
    expected = sum(mean_arrivals(config, day) for day in range(1, 301))
    assert len(players) == pytest.approx(expected, abs=4.5 * math.sqrt(expected))
    assert not np.any(players.day == 0)


def test_registrations_leave_time_to_play():
    players = Population(WorldConfig(initial_players=MANY)).until(0)
    assert players.registered_us.min() >= 0
    assert players.registered_us.max() < LAST_REGISTRATION_US


def test_habits_follow_the_days():
    config = WorldConfig(cyclical_period_days=10.0)
    players = Population(config).until(0)
    chance = np.stack([sign_on_chance(config, players, day) for day in range(70)])
    daily, weekday, cyclical = (players.habit == number for number in range(3))
    assert np.all(chance[:, daily] == config.daily_signon)
    # Day 3 is a Saturday.
    assert np.all(chance[3:5, weekday] == config.weekend_signon)
    assert np.all(chance[5:10, weekday] == config.weekday_signon)
    assert chance[:, cyclical].min() >= 0.1 - 1e-12
    assert chance[:, cyclical].max() <= 0.9 + 1e-12
    assert chance[:10, cyclical].mean(axis=0) == pytest.approx(0.5)
