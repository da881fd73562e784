"""The knobs of the simulated world: one frozen dataclass of scalars, each with its unit and reason.

Settings and the README's table are generated from the fields and their ``help``, so the text here is what
users read. Reading the environment is not done here, and fixed tables (countries, catalogue) are not knobs.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field
from typing import Any

CUBE_HALF_WIDTH = 100.0
# The arena is the cube [-100, 100]^3, in the same units as `encounter_distance`.

MAX_BEATS_PER_SESSION = 1_000_000
# Guards against a heartbeat so short, or a session so long, that one player-session fills the memory.


def _knob(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class WorldConfig:
    """What a simulated world is made of; two equal configurations are the same world.

    Raises
    ------
    ValueError
        When a value is out of its range; the message names the argument and the value.
    """

    seed: int = _knob(42, "World number (integer >= 0): every random draw is keyed by it.")
    start_date: datetime.date = field(
        default=datetime.date(2025, 1, 1), metadata={"help": "First UTC day of the world."}
    )
    initial_players: int = _knob(1000, "Players who register on the first day.")
    heartbeat_s: float = _knob(30.0, "Seconds between two positions of a player; at least 0.001.")
    encounter_distance: float = _knob(
        30.0, "Distance (arena units) within which opponents meet; kills happen only there."
    )

    arrivals_per_day: float = _knob(
        40.0, "Mean registrations a day after the first, before trend, weekday and campaign."
    )
    arrivals_trend: float = _knob(
        0.05, "Relative growth of the arrivals per 30 days, linear; -0.1 shrinks by a tenth (never below 0)."
    )
    weekend_arrivals_factor: float = _knob(1.3, "Arrivals on Saturday and Sunday relative to a working day.")
    campaign_every_days: int = _knob(28, "Days from one acquisition campaign to the next; 0 for none.")
    campaign_length_days: int = _knob(3, "Days a campaign lasts, at the end of every period.")
    campaign_factor: float = _knob(2.0, "Arrivals during a campaign relative to the other days.")

    pc_share: float = _knob(0.45, "Share of players on pc.")
    console_share: float = _knob(0.2, "Share of players on console; the rest plays on mobile.")
    travel_share: float = _knob(
        0.02, "Share of player-days played from another country than the registered one."
    )

    churn_a: float = _knob(
        0.6, "First shape of the Beta from which a player's daily churn probability is drawn."
    )
    churn_b: float = _knob(
        0.7, "Second shape; survival to age t is B(a, b + t) / B(a, b) (shifted beta-geometric)."
    )
    treatment_share: float = _knob(0.5, "Share of players in the experiment group treatment.")
    treatment_rescue: float = _knob(
        0.08,
        "Known answer of the experiment: of the treatment players who would churn within 7 days this share "
        "stays 7 days longer, so P(alive at day 7) is S(7) + rescue * (1 - S(7)) against S(7) in control.",
    )

    daily_habit_share: float = _knob(0.4, "Share of players with the daily habit.")
    weekday_habit_share: float = _knob(0.35, "Share with the weekday habit; the rest is cyclical.")
    daily_signon: float = _knob(0.75, "Chance of a daily-habit player to sign on, any day.")
    weekday_signon: float = _knob(0.7, "Chance of a weekday-habit player to sign on, Monday to Friday.")
    weekend_signon: float = _knob(0.35, "Chance of a weekday-habit player to sign on, Saturday and Sunday.")
    cyclical_signon: float = _knob(0.5, "Mean chance of a cyclical-habit player to sign on.")
    cyclical_amplitude: float = _knob(0.4, "Amplitude of that chance's sine; each player has a phase.")
    cyclical_period_days: float = _knob(14.0, "Days of one cycle of the cyclical habit.")

    idle_signon_share: float = _knob(
        0.05, "Share of sign-ons after which nothing is played (never on the first day)."
    )
    extra_sessions_mean: float = _knob(
        0.65,
        "Mean player-sessions wanted after the first of an active day (Poisson); midnight cuts some off.",
    )
    max_sessions: int = _knob(8, "Most player-sessions of a player on a day.")
    session_median_s: float = _knob(540.0, "Median length of a player-session in seconds (lognormal).")
    session_sigma: float = _knob(0.6, "Standard deviation of the logarithm of the length.")
    session_min_s: int = _knob(120, "Shortest player-session in seconds.")
    session_max_s: int = _knob(1800, "Longest player-session in seconds.")
    session_break_mean_s: float = _knob(1200.0, "Mean pause between two player-sessions in seconds.")

    max_wait_s: int = _knob(
        600, "Longest wait for a match in seconds; quiet hours and small worlds get small matches."
    )
    max_teams: int = _knob(5, "Most teams of a match; the wanted number is uniform from 2.")
    max_team_players: int = _knob(4, "Most players of a team; the wanted number is uniform from 1.")
    min_speed: float = _knob(1.0, "Lowest top speed of a player in units a second.")
    max_speed: float = _knob(
        3.0, "Highest top speed of a player in units a second; nobody ever moves faster."
    )
    kill_probability: float = _knob(0.2, "Chance that two opponents who meet in a beat end it with a kill.")

    minnow_share: float = _knob(0.045, "Share of players who may buy a little now and then.")
    dolphin_share: float = _knob(0.012, "Share of players who buy regularly.")
    whale_share: float = _knob(0.003, "Share of players who buy a lot; everybody else never pays.")
    minnow_purchases: float = _knob(0.25, "Mean purchases of a minnow per active day.")
    dolphin_purchases: float = _knob(0.5, "Mean purchases of a dolphin per active day.")
    whale_purchases: float = _knob(1.5, "Mean purchases of a whale per active day.")
    spend_pareto_alpha: float = _knob(
        1.3, "Tail exponent of the price a buyer looks for (Pareto); smaller means more expensive items."
    )
    pass_share: float = _knob(0.5, "Share of minnows, dolphins and whales who intend to buy a battle pass.")
    monthly_renewal: float = _knob(0.8, "Chance that a monthly pass is renewed once more (at most 12 times).")
    yearly_renewal: float = _knob(0.6, "Chance that a yearly pass is renewed once more (at most 3 times).")
    refund_share: float = _knob(0.03, "Share of purchases refunded 3 to 14 days later; a refunded pass ends.")

    first_day_levels: float = _knob(
        4.5, "Mean number of levels (1 to 50) that players have the skill to complete on their first day."
    )
    attempt_s: float = _knob(
        110.0, "Mean seconds from one level attempt to the next at the first levels; 1 % more for each level."
    )
    abandon_share: float = _knob(
        0.25, "Share of player-sessions whose last level attempt is cut off by the end: neither result."
    )
    ads_per_hour: float = _knob(8.0, "Mean advertisements that a player who never pays watches in an hour.")
    spender_ads_factor: float = _knob(
        0.25, "Advertisements of minnows, dolphins and whales relative to those of everybody else."
    )
    ecpm_rewarded: float = _knob(14.0, "Mean revenue of a thousand rewarded advertisements in USD.")
    ecpm_interstitial: float = _knob(6.0, "Mean revenue of a thousand interstitial advertisements in USD.")
    ecpm_banner: float = _knob(0.8, "Mean revenue of a thousand banner advertisements in USD.")
    ecpm_sigma: float = _knob(0.5, "Standard deviation of the logarithm of an advertisement's revenue.")
    adoption_days: float = _knob(
        10.0, "Days after its release at which a later feature has 63 % of its final use."
    )

    duplicate_rate: float = _knob(0.002, "Identical copies added, as a share of the good lines.")
    conflicting_duplicate_rate: float = _knob(
        0.0005, "Copies with the same key but another measure, same base."
    )
    late_rate: float = _knob(
        0.01, "Share of good lines delivered 1 to 3 days after their day (never products)."
    )
    future_clock_rate: float = _knob(0.0005, "Copies dated far in the future, as a share of the good lines.")
    truncated_rate: float = _knob(0.0005, "Copies cut off in the middle; text logs only, same base.")
    wrong_type_rate: float = _knob(
        0.0005, "Copies with a text where a number or time belongs; text logs only."
    )
    missing_field_rate: float = _knob(
        0.0005, "Copies without a required field, as a share of the good lines."
    )
    bad_encoding_rate: float = _knob(
        0.0002, "Copies with bytes that are not UTF-8; text logs only, same base."
    )
    unknown_event_rate: float = _knob(
        0.0005, "Copies with an event type that nobody knows; client events only, same base."
    )
    clock_jitter_s: float = _knob(
        0.2, "Standard deviation of a heartbeat's logged time in seconds; cut at 0.4 of a heartbeat."
    )

    def __post_init__(self) -> None:
        """Check every value; see the class."""
        for name, (least, most) in _COUNT_BOUNDS.items():
            self._require(name, int, least, most)
        for name, (lowest, highest) in _BOUNDS.items():
            self._require(name, (int, float), lowest, highest)
        self._check_combinations()

    def _require(self, name: str, kind: type | tuple[type, ...], lowest: float, highest: float) -> None:
        value = getattr(self, name)
        word = "an integer" if kind is int else "a finite number"
        is_kind = isinstance(value, kind) and not isinstance(value, bool)
        if not is_kind or not math.isfinite(value) or not lowest <= value <= highest:
            raise ValueError(f"{name} must be {word} in [{lowest:g}, {highest:g}], got {value!r}")

    def _check_combinations(self) -> None:
        if not isinstance(self.start_date, datetime.date) or isinstance(self.start_date, datetime.datetime):
            raise ValueError(f"start_date must be a datetime.date, got {self.start_date!r}")
        if self.session_max_s < self.session_min_s:
            raise ValueError(
                f"session_max_s must be >= session_min_s {self.session_min_s}, got {self.session_max_s!r}"
            )
        if self.session_max_s / self.heartbeat_s > MAX_BEATS_PER_SESSION:
            raise ValueError(
                f"heartbeat_s gives over {MAX_BEATS_PER_SESSION} beats a session, got {self.heartbeat_s!r}"
            )
        if self.max_speed < self.min_speed:
            raise ValueError(f"max_speed must be >= min_speed {self.min_speed}, got {self.max_speed!r}")
        if not self.cyclical_amplitude <= min(self.cyclical_signon, 1.0 - self.cyclical_signon) + 1e-12:
            raise ValueError(
                f"cyclical_amplitude must keep {self.cyclical_signon} (cyclical_signon) +- it in [0, 1], "
                f"got {self.cyclical_amplitude!r}"
            )
        for names in _SUMS_UP_TO_ONE:
            total = sum(getattr(self, name) for name in names)
            if total > 1.0 + 1e-12:
                raise ValueError(f"{' + '.join(names)} must be at most 1, got {total:g}")


_SHARES = (
    "pc_share",
    "console_share",
    "travel_share",
    "treatment_share",
    "treatment_rescue",
    "daily_habit_share",
    "weekday_habit_share",
    "daily_signon",
    "weekday_signon",
    "weekend_signon",
    "cyclical_signon",
    "cyclical_amplitude",
    "idle_signon_share",
    "kill_probability",
    "minnow_share",
    "dolphin_share",
    "whale_share",
    "pass_share",
    "monthly_renewal",
    "yearly_renewal",
    "refund_share",
    "abandon_share",
    "duplicate_rate",
    "conflicting_duplicate_rate",
    "late_rate",
    "future_clock_rate",
    "truncated_rate",
    "wrong_type_rate",
    "missing_field_rate",
    "bad_encoding_rate",
    "unknown_event_rate",
)

_BOUNDS = dict.fromkeys(_SHARES, (0.0, 1.0)) | {
    "heartbeat_s": (1e-3, 86_400.0),
    "encounter_distance": (0.0, math.inf),
    "arrivals_per_day": (0.0, 1e9),
    "arrivals_trend": (-100.0, 100.0),
    "weekend_arrivals_factor": (0.0, 1000.0),
    "campaign_factor": (0.0, 1000.0),
    "churn_a": (1e-3, 1e6),
    "churn_b": (1e-3, 1e6),
    "cyclical_period_days": (1e-3, math.inf),
    "extra_sessions_mean": (0.0, 1000.0),
    "session_median_s": (1e-3, 86_400.0),
    "session_sigma": (0.0, 10.0),
    "session_break_mean_s": (0.0, 86_400.0),
    "min_speed": (0.0, 1e6),
    "max_speed": (0.0, 1e6),
    "minnow_purchases": (0.0, 1000.0),
    "dolphin_purchases": (0.0, 1000.0),
    "whale_purchases": (0.0, 1000.0),
    "spend_pareto_alpha": (0.1, math.inf),
    "first_day_levels": (0.0, 1000.0),
    # As for a heartbeat: a bound on the attempts of a player-session.
    "attempt_s": (1.0, 86_400.0),
    "ads_per_hour": (0.0, 3600.0),
    "spender_ads_factor": (0.0, 1000.0),
    "ecpm_rewarded": (0.0, 1e6),
    "ecpm_interstitial": (0.0, 1e6),
    "ecpm_banner": (0.0, 1e6),
    "ecpm_sigma": (0.0, 10.0),
    "adoption_days": (1e-3, 1e6),
    "clock_jitter_s": (0.0, 86_400.0),
}
# Lowest and highest value of every number that is not a count; generous, and finite where a draw could
# overflow.

_COUNT_BOUNDS = {
    "seed": (0, math.inf),
    "initial_players": (0, 100_000_000),
    "campaign_every_days": (0, math.inf),
    "campaign_length_days": (0, math.inf),
    "max_sessions": (1, 1000),
    "session_min_s": (1, 86_400),
    # The session contract rejects a session of over 24 hours.
    "session_max_s": (1, 86_400),
    "max_wait_s": (0, 86_400),
    "max_teams": (2, 1000),
    "max_team_players": (1, 1000),
}

_SUMS_UP_TO_ONE = (
    ("pc_share", "console_share"),
    ("daily_habit_share", "weekday_habit_share"),
    ("minnow_share", "dolphin_share", "whale_share"),
    # At most one defect beside a good line.
    (
        "duplicate_rate",
        "conflicting_duplicate_rate",
        "future_clock_rate",
        "truncated_rate",
        "wrong_type_rate",
        "missing_field_rate",
        "bad_encoding_rate",
        "unknown_event_rate",
    ),
)
