"""The matches of a day as arrays for the conflict kernel, and what it found as rows: alike on every engine.

What a conflict is lives in `leap_assets.conflicts`; how an engine reads and writes its tables lives with the engine.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from leap_assets.conflicts import detect_conflicts, detect_contacts
from leap_assets.landing.contracts import Column

SCHEMA = "leap_stage"
TABLES: dict[str, tuple[tuple[Column, ...], str]] = {
    "stage_conflicts": (
        (
            Column("session_id", "text", "The match"),
            Column("team_1_id", "text", "The team whose id comes first"),
            Column("team_2_id", "text", "The other team"),
            Column("conflict_number", "integer", "Number of the pair's conflict in the match, from 1"),
            Column("conflict_start", "timestamp", "First close beat"),
            Column("conflict_end", "timestamp", "Last close beat and one beat more"),
            Column("close_beats", "integer", "Beats in which the teams were close"),
            Column("min_centroid_distance", "double", "Smallest distance of the teams' centroids"),
            Column("min_player_distance", "double", "Smallest distance of two players, one of each team"),
            Column("event_date", "date", "UTC day that the match started"),
        ),
        "One row per conflict: an island of beats in which the centroids of two teams were at most "
        "LEAP_CONFLICT_DISTANCE apart, with pauses of at most LEAP_CONFLICT_COOLDOWN_S.\n\nConflicts of a pair never "
        "overlap and never last zero seconds; a pair that never comes close has none.",
    ),
    "stage_contacts": (
        (
            Column("session_id", "text", "The match"),
            Column("player_1_id", "text", "The player whose id comes first"),
            Column("player_2_id", "text", "The opponent"),
            Column("contact_number", "integer", "Number of the pair's contact in the match, from 1"),
            Column("contact_start", "timestamp", "First close beat"),
            Column("contact_end", "timestamp", "Last close beat and one beat more"),
            Column("close_beats", "integer", "Beats in which the players were close"),
            Column("min_distance", "double", "Smallest distance of the two players"),
            Column("event_date", "date", "UTC day that the match started"),
        ),
        "One row per contact: an island of beats in which two opposing players were at most LEAP_CONFLICT_DISTANCE "
        "apart, with pauses of at most LEAP_CONFLICT_COOLDOWN_S.",
    ),
}


@dataclasses.dataclass(frozen=True)
class Rule:
    """What is close, and when a conflict ends.

    Attributes
    ----------
    distance : float
        Close is at most this, in the unit of the positions.
    cooldown_s, beat_s : float
        Seconds.
    """

    distance: float
    cooldown_s: float
    beat_s: float

    @property
    def cooldown_beats(self) -> int:
        """The longest pause within a conflict, in whole beats."""
        # in whole microseconds: 60.3 s / 20.1 s is 2.9999999999999996 in floats
        return round(self.cooldown_s * 1e6) // self.beat_us

    @property
    def beat_us(self) -> int:
        """Length of a beat in microseconds."""
        return round(self.beat_s * 1e6)


@dataclasses.dataclass(frozen=True)
class MatchDay:
    """Matches of one event day as arrays; codes count the sorted ids, so that their order is that of the text."""

    sessions: pd.Series
    teams: pd.Series
    players: pd.Series
    started_at: npt.NDArray[np.datetime64]
    fixes: dict[str, npt.NDArray[Any]]
    centroids: dict[str, npt.NDArray[Any]]

    def at(
        self, session: npt.NDArray[Any], beat: npt.NDArray[Any], beat_us: int
    ) -> npt.NDArray[np.datetime64]:
        """Nominal times of beats of matches."""
        after = (beat * beat_us).astype("timedelta64[us]")
        times: npt.NDArray[np.datetime64] = self.started_at[session].astype("datetime64[us]") + after
        return times


def _stacked(columns: Mapping[str, npt.NDArray[Any]], name: str) -> npt.NDArray[np.float64]:
    return np.column_stack([columns[f"{name}_{axis}"] for axis in "xyz"])


def _named(ids: pd.Series, codes: npt.NDArray[Any]) -> pd.Series:
    return ids.iloc[codes].reset_index(drop=True)


def conflict_rows(day: MatchDay, rule: Rule) -> pd.DataFrame:
    """Rows of stage_conflicts, without their event_date."""
    found = detect_conflicts(
        session=day.centroids["session"],
        team=day.centroids["team"],
        beat=day.centroids["beat"],
        centroid=_stacked(day.centroids, "centroid"),
        player_session=day.fixes["session"],
        player_team=day.fixes["team"],
        player_beat=day.fixes["beat"],
        player=day.fixes["player"],
        position=_stacked(day.fixes, "position"),
        distance=rule.distance,
        cooldown_beats=rule.cooldown_beats,
    )
    return pd.DataFrame(
        {
            "session_id": _named(day.sessions, found.session),
            "team_1_id": _named(day.teams, found.team_1),
            "team_2_id": _named(day.teams, found.team_2),
            "conflict_number": found.conflict_number,
            "conflict_start": day.at(found.session, found.first_beat, rule.beat_us),
            "conflict_end": day.at(found.session, found.last_beat + 1, rule.beat_us),
            "close_beats": found.close_beats,
            "min_centroid_distance": found.min_centroid_distance,
            "min_player_distance": found.min_player_distance,
        }
    )


def contact_rows(day: MatchDay, rule: Rule) -> pd.DataFrame:
    """Rows of stage_contacts, without their event_date."""
    found = detect_contacts(
        session=day.fixes["session"],
        team=day.fixes["team"],
        player=day.fixes["player"],
        beat=day.fixes["beat"],
        position=_stacked(day.fixes, "position"),
        distance=rule.distance,
        cooldown_beats=rule.cooldown_beats,
    )
    return pd.DataFrame(
        {
            "session_id": _named(day.sessions, found.session),
            "player_1_id": _named(day.players, found.player_1),
            "player_2_id": _named(day.players, found.player_2),
            "contact_number": found.contact_number,
            "contact_start": day.at(found.session, found.first_beat, rule.beat_us),
            "contact_end": day.at(found.session, found.last_beat + 1, rule.beat_us),
            "close_beats": found.close_beats,
            "min_distance": found.min_distance,
        }
    )
