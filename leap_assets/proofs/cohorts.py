"""What becomes of cohorts: cohort_retention, retention_summary and cohort_revenue, from the days of each player."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from leap_assets.proofs.frames import Frame, divide, number_groups, sum_by
from leap_assets.proofs.known import Ints, Known
from leap_assets.proofs.sums import Whole, accumulate, nullable, round_quotient, to_millionths

RETENTION_AGES, REVENUE_AGES = 91, 181
# from 0
SUMMARY_AGES = (1, 3, 7, 14, 30, 60, 90)


@dataclass
class Cohorts:
    """Counted players who were acquired on a loaded day, by that day, country, platform and experiment group.

    Attributes
    ----------
    known : Known
    ages : int
        Ages wanted, from 0.
    """

    known: Known
    ages: int

    def __post_init__(self) -> None:
        players = self.known.players
        counted = self.players = self.known.counted[
            self.known.loaded(players["acquired"][self.known.counted])
        ]
        self.group, (self.date, self.country, self.platform, self.experiment_group) = number_groups(
            *(players[name][counted] for name in ("acquired", "country", "platform", "group"))
        )
        self.of_player = np.full(len(self.known.names.players), -1)
        self.of_player[counted] = self.group
        self.size = np.bincount(self.group, minlength=len(self.date))

    @cached_property
    def rows(self) -> tuple[Ints, Ints]:
        """Player-days on loaded days from the acquisition on, and their ages."""
        days = self.known.player_days
        age = days["day"] - self.known.players["acquired"][days["player"]]
        rows = np.flatnonzero((self.of_player[days["player"]] >= 0) & (age >= 0))
        return rows, age[rows]

    def add(self, player: Ints, age: Ints, values: Whole) -> Whole:
        """Sums of values by cohort and age, shape (cohorts, ages); what is older is left out."""
        young = age < self.ages
        cell = self.of_player[player[young]] * self.ages + age[young]
        return sum_by(cell, values[young], len(self.date) * self.ages).reshape(-1, self.ages)

    @cached_property
    def days(self) -> Ints:
        """The day of each cell, one value per row."""
        days: Ints = (self.date[:, np.newaxis] + np.arange(self.ages)).ravel()
        return days

    def mask(self, values: Whole) -> Whole:
        """Values of the cells whose day is loaded, null in the others; one value per row."""
        return nullable(values.ravel(), self.known.loaded(self.days))

    def keys(self) -> Frame:
        """The columns that every cohort mart begins with."""
        words = self.known.words
        columns = {
            "cohort_date": self.date,
            "country": words[self.country],
            "platform": words[self.platform],
            "experiment_group": words[self.experiment_group],
            "cohort_size": self.size,
        }
        frame = {name: np.repeat(column, self.ages) for name, column in columns.items()}
        is_final = self.mask(self.known.final(self.days).astype(np.int64))
        return frame | {"age": np.tile(np.arange(self.ages), len(self.date)), "is_final": is_final}


def prove_cohort_retention(known: Known) -> Frame:
    """Classic: who came on that age. Rolling: whose last age is not below it, counted anew for each age."""
    cohorts = Cohorts(known, RETENTION_AGES)
    rows, age = cohorts.rows
    is_active = known.player_days["sessions"][rows] > 0
    player, age = known.player_days["player"][rows][is_active], age[is_active]
    classic = cohorts.add(player, age, np.ones(len(age), dtype=np.int64))
    last_age = np.full(len(known.names.players), -1)
    np.maximum.at(last_age, player, age)
    own_last = last_age[cohorts.players]
    rolling = np.stack(
        [
            np.bincount(cohorts.group[own_last >= least], minlength=len(cohorts.date))
            for least in range(RETENTION_AGES)
        ],
        axis=1,
    )
    frame = cohorts.keys()
    active, later = cohorts.mask(classic), cohorts.mask(rolling)
    last_loaded = known.given.loaded_days.max(initial=0)
    return frame | {
        "followed_days": last_loaded - frame["cohort_date"],
        "active_players": active,
        "rolling_players": later,
        "retention": divide(active, frame["cohort_size"]),
        "rolling_retention": divide(later, frame["cohort_size"]),
    }


def prove_retention_summary(known: Known) -> Frame:
    """Player by player, in sets of ages; Wilson's interval solved as a quadratic.

    Classic: all players whose day of an age is loaded. Rolling: those who were followed for as long as any cohort was,
    in whole summary ages, with what they did up to that age.
    """
    days, acquired = known.player_days, known.players["acquired"]
    cohorts = Cohorts(known, 1)
    born = dict(zip(cohorts.players.tolist(), acquired[cohorts.players].tolist(), strict=True))
    ages: dict[int, set[int]] = {player: set() for player in born}
    is_active = days["sessions"] > 0
    for player, day in zip(days["player"][is_active].tolist(), days["day"][is_active].tolist(), strict=True):
        if player in born:
            ages[player].add(day - born[player])
    last_loaded = int(known.given.loaded_days.max(initial=0))
    longest = max((last_loaded - day for day in born.values()), default=0)
    horizon = max((age for age in SUMMARY_AGES if age <= longest), default=None)
    followed = [player for player, day in born.items() if horizon and day + horizon <= last_loaded]
    none = (np.nan,) * 5
    table: list[tuple[float, ...]] = []
    for age in SUMMARY_AGES if born else ():
        old = [player for player, day in born.items() if day + age in known.is_loaded]
        came = sum(age in ages[player] for player in old)
        rolling: tuple[float, ...] = none
        if horizon and age <= horizon:
            later = sum(not ages[player].isdisjoint(range(age, horizon + 1)) for player in followed)
            rolling = (len(followed), later, *_limits(later, len(followed)))
        table.append((age, len(old), came, *_limits(came, len(old)), horizon or np.nan, *rolling))
    names = (
        "age",
        "cohort_size",
        "active_players",
        "retention",
        "retention_low",
        "retention_high",
        "rolling_followed_days",
        "rolling_cohort_size",
        "rolling_players",
        "rolling_retention",
        "rolling_retention_low",
        "rolling_retention_high",
    )
    columns = np.array(table, dtype=float).reshape(-1, len(names)).T
    return dict(zip(names, columns, strict=True))


def _limits(came: int, size: int) -> tuple[float, float, float]:
    """A share and the two shares p for which it lies z standard errors sqrt(p (1 - p) / size) away (Wilson 1927)."""
    if not size:
        return (np.nan,) * 3
    share, z2 = came / size, NormalDist().inv_cdf(0.975) ** 2
    # (share - p)^2 = z2 p (1 - p) / size, as a p^2 + b p + c = 0
    a, b, c = 1 + z2 / size, -(2 * share + z2 / size), share * share
    root = np.sqrt(b * b - 4 * a * c)
    low, high = (-b - root) / (2 * a), (-b + root) / (2 * a)
    return share, 0.0 if came == 0 else float(low), 1.0 if came == size else float(high)


def prove_cohort_revenue(known: Known) -> Frame:
    """Sums by age, running sums over the ages, and each player's first paying age."""
    cohorts = Cohorts(known, REVENUE_AGES)
    rows, age = cohorts.rows
    days = {name: column[rows] for name, column in known.player_days.items()}
    amount = cohorts.add(days["player"], age, days["amount"])
    ad_amount = cohorts.add(days["player"], age, days["ad_amount"])
    never = np.iinfo(np.int64).max
    first_paying = np.full(len(known.names.players), never)
    paying = days["purchases"] > 0
    np.minimum.at(first_paying, days["player"][paying], age[paying])
    payers = np.flatnonzero(first_paying < never)
    converted = cohorts.add(payers, first_paying[payers], np.ones(len(payers), dtype=np.int64))
    amount_to_age, ad_to_age, converted_to_age = (
        accumulate(cells) for cells in (amount, ad_amount, converted)
    )
    frame = cohorts.keys()
    size = frame["cohort_size"]
    return frame | {
        "purchase_amount": cohorts.mask(amount),
        "ad_amount": cohorts.mask(ad_amount),
        "converted_players": cohorts.mask(converted),
        "purchase_amount_to_age": cohorts.mask(amount_to_age),
        "ad_amount_to_age": cohorts.mask(ad_to_age),
        "converted_players_to_age": cohorts.mask(converted_to_age),
        "ltv": cohorts.mask(
            round_quotient(to_millionths(amount_to_age, ad_to_age).ravel(), size),
        ),
        "payer_conversion": divide(cohorts.mask(converted_to_age), size),
    }
