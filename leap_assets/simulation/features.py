"""What the game offers around the match, the day each part was released, and who uses it.

The table is fixed: it does not depend on the seed. A feature is used within a player-session; when exactly is
drawn here, the event is written elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.config import WorldConfig


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes
    ----------
    name : as in the log
    fans : share of players who ever use it; everybody else never does
    use : chance that a fan uses it in a player-session, once it is widely known
    released_after : day number of the release
    """

    name: str
    fans: float
    use: float
    released_after: int = 0


FEATURES = (
    Feature("quick_chat", fans=0.9, use=0.55),
    Feature("clan_hall", fans=0.6, use=0.4),
    Feature("match_replay", fans=0.5, use=0.35),
    Feature("photo_mode", fans=0.5, use=0.4, released_after=7),
    Feature("ranked_ladder", fans=0.6, use=0.5, released_after=21),
    Feature("custom_matches", fans=0.45, use=0.35, released_after=45),
)
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)


def adoption(config: WorldConfig, day: int) -> NDArray[np.float64]:
    """Share of its final use that each feature has on a day number, shape (features,); 0 before the release.

    1 - exp(-(days since release + 1) / ``adoption_days``). What is there on the first day is not new to anybody.
    """
    released = np.array([feature.released_after for feature in FEATURES])
    known = -np.expm1(-np.maximum(day - released + 1, 0) / config.adoption_days)
    return np.where(released == 0, 1.0, known)


def draw_fans(rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
    """Draw which features each player will ever use, shape (size, features)."""
    shares = np.array([feature.fans for feature in FEATURES])
    return rng.random((size, len(FEATURES))) < shares


def draw_uses(
    rng: np.random.Generator, config: WorldConfig, is_fan: NDArray[np.bool_], day: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw which features are used in each player-session of a day number, each at most once.

    Parameters
    ----------
    rng : Generator
    config : WorldConfig
    is_fan : ndarray of bool, shape (player-sessions, features)
    day : int

    Returns
    -------
    session, feature : ndarray of int64, shape (uses,)
        Positions in the player-sessions and in ``FEATURES``.
    """
    chance = np.array([feature.use for feature in FEATURES]) * adoption(config, day)
    session, feature = np.nonzero((rng.random(is_fan.shape) < chance) & is_fan)
    return session, feature
