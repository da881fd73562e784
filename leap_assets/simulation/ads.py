"""Advertisements watched during a player-session: how many, of which type and network, and what each earns.

Revenue per impression is lognormal around the eCPM of the type, which is a knob, times a factor of the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.config import WorldConfig

AD_TYPES = ("rewarded", "interstitial", "banner")
_TYPE_SHARES = (0.25, 0.3, 0.45)

# network, share of impressions, revenue relative to the eCPM of the type
_NETWORKS = (
    ("northlight", 0.5, 1.1),
    ("adharbor", 0.3, 1.0),
    ("pixelmill", 0.2, 0.75),
)
# The factors average to 1 over the shares, so that the eCPM of a type is what its knob says.
NETWORKS = tuple(row[0] for row in _NETWORKS)

_IMPRESSIONS_A_MILLE = 1000
_MILLIONTHS = 1_000_000


@dataclass(frozen=True, eq=False)
class Ads:
    """Impressions; arrays of shape (n,).

    Attributes
    ----------
    session : position in the player-sessions given, ascending
    ad_type, network : positions in ``AD_TYPES`` and ``NETWORKS``
    revenue : millionths of a USD, not negative
    """

    session: NDArray[np.int64]
    ad_type: NDArray[np.int64]
    network: NDArray[np.int64]
    revenue: NDArray[np.int64]


def draw_ads(
    rng: np.random.Generator, config: WorldConfig, length_s: NDArray[np.int64], is_spender: NDArray[np.bool_]
) -> Ads:
    """Draw the impressions of every player-session; ``is_spender`` tells who belongs to a paying class."""
    factor = np.where(is_spender, config.spender_ads_factor, 1.0)
    session = np.repeat(
        np.arange(len(length_s)), rng.poisson(config.ads_per_hour * factor * length_s / 3600.0)
    )
    count = len(session)
    ad_type = _choose(rng, _TYPE_SHARES, count)
    network = _choose(rng, [row[1] for row in _NETWORKS], count)
    ecpm = np.array([config.ecpm_rewarded, config.ecpm_interstitial, config.ecpm_banner])
    mean = ecpm[ad_type] * np.array([row[2] for row in _NETWORKS])[network] / _IMPRESSIONS_A_MILLE
    # A lognormal of mean 1: sigma squared over 2 is what its noise would add.
    noise = np.exp(config.ecpm_sigma * rng.standard_normal(count) - config.ecpm_sigma**2 / 2.0)
    revenue = np.rint(mean * noise * _MILLIONTHS).astype(np.int64)
    return Ads(session, ad_type, network, revenue)


def _choose(
    rng: np.random.Generator, shares: tuple[float, ...] | list[float], count: int
) -> NDArray[np.int64]:
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(count), side="right").astype(np.int64)
