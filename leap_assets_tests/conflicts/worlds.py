"""Small random worlds: seeded ones, and Hypothesis strategies that look for trouble.

Coordinates are taken from few values, so that ties at the distance and identical positions are common.
"""

import math
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from leap_assets_tests.conflicts.oracle import Centroid, Fix, Point, distance_of

_lattice = st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 3.0])] * 3)
_anywhere = st.tuples(
    *[
        st.one_of(
            st.sampled_from([0.0, 0.1, 0.2, 0.30000000000000004, 1e-170, 5e-324, 1e9, -1e9, 1e200, -1.7e308]),
            st.floats(-5, 5),
            st.sampled_from([math.nan, math.inf]),
        )
    ]
    * 3
)
_limits = st.sampled_from([0.0, 0.1, 1.0, 2**0.5, 3**0.5, 2.0, 5.0, 1e9, 1e150, 1.7e308])
_codes = st.one_of(st.integers(-2, 4), st.sampled_from([2**62, 2**63 - 1, -(2**63)]))
_beats = st.one_of(st.integers(-4, 9), st.sampled_from([2**52, -(2**52)]))


class World(NamedTuple):
    """Players and teams at a few places, and what counts as close."""

    centroids: list[Centroid]
    fixes: list[Fix]
    distance: float
    cooldown_beats: float


@st.composite
def drawn_worlds(draw: st.DrawFn) -> World:
    """Draw a world in which few codes, beats and places recur, so that points meet in most of them.

    Independent rows would hardly ever share a session and a beat: nothing but empty results.
    """
    sessions = draw(st.lists(_codes, min_size=1, max_size=2, unique=True))
    teams = draw(st.lists(_codes, min_size=2, max_size=3, unique=True))
    players = draw(st.lists(_codes, min_size=2, max_size=4, unique=True))
    beats = draw(st.lists(_beats, min_size=2, max_size=6, unique=True))
    places = draw(st.lists(st.one_of(_lattice, _lattice, _anywhere), min_size=1, max_size=4))
    place_or_absent = st.sampled_from([*places, *places, None])
    fixes = [
        Fix(session, draw(st.sampled_from(teams)), player, beat, at)
        for session in sessions
        for beat in beats
        for player in players
        if (at := draw(place_or_absent)) is not None
    ]
    centroids = [
        Centroid(session, team, beat, at)
        for session in sessions
        for team in teams
        for beat in beats
        if (at := draw(place_or_absent)) is not None
    ]
    # The distance of two places is the tie that a plain number would rarely hit.
    apart = distance_of(places[0], places[-1])
    ties = [apart, math.nextafter(apart, 0)] if apart < math.inf else [0.0]
    distance = draw(st.sampled_from(ties) | _limits)
    cooldown_beats = draw(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 4.0, math.inf]))
    return World(draw(st.permutations(centroids)), draw(st.permutations(fixes)), distance, cooldown_beats)


def seeded_fixes(
    seed: int, *, players: int, teams: int, beats: int, cube: float, present: float = 0.8
) -> list[Fix]:
    """Return two sessions of players on a lattice of 0.5; some change teams, some are nowhere (NaN)."""
    generator = np.random.default_rng(seed)
    fixes = []
    for session in (3, 1):
        for player in range(players):
            for beat in range(-2, beats - 2):
                if generator.random() < present:
                    team = (player + (generator.random() < 0.1)) % teams
                    at = np.round(generator.uniform(-cube / 2, cube / 2, 3) * 2) / 2
                    if generator.random() < 0.02:
                        at[generator.integers(3)] = np.nan
                    fixes.append(Fix(session, team, player, beat, _point(at)))
    return fixes


def seeded_centroids(fixes: list[Fix]) -> list[Centroid]:
    """Return the mean position of each team's fixes, NaN where one of them is."""
    members: dict[tuple[int, int, int], list[Point]] = {}
    for fix in fixes:
        members.setdefault((fix.session, fix.team, fix.beat), []).append(fix.position)
    return [Centroid(*key, _point(np.mean(at, axis=0))) for key, at in members.items()]


def _point(at: np.ndarray) -> Point:
    x, y, z = at.tolist()
    return x, y, z
