"""Who met whom: stage_conflicts, stage_contacts and the two marts on conflicts, by brute force from true positions.

Every pair of opponents of a match is looked at in every beat. Right for matches; a crowd of thousands would not fit
into memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_assets.proofs.frames import Floats, Frame, objects
from leap_assets.proofs.known import DAY_US, SECOND_US, Columns, Dictionary, EventDay, Given, Ints, Known

HUNDREDTHS = 100
# positions are rounded to these, so that sums of them are whole


def find_conflicts(lines: EventDay, given: Given, names: Dictionary) -> Mapping[str, Columns]:
    """Matches, conflicts of teams and contacts of players, match by match."""
    sessions, positions = lines.tables["player_session"], lines.tables["position"]
    session_day = lines.match_days.of(sessions["session_id"], sessions["started_at"] // DAY_US)
    fix_day = lines.match_days.of(positions["session_id"], positions["at"] // DAY_US)
    ids, players, words = lines.matches.texts, names.players.texts, names.words.texts
    starts: dict[tuple[int, int], int] = {}
    is_shown: dict[tuple[int, int], bool] = defaultdict(bool)
    internal = np.isin(players.astype(str), sorted(given.internal))
    for match, day, start, player in zip(
        sessions["session_id"].tolist(),
        session_day.tolist(),
        sessions["started_at"].tolist(),
        sessions["player_id"].tolist(),
        strict=True,
    ):
        starts[match, day] = min(start, starts.get((match, day), start))
        is_shown[match, day] |= not internal[player]
    order = np.lexsort((positions["at"], fix_day, positions["session_id"]))
    columns = {name: column[order] for name, column in positions.items()} | {"day": fix_day[order]}
    conflicts: list[tuple[object, ...]] = []
    contacts: list[tuple[object, ...]] = []
    for match, day, rows in _matches(columns["session_id"], columns["day"]):
        is_shown[match, day] |= not internal[columns["player_id"][rows]].all()
        start = starts.get((match, day), int(columns["at"][rows.start]))
        if (match, day) in starts:
            # the nominal beat: who logs a start logs the match's
            beat = columns["beat"][rows]
        else:
            beat = (2 * (columns["at"][rows] - start) + given.beat_us) // (2 * given.beat_us)
        arena = _Arena(
            players[columns["player_id"][rows]],
            words[columns["team_id"][rows]],
            beat,
            np.stack([columns[axis][rows] for axis in "xyz"], axis=1),
            given.distance,
        )
        place = (ids[match], day)
        cooldown = given.cooldown_us // given.beat_us
        for found, islands in ((conflicts, arena.conflicts(cooldown)), (contacts, arena.contacts(cooldown))):
            for one, two, number, first, last, beats, *distances in islands:
                times = (start + first * given.beat_us, start + (last + 1) * given.beat_us)
                found.append((*place, one, two, number, *times, beats, *distances))
    shown = list(is_shown.items())
    return {
        "match": {
            "session": objects(ids[match] for (match, _), _ in shown),
            "day": np.array([day for (_, day), _ in shown], dtype=np.int64),
            "is_shown": np.array([flag for _, flag in shown], dtype=bool),
        },
        "conflict": _columns(conflicts, (*_PAIR, "centroid_distance", "player_distance")),
        "contact": _columns(contacts, (*_PAIR, "distance")),
    }


_PAIR = ("session", "day", "one", "two", "number", "start", "end", "beats")
_TEXTS = ("session", "one", "two")
_DISTANCES = ("centroid_distance", "player_distance", "distance")


class _Arena:
    """The fixes of one match: every player's place in every beat, NaN where he has none."""

    def __init__(
        self,
        player: npt.NDArray[np.object_],
        team: npt.NDArray[np.object_],
        beat: Ints,
        position: Floats,
        distance: float,
    ) -> None:
        self.first_beat = int(beat.min())
        beats = int(beat.max()) - self.first_beat + 1
        # in the order of their names, so that the first of a pair is the smaller one
        self.players, row = np.unique(player.astype(str), return_inverse=True)
        self.teams, team_row = np.unique(team.astype(str), return_inverse=True)
        self.team_of = np.zeros(len(self.players), dtype=np.int64)
        self.team_of[row] = team_row
        self.place = np.full((len(self.players), beats, 3), np.nan)
        # of two fixes in one beat the later one stays: they come by time
        self.place[row, beat - self.first_beat] = position
        gap = self.place[:, np.newaxis] - self.place[np.newaxis]
        self.apart = np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2 + gap[..., 2] ** 2)
        self.distance = distance

    def contacts(self, cooldown: int) -> Iterator[tuple[Any, ...]]:
        """Islands of close beats of two opponents: names, number, first and last beat, beats, least distance."""
        opponents = np.triu(self.team_of[:, np.newaxis] != self.team_of)
        with np.errstate(invalid="ignore"):
            close = opponents[..., np.newaxis] & (self.apart <= self.distance)
        for one, two in zip(*np.nonzero(close.any(axis=2)), strict=True):
            beats = np.flatnonzero(close[one, two])
            for number, island in enumerate(_split(beats.tolist(), cooldown), 1):
                least = self.apart[one, two, island].min()
                yield (*self._named(self.players, one, two), *self._counted(number, island), least)

    def conflicts(self, cooldown: int) -> Iterator[tuple[Any, ...]]:
        """Islands of close beats of two teams' centroids; with the least distance of centroids and of players."""
        is_of = self.team_of == np.arange(len(self.teams))[:, np.newaxis]
        is_there = ~np.isnan(self.place[..., 0])
        whole = np.rint(np.nan_to_num(self.place) * HUNDREDTHS).astype(np.int64)
        present = np.einsum("tp,pb->tb", is_of.astype(np.int64), is_there.astype(np.int64))
        total = np.einsum("tp,pbk->tbk", is_of.astype(np.int64), whole)
        with np.errstate(invalid="ignore", divide="ignore"):
            centroid = total / (present * HUNDREDTHS)[..., np.newaxis]
            gap = centroid[:, np.newaxis] - centroid[np.newaxis]
            apart = np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2 + gap[..., 2] ** 2)
            close = apart <= self.distance
        close &= ~np.tri(len(self.teams), dtype=bool)[..., np.newaxis]
        for one, two in zip(*np.nonzero(close.any(axis=2)), strict=True):
            beats = np.flatnonzero(close[one, two])
            between = self.apart[np.ix_(is_of[one], is_of[two])]
            for number, island in enumerate(_split(beats.tolist(), cooldown), 1):
                least = (apart[one, two, island].min(), np.nanmin(between[..., island]))
                yield (*self._named(self.teams, one, two), *self._counted(number, island), *least)

    def _named(self, names: npt.NDArray[np.str_], one: int, two: int) -> tuple[str, str]:
        return str(names[one]), str(names[two])

    def _counted(self, number: int, island: list[int]) -> tuple[int, int, int, int]:
        return number, self.first_beat + island[0], self.first_beat + island[-1], len(island)


def _matches(match: Ints, day: Ints) -> Iterator[tuple[int, int, slice]]:
    """Match, day and rows of each run of fixes of one match and day."""
    if not len(match):
        return
    begins = np.flatnonzero((np.diff(match, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0)).tolist()
    for begin, end in zip(begins, [*begins[1:], len(match)], strict=True):
        yield int(match[begin]), int(day[begin]), slice(begin, end)


def _split(beats: list[int], cooldown: int) -> Iterator[list[int]]:
    """Cut close beats where the pause before one is longer than the cooldown (in beats)."""
    island: list[int] = []
    for beat in beats:
        if island and beat - island[-1] > cooldown:
            yield island
            island = []
        island.append(beat)
    if island:
        yield island


_PAIR = ("session", "day", "one", "two", "number", "start", "end", "beats")
_TEXTS = ("session", "one", "two")
_DISTANCES = ("centroid_distance", "player_distance", "distance")


def _columns(rows: list[tuple[object, ...]], names: tuple[str, ...]) -> Columns:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {
        name: objects(column)
        if name in _TEXTS
        else np.array(column, dtype=float if name in _DISTANCES else np.int64)
        for name, column in zip(names, columns, strict=True)
    }


def prove_stage_conflicts(known: Known) -> Frame:
    """Every conflict of every match."""
    found = known.facts["conflict"]
    return {
        "session_id": found["session"],
        "team_1_id": found["one"],
        "team_2_id": found["two"],
        "conflict_number": found["number"],
        "conflict_start": found["start"],
        "conflict_end": found["end"],
        "close_beats": found["beats"],
        "min_centroid_distance": found["centroid_distance"],
        "min_player_distance": found["player_distance"],
        "event_date": found["day"],
    }


def prove_stage_contacts(known: Known) -> Frame:
    """Every contact of every match."""
    found = known.facts["contact"]
    return {
        "session_id": found["session"],
        "player_1_id": found["one"],
        "player_2_id": found["two"],
        "contact_number": found["number"],
        "contact_start": found["start"],
        "contact_end": found["end"],
        "close_beats": found["beats"],
        "min_distance": found["distance"],
        "event_date": found["day"],
    }


def prove_conflict_summary_daily(known: Known) -> Frame:
    """Conflicts of the shown matches, by match and pair of teams."""
    totals: dict[tuple[str, int, str, str], list[int]] = {}
    for place, seconds_us in _shown_conflicts(known):
        total = totals.setdefault(place, [0, 0])
        total[0] += 1
        total[1] += seconds_us
    places: list[Any] = list(zip(*totals, strict=True)) or [()] * 4
    return {
        "session_id": objects(places[0]),
        "team_1_id": objects(places[2]),
        "team_2_id": objects(places[3]),
        "event_date": np.array(places[1], dtype=np.int64),
        "is_final": known.final(np.array(places[1], dtype=np.int64)),
        "daily_conflict_count": np.array([count for count, _ in totals.values()], dtype=np.int64),
        "total_conflict_seconds": np.array([us / SECOND_US for _, us in totals.values()], dtype=float),
    }


def prove_session_close_conflicts_daily(known: Known) -> Frame:
    """Every shown match, those without a conflict too."""
    matches = known.facts["match"]
    totals = {
        (session, day): [0, 0]
        for session, day, shown in zip(
            *(matches[name].tolist() for name in ("session", "day", "is_shown")), strict=True
        )
        if shown and day in known.is_loaded
    }
    for (session, day, _, _), seconds_us in _shown_conflicts(known):
        totals[session, day][0] += 1
        totals[session, day][1] += seconds_us
    places: list[Any] = list(zip(*totals, strict=True)) or [()] * 2
    return {
        "session_id": objects(places[0]),
        "event_date": np.array(places[1], dtype=np.int64),
        "is_final": known.final(np.array(places[1], dtype=np.int64)),
        "conflict_count": np.array([count for count, _ in totals.values()], dtype=np.int64),
        "total_conflict_seconds": np.array([us / SECOND_US for _, us in totals.values()], dtype=float),
    }


def _shown_conflicts(known: Known) -> Iterator[tuple[tuple[str, int, str, str], int]]:
    matches, found = known.facts["match"], known.facts["conflict"]
    rows = zip(*(matches[name].tolist() for name in ("session", "day", "is_shown")), strict=True)
    shown = {(session, day) for session, day, is_shown in rows if is_shown and day in known.is_loaded}
    lengths = (found["end"] - found["start"]).tolist()
    for session, day, one, two, length in zip(
        *(found[name].tolist() for name in ("session", "day", "one", "two")), lengths, strict=True
    ):
        if (session, day) in shown:
            yield (session, day, one, two), length
