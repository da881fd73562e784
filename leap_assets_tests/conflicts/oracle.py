"""Conflicts and contacts by plain Python loops over small worlds, and results as rows to compare.

Deliberately nothing of the kernel is used in here, and no NumPy arithmetic either.
"""

import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

Point = tuple[float, float, float]


class Fix(NamedTuple):
    """Where a player is in a beat."""

    session: int
    team: int
    player: int
    beat: int
    position: Point


class Centroid(NamedTuple):
    """Where a team is in a beat."""

    session: int
    team: int
    beat: int
    position: Point


def distance_of(a: Point, b: Point) -> float:
    """Return the Euclidean distance; infinite where squares are too large for a float."""
    dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return math.sqrt(dx * dx + dy * dy + dz * dz)


def is_somewhere(point: Point) -> bool:
    """Return whether all coordinates are finite."""
    return all(math.isfinite(coordinate) for coordinate in point)


def contact_rows(fixes: Iterable[Fix], distance: float, cooldown_beats: float) -> list[tuple[object, ...]]:
    """Return the rows that `detect_contacts` must return."""
    close: dict[tuple[int, int, int], dict[int, float]] = defaultdict(dict)
    present = [fix for fix in fixes if is_somewhere(fix.position)]
    for a, b in itertools.permutations(present, 2):
        if (a.session, a.beat) == (b.session, b.beat) and a.player < b.player and a.team != b.team:
            apart = distance_of(a.position, b.position)
            if apart <= distance:
                close[a.session, a.player, b.player][a.beat] = apart
    return [
        (*pair, number, island[0], island[-1], len(island), min(close[pair][beat] for beat in island))
        for pair in sorted(close)
        for number, island in enumerate(islands_of(sorted(close[pair]), cooldown_beats), start=1)
    ]


def conflict_rows(
    centroids: Iterable[Centroid], fixes: Sequence[Fix], distance: float, cooldown_beats: float
) -> list[tuple[object, ...]]:
    """Return the rows that `detect_conflicts` must return; None where no two players are there."""
    close: dict[tuple[int, int, int], dict[int, float]] = defaultdict(dict)
    present = [centroid for centroid in centroids if is_somewhere(centroid.position)]
    for a, b in itertools.permutations(present, 2):
        if (a.session, a.beat) == (b.session, b.beat) and a.team < b.team:
            apart = distance_of(a.position, b.position)
            if apart <= distance:
                close[a.session, a.team, b.team][a.beat] = apart
    return [
        (
            *pair,
            number,
            island[0],
            island[-1],
            len(island),
            min(close[pair][beat] for beat in island),
            nearest_players(fixes, pair, island),
        )
        for pair in sorted(close)
        for number, island in enumerate(islands_of(sorted(close[pair]), cooldown_beats), start=1)
    ]


def nearest_players(fixes: Sequence[Fix], pair: tuple[int, int, int], beats: Sequence[int]) -> float | None:
    """Return the smallest distance of players of the two teams in these beats."""
    session, team_1, team_2 = pair
    present = [fix for fix in fixes if is_somewhere(fix.position)]
    there = [fix for fix in present if fix.session == session and fix.beat in beats]
    return min(
        (
            distance_of(a.position, b.position)
            for a in there
            for b in there
            if (a.team, b.team) == (team_1, team_2) and a.beat == b.beat
        ),
        default=None,
    )


def islands_of(beats: Sequence[int], cooldown_beats: float) -> Iterator[list[int]]:
    """Yield runs of ascending beats whose gaps are at most the cooldown."""
    island: list[int] = []
    for beat in beats:
        if island and beat - island[-1] > cooldown_beats:
            yield island
            island = []
        island.append(beat)
    if island:
        yield island


def rows_of(result: object) -> list[tuple[object, ...]]:
    """Return a result's arrays as rows of Python values, NaN as None."""
    assert dataclasses.is_dataclass(result)
    columns = [getattr(result, field.name) for field in dataclasses.fields(result)]
    assert len({column.shape for column in columns}) == 1
    return [
        tuple(None if value != value else value for value in row)
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]


def fix_columns(fixes: Sequence[Fix]) -> dict[str, np.ndarray]:
    """Return fixes as the arguments of `detect_contacts`."""
    return {
        "session": np.array([fix.session for fix in fixes], dtype=np.int64),
        "team": np.array([fix.team for fix in fixes], dtype=np.int64),
        "player": np.array([fix.player for fix in fixes], dtype=np.int64),
        "beat": np.array([fix.beat for fix in fixes], dtype=np.int64),
        "position": np.array([fix.position for fix in fixes], dtype=np.float64).reshape(-1, 3),
    }


def conflict_columns(centroids: Sequence[Centroid], fixes: Sequence[Fix]) -> dict[str, np.ndarray]:
    """Return centroids and fixes as the arguments of `detect_conflicts`."""
    players = fix_columns(fixes)
    return {
        "session": np.array([centroid.session for centroid in centroids], dtype=np.int64),
        "team": np.array([centroid.team for centroid in centroids], dtype=np.int64),
        "beat": np.array([centroid.beat for centroid in centroids], dtype=np.int64),
        "centroid": np.array([centroid.position for centroid in centroids], dtype=np.float64).reshape(-1, 3),
        "player_session": players["session"],
        "player_team": players["team"],
        "player_beat": players["beat"],
        "player": players["player"],
        "position": players["position"],
    }
