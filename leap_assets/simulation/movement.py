"""Where players are at every beat: four families of steps in the cube, and the opponents who come close.

The families are lorentzian (heavy-tailed, as in Levy flights), bezier (chained quadratic curves), lissajous
and perlin (heading from gradient noise). Every player has a top speed. Kills are not decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.config import CUBE_HALF_WIDTH, WorldConfig
from leap_assets.simulation.population import GAITS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SPAWN_HALF_WIDTH = 0.8 * CUBE_HALF_WIDTH
_SPAWN_SCATTER = 3.0
# Teammates spawn within some steps of each other, teams anywhere but at the walls.

_LORENTZIAN_SCALE = 0.35
# Half of the steps are shorter than this share of the longest possible one.
_BEZIER_BEATS = 4
# Beats from one joint of the curve to the next.
_LISSAJOUS_ROUND = 500.0
# Units of way for one round of the slowest axis: the curve spans a good part of the cube.
_PERLIN_BEATS = 4.0
# Beats from one lattice point of the noise to the next.
_PERLIN_TURN = 4.0 * np.pi
# The noise stays within +-0.5, so a heading wanders over a full turn to either side.


@dataclass(frozen=True, eq=False)
class Contacts:
    """Beats in which two opponents are within the encounter distance; arrays of shape (n,).

    Attributes
    ----------
    first, second : positions of the two player-sessions, first < second
    beat : beats since the match start
    distance : distance of the rounded positions in units
    """

    first: Ints
    second: Ints
    beat: Ints
    distance: Floats


def walk(
    rng: np.random.Generator,
    config: WorldConfig,
    match: Ints,
    team: Ints,
    gait: NDArray[np.int8],
    beats: Ints,
) -> NDArray[np.float64]:
    """Walk every player-session through its beats.

    Parameters
    ----------
    rng : Generator
    config : WorldConfig
    match, team : ndarray of int64, shape (n,)
        Sorted by match and team.
    gait : ndarray of int8, shape (n,)
        Position in ``GAITS``.
    beats : ndarray of int64, shape (n,)
        Positions to give, at least 1 each.

    Returns
    -------
    ndarray of float64, shape (3, sum of beats)
        Coordinates inside the cube, rounded to 0.01; player-session by player-session, beat by beat.
    """
    first = np.cumsum(beats) - beats
    session = np.repeat(np.arange(len(beats)), beats)
    speed = rng.uniform(config.min_speed, config.max_speed, size=len(beats))
    reach = speed * config.heartbeat_s

    steps = np.zeros((3, len(session)))
    for number, name in enumerate(GAITS):
        chosen = np.flatnonzero(gait == number)
        rows = np.flatnonzero((gait == number)[session])
        walk_gait = _WALKS[name]
        steps[:, rows] = walk_gait(rng, reach[chosen], beats[chosen])
    steps[:, first] = 0.0

    position = np.cumsum(steps, axis=1)
    spawn = _draw_spawns(rng, match, team)
    position += (spawn - position[:, first])[:, session]
    return np.round(_reflect(position), 2) + 0.0


def find_contacts(match: Ints, team: Ints, beats: Ints, position: Floats, distance: float) -> Contacts:
    """Find the beats in which opponents of one match are within ``distance`` of each other.

    Parameters
    ----------
    match, team, beats : ndarray of int64, shape (n,)
        As for `walk`.
    position : ndarray of float64, shape (3, sum of beats)
        What `walk` gave.
    distance : float
        Largest distance, inclusive.

    Notes
    -----
    Time and memory grow with the pairs of opponents times the beats both are there: at most 160 pairs a
    match with the default sizes.
    """
    first_row = np.cumsum(beats) - beats
    one, other = _pair_opponents(match, team)
    shared = np.minimum(beats[one], beats[other])
    before = np.cumsum(shared) - shared
    pair = np.repeat(np.arange(len(one)), shared)
    beat = np.arange(len(pair)) - before[pair]
    row = first_row[one][pair] + beat
    other_row = first_row[other][pair] + beat
    square = np.zeros(len(pair))
    for axis in position:
        difference = axis[row] - axis[other_row]
        square += difference * difference
    apart = np.sqrt(square)
    close = np.flatnonzero(apart <= distance)
    return Contacts(one[pair[close]], other[pair[close]], beat[close], apart[close])


def _pair_opponents(match: Ints, team: Ints) -> tuple[Ints, Ints]:
    largest = int(np.bincount(match - match[0]).max()) if len(match) else 0
    ones, others = [], []
    for offset in range(1, largest):
        one = np.flatnonzero((match[:-offset] == match[offset:]) & (team[:-offset] != team[offset:]))
        ones.append(one)
        others.append(one + offset)
    if not ones:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    one, other = np.concatenate(ones), np.concatenate(others)
    # Back into match order: neighbours in memory, and an order that does not depend on the largest match.
    order = np.lexsort((other, one))
    return one[order], other[order]


def _draw_spawns(rng: np.random.Generator, match: Ints, team: Ints) -> Floats:
    is_first = np.ones(len(match), dtype=bool)
    is_first[1:] = (match[1:] != match[:-1]) | (team[1:] != team[:-1])
    place = rng.uniform(-_SPAWN_HALF_WIDTH, _SPAWN_HALF_WIDTH, size=(3, int(is_first.sum())))
    scatter = rng.uniform(-_SPAWN_SCATTER, _SPAWN_SCATTER, size=(3, len(match)))
    return place[:, np.cumsum(is_first) - 1] + scatter


def _reflect(position: Floats) -> Floats:
    # Folding space at the walls keeps every step as short as it was and piles nobody up there.
    width = 2.0 * CUBE_HALF_WIDTH
    return CUBE_HALF_WIDTH - np.abs((position + CUBE_HALF_WIDTH) % (2.0 * width) - width)


def _draw_directions(rng: np.random.Generator, count: int) -> Floats:
    up = rng.uniform(-1.0, 1.0, size=count)
    angle = rng.uniform(0.0, 2.0 * np.pi, size=count)
    return _point(angle, up)


def _point(angle: Floats, up: Floats) -> Floats:
    flat: Floats = np.sqrt(1.0 - up * up)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), up])


def _walk_lorentzian(rng: np.random.Generator, reach: Floats, beats: Ints) -> Floats:
    count = int(beats.sum())
    share = _LORENTZIAN_SCALE * np.abs(np.tan(np.pi * (rng.random(count) - 0.5)))
    length: Floats = np.minimum(share, 1.0) * np.repeat(reach, beats)
    return _draw_directions(rng, count) * length


def _walk_bezier(rng: np.random.Generator, reach: Floats, beats: Ints) -> Floats:
    # The control polygon of a chain of quadratic Bezier curves has an edge a joint; along a curve the
    # velocity turns linearly from one edge to the next, so a beat's step is exactly the mix of the two at
    # the middle of the beat.
    edges = beats // _BEZIER_BEATS + 3
    edge = _draw_directions(rng, int(edges.sum()))
    phase = rng.integers(0, _BEZIER_BEATS, size=len(beats))
    beat = _count_up(beats) + np.repeat(phase, beats)
    at, within = np.divmod(beat, _BEZIER_BEATS)
    at += np.repeat(np.cumsum(edges) - edges, beats)
    mix = (within + 0.5) / _BEZIER_BEATS
    return ((1.0 - mix) * edge[:, at] + mix * edge[:, at + 1]) * np.repeat(reach, beats)


def _walk_lissajous(rng: np.random.Generator, reach: Floats, beats: Ints) -> Floats:
    # Amplitude times frequency of the axes is a unit vector, so the speed never exceeds the top speed.
    share = np.abs(_draw_directions(rng, len(beats)))
    frequency = rng.permuted(np.tile([[1.0], [2.0], [3.0]], len(beats)), axis=0) * (
        2.0 * np.pi / _LISSAJOUS_ROUND
    )
    phase = rng.uniform(0.0, 2.0 * np.pi, size=(3, len(beats)))
    way = _count_up(beats) * np.repeat(reach, beats)
    place = np.sin(np.repeat(frequency, beats, axis=1) * way + np.repeat(phase, beats, axis=1))
    place *= np.repeat(share / frequency, beats, axis=1)
    return np.diff(place, axis=1, prepend=0.0)


def _walk_perlin(rng: np.random.Generator, reach: Floats, beats: Ints) -> Floats:
    start = np.repeat(rng.uniform(0.0, 2.0 * np.pi, size=len(beats)), beats)
    angle = start + _PERLIN_TURN * _draw_noise(rng, beats)
    up = np.clip(2.0 * _draw_noise(rng, beats), -1.0, 1.0)
    return _point(angle, up) * np.repeat(reach, beats)


def _draw_noise(rng: np.random.Generator, beats: Ints) -> Floats:
    """Draw one-dimensional gradient noise (Perlin 2002) a beat, with a phase a player; within [-0.5, 0.5]."""
    points = (beats / _PERLIN_BEATS).astype(np.int64) + 3
    gradient = rng.uniform(-1.0, 1.0, size=int(points.sum()))
    place = _count_up(beats) / _PERLIN_BEATS + np.repeat(rng.random(len(beats)), beats)
    lattice = place.astype(np.int64)
    part = place - lattice
    lattice += np.repeat(np.cumsum(points) - points, beats)
    fade = part**3 * (part * (part * 6.0 - 15.0) + 10.0)
    return (1.0 - fade) * gradient[lattice] * part + fade * gradient[lattice + 1] * (part - 1.0)


def _count_up(beats: Ints) -> Ints:
    return np.arange(int(beats.sum())) - np.repeat(np.cumsum(beats) - beats, beats)


_WALKS: dict[str, Callable[[np.random.Generator, Floats, Ints], Floats]] = {
    "lorentzian": _walk_lorentzian,
    "bezier": _walk_bezier,
    "lissajous": _walk_lissajous,
    "perlin": _walk_perlin,
}
