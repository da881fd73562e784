"""Who is in the world: registration cohorts, what a player is like for life, and who shows up on a day.

A cohort is drawn once from the streams of its registration day; everything a later day needs of the past
(registered, churned, habit, spender class, pass intention) is in these attributes, so no day is replayed.
What players do on a day is not in here (see sign_ons, matches, purchases, levels).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.coded import Coded, code
from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.features import draw_fans
from leap_assets.simulation.streams import draw_uuids, open_stream

# code, share of players, offset from UTC in minutes (standard time: the world knows no summer time), currency
COUNTRIES = (
    ("US", 0.22, -300, "USD"),
    ("BR", 0.10, -180, "BRL"),
    ("MX", 0.05, -360, "USD"),
    ("GB", 0.09, 0, "GBP"),
    ("DE", 0.11, 60, "EUR"),
    ("FR", 0.08, 60, "EUR"),
    ("ES", 0.05, 60, "EUR"),
    ("PL", 0.05, 60, "EUR"),
    ("TR", 0.04, 180, "USD"),
    ("IN", 0.07, 330, "USD"),
    ("JP", 0.08, 540, "JPY"),
    ("KR", 0.06, 540, "KRW"),
)
COUNTRY_CODES = tuple(row[0] for row in COUNTRIES)
PLATFORMS = ("pc", "console", "mobile")
EXPERIMENT_GROUPS = ("control", "treatment")
HABITS = ("daily", "weekday", "cyclical")
SPENDER_CLASSES = ("none", "minnow", "dolphin", "whale")
GAITS = ("lorentzian", "bezier", "lissajous", "perlin")

_OFFSET_US = np.array([row[2] for row in COUNTRIES], dtype=np.int64) * 60_000_000

# fmt: off
_HOURLY_WEIGHT = np.array([
    0.70, 0.40, 0.25, 0.15, 0.12, 0.15, 0.25, 0.40, 0.50, 0.55, 0.60, 0.70,
    0.85, 0.90, 0.95, 1.10, 1.30, 1.50, 1.80, 2.10, 2.20, 2.00, 1.60, 1.10,
])
# fmt: on
# Sign-ons by local hour: the evening peak and the trough before dawn that every online game shows.
_DIURNAL_CUMULATIVE = np.concatenate([[0.0], np.cumsum(_HOURLY_WEIGHT)]) / _HOURLY_WEIGHT.sum()
_DIURNAL_US = np.arange(25) * 3_600_000_000.0

DAY_US = 86_400_000_000
LAST_SIGN_ON_US = DAY_US - 300_000_000
# Sign-ons end five minutes before midnight, so that the first match still starts on the day (see sign_ons).
LAST_REGISTRATION_US = LAST_SIGN_ON_US - 300_000_000
# And a registration leaves room for the sign-on that follows it.

_SKILL_SHAPE = 2.5
_LARGEST_SKILL = 1.8
# Shape of the gamma distribution of skill, relative to its mean, and where it is cut off: beyond it a player would
# be through all levels within weeks.

_NEVER = 2**40
_WEEKEND = 5

# fmt: off
_FIRST_NAMES = (
    "Amber", "Bold", "Crimson", "Dusty", "Électrique", "Frosty", "Grün", "Hidden", "Iron", "Jolly",
    "Kühl", "Lucky", "Misty", "Niño", "Odd", "Pale", "Quiet", "Rápido", "Silent", "Tiny", "Übermut",
    "Velvet", "Wild", "Żywy", "さくら", "별",
)
_LAST_NAMES = (
    "Badger", "Comet", "Drake", "Ember", "Fuchs", "Gecko", "Heron", "Ibis", "Jäger", "Kraken", "Lynx",
    "Moth", "Newt", "Otter", "Piñata", "Quokka", "Raven", "Sparrow", "Tiger", "Urchin", "Viper", "Wolf",
    "Yak", "Zorro",
)
# fmt: on
# Some letters outside ASCII, so that all readers prove their UTF-8; no commas, quotes or line ends.
_NAME_NUMBERS = 10_000


@dataclass(frozen=True, eq=False)
class Players:
    """Every player registered up to a day, in the order of registration day; arrays of shape (players,).

    Attributes
    ----------
    day : registration day number
    registered_us : microseconds of that day at which the player registered
    raw_id : uuid bytes, shape (players, 16)
    country, platform, group, habit, spender, gait : positions in the tuples of this module
    name : number of the display name
    phase : phase of the cyclical habit in radians
    last_day : last day number on which the player can still play
    pass_day : the only day number on which the player buys a battle pass, if active then; -1 for never
    skill : levels that the player can complete on the first day (see levels)
    fan : whether the player ever uses each feature, shape (players, features)
    """

    day: NDArray[np.int64]
    registered_us: NDArray[np.int64]
    raw_id: NDArray[np.uint8]
    country: NDArray[np.int8]
    platform: NDArray[np.int8]
    group: NDArray[np.int8]
    habit: NDArray[np.int8]
    spender: NDArray[np.int8]
    gait: NDArray[np.int8]
    name: NDArray[np.int64]
    phase: NDArray[np.float64]
    last_day: NDArray[np.int64]
    pass_day: NDArray[np.int64]
    skill: NDArray[np.float64]
    fan: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.day)


_FIELDS = tuple(Players.__dataclass_fields__)


class Population:
    """All cohorts up to the latest day asked for; older days see a prefix of the same arrays."""

    def __init__(self, config: WorldConfig) -> None:
        self._config = config
        self._ends: list[int] = []
        self._all = _draw_cohort(config, 0, 0)
        # Nobody: it only has the types that `_reserve` grows.

    def until(self, day: int) -> Players:
        """Give the players registered on day number ``day`` or before (views, not copies)."""
        self._grow(day)
        end = self._ends[day]
        return Players(**{name: getattr(self._all, name)[:end] for name in _FIELDS})

    def _grow(self, day: int) -> None:
        for cohort_day in range(len(self._ends), day + 1):
            cohort = _draw_cohort(self._config, cohort_day, _draw_size(self._config, cohort_day))
            begin = self._ends[-1] if self._ends else 0
            self._reserve(begin + len(cohort))
            for name in _FIELDS:
                getattr(self._all, name)[begin : begin + len(cohort)] = getattr(cohort, name)
            self._ends.append(begin + len(cohort))

    def _reserve(self, count: int) -> None:
        # Growing by half at a time keeps the copying linear in the players, however many cohorts come.
        if count <= len(self._all):
            return
        grown = {}
        for name in _FIELDS:
            old = getattr(self._all, name)
            grown[name] = np.empty((max(count, len(old) * 3 // 2), *old.shape[1:]), dtype=old.dtype)
            grown[name][: len(old)] = old
        self._all = Players(**grown)


def mean_arrivals(config: WorldConfig, day: int) -> float:
    """Expected registrations of a day number after the first: base, trend, weekday and campaign pulse."""
    mean = config.arrivals_per_day * max(0.0, 1.0 + config.arrivals_trend * day / 30.0)
    if _weekday(config, day) >= _WEEKEND:
        mean *= config.weekend_arrivals_factor
    every = config.campaign_every_days
    if every > 0 and day % every >= every - config.campaign_length_days:
        mean *= config.campaign_factor
    return mean


def sign_on_chance(
    config: WorldConfig, players: Players, day: int, rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Chance of each player's habit to sign on on a day number, alive or not; of all players, or of some rows."""
    habit, phase = players.habit, players.phase
    if rows is not None:
        habit, phase = habit[rows], phase[rows]
    weekday = config.weekday_signon if _weekday(config, day) < _WEEKEND else config.weekend_signon
    angle = 2.0 * np.pi * day / config.cyclical_period_days + phase
    cyclical = config.cyclical_signon + config.cyclical_amplitude * np.sin(angle)
    fixed = np.array([config.daily_signon, weekday, 0.0])[habit]
    return np.where(habit == HABITS.index("cyclical"), cyclical, fixed)


def draw_day_time(rng: np.random.Generator, country: NDArray[np.int8], latest_us: int) -> NDArray[np.int64]:
    """Draw a time of the UTC day for each player from the diurnal curve of the country's local time.

    Parameters
    ----------
    rng : Generator
    country : ndarray of int8, shape (n,)
        Positions in ``COUNTRIES``.
    latest_us : int
        The day is scaled to end here, in microseconds, which moves nobody by more than a few minutes.

    Returns
    -------
    ndarray of int64, shape (n,)
        Whole milliseconds, in microseconds since midnight UTC, below ``latest_us``.
    """
    local = np.interp(rng.random(len(country)), _DIURNAL_CUMULATIVE, _DIURNAL_US).astype(np.int64)
    utc = (local - _OFFSET_US[country]) % DAY_US
    whole_ms: NDArray[np.int64] = (utc * (latest_us / DAY_US)).astype(np.int64) // 1000 * 1000
    return whole_ms


def display_names(numbers: NDArray[np.int64]) -> Coded:
    """Write the display names of the given name numbers."""
    distinct, codes = np.unique(numbers, return_inverse=True)
    pair, number = np.divmod(distinct, _NAME_NUMBERS)
    first, last = np.divmod(pair, len(_LAST_NAMES))
    words = np.strings.add(np.array(_FIRST_NAMES)[first], np.array(_LAST_NAMES)[last])
    return code(codes, np.strings.add(words, number.astype("U4")))


def _weekday(config: WorldConfig, day: int) -> int:
    return (config.start_date + datetime.timedelta(days=day)).weekday()


def _draw_size(config: WorldConfig, day: int) -> int:
    if day == 0:
        return config.initial_players
    return int(open_stream(config.seed, "arrivals", day).poisson(mean_arrivals(config, day)))


def _draw_cohort(config: WorldConfig, day: int, size: int) -> Players:
    rng = open_stream(config.seed, "players", day)
    # What only client events tell has a stream of its own, so that a change there leaves the player log alone.
    tastes = open_stream(config.seed, "tastes", day)
    country = _draw_share(rng, size, [row[1] for row in COUNTRIES])
    group = _draw_share(rng, size, [1.0 - config.treatment_share, config.treatment_share])
    spender_shares = [config.minnow_share, config.dolphin_share, config.whale_share]
    spender = _draw_share(rng, size, [1.0 - sum(spender_shares), *spender_shares])
    habit_shares = [config.daily_habit_share, config.weekday_habit_share]
    platform_shares = [config.pc_share, config.console_share]
    return Players(
        day=np.full(size, day, dtype=np.int64),
        registered_us=draw_day_time(rng, country, LAST_REGISTRATION_US),
        raw_id=draw_uuids(rng, size),
        country=country,
        platform=_draw_share(rng, size, [*platform_shares, 1.0 - sum(platform_shares)]),
        group=group,
        habit=_draw_share(rng, size, [*habit_shares, 1.0 - sum(habit_shares)]),
        spender=spender,
        gait=rng.integers(0, len(GAITS), size=size, dtype=np.int8),
        name=rng.integers(0, len(_FIRST_NAMES) * len(_LAST_NAMES) * _NAME_NUMBERS, size=size),
        phase=rng.random(size) * 2.0 * np.pi,
        last_day=day + _draw_lifetime(config, rng, group == EXPERIMENT_GROUPS.index("treatment")) - 1,
        pass_day=_draw_pass_day(config, rng, day, spender),
        skill=_draw_skill(config, tastes, size),
        fan=draw_fans(tastes, size),
    )


def _draw_share(rng: np.random.Generator, size: int, shares: list[float]) -> NDArray[np.int8]:
    cumulative = np.cumsum(shares)[:-1]
    return np.searchsorted(cumulative, rng.random(size), side="right").astype(np.int8)


def _draw_lifetime(
    config: WorldConfig, rng: np.random.Generator, is_treatment: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Draw the age in days, at least 1, from which each player is gone: shifted beta-geometric.

    Fader & Hardie (2007), "How to project customer retention": theta ~ Beta(a, b), P(T > t) = (1 - theta)^t.
    """
    size = len(is_treatment)
    theta = np.clip(rng.beta(config.churn_a, config.churn_b, size=size), 1e-12, 1.0 - 1e-12)
    # random() can be 0, whose logarithm is not finite; 1 - random() cannot.
    lifetime = np.ceil(np.log(1.0 - rng.random(size)) / np.log1p(-theta))
    lifetime = np.clip(lifetime, 1, _NEVER).astype(np.int64)
    is_rescued = is_treatment & (lifetime <= 7) & (rng.random(size) < config.treatment_rescue)
    return lifetime + np.where(is_rescued, 7, 0)


def _draw_skill(config: WorldConfig, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    skill = np.minimum(rng.gamma(_SKILL_SHAPE, 1.0 / _SKILL_SHAPE, size=size), _LARGEST_SKILL)
    return config.first_day_levels * skill


def _draw_pass_day(
    config: WorldConfig, rng: np.random.Generator, day: int, spender: NDArray[np.int8]
) -> NDArray[np.int64]:
    # One intended day a player: it makes "holds a pass" a fact of the player, so that nobody holds two and no
    # history is needed. Half intend it for the first day, the others for some later one.
    size = len(spender)
    wants = (spender > 0) & (rng.random(size) < config.pass_share)
    later = rng.geometric(0.08, size=size)
    age = np.where(rng.random(size) < 0.5, 0, later)
    return np.where(wants, day + age, -1)
