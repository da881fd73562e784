"""Kills and deaths: only between opponents who meet, and always one death for one kill.

A victim respawns on the spot: nothing else changes. Who meets whom is found in movement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.movement import Contacts


def draw_kills(
    rng: np.random.Generator, contacts: Contacts, player_sessions: int, probability: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Decide every contact beat: nothing, or a kill by either of the two with equal chance.

    Parameters
    ----------
    rng : Generator
    contacts : Contacts
        Positions of player-sessions below ``player_sessions``.
    player_sessions : int
        Length of the results.
    probability : float
        Chance of a kill in a contact beat.

    Returns
    -------
    kills, deaths : ndarray of int64, shape (player_sessions,)
    """
    count = len(contacts.beat)
    is_kill = rng.random(count) < probability
    first_wins = rng.random(count) < 0.5
    killer = np.where(first_wins, contacts.first, contacts.second)[is_kill]
    victim = np.where(first_wins, contacts.second, contacts.first)[is_kill]
    kills = np.bincount(killer, minlength=player_sessions)
    deaths = np.bincount(victim, minlength=player_sessions)
    return kills.astype(np.int64), deaths.astype(np.int64)
