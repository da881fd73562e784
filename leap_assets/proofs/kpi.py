"""The key figures: kpi_daily, kpi_daily_by_segment and lifecycle_daily, from a table of who was active on which day."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from leap_assets.proofs.frames import Floats, Frame, divide, objects, quantile_by, sum_by
from leap_assets.proofs.known import Ints, Known
from leap_assets.proofs.sums import Whole, accumulate, round_quotient, to_millionths

WEEK_DAYS, MONTH_DAYS = 7, 30


class Figures:
    """The key figures of groups of players on every day of the calendar; arrays of shape (groups, days).

    Parameters
    ----------
    known : Known
    group : ndarray of int64, shape (players,)
        Group of each counted player.
    groups : int
    """

    def __init__(self, known: Known, group: Ints, groups: int) -> None:
        self.known = known
        self.calendar = known.calendar
        self.shape = (groups, len(self.calendar))
        self.group = group
        self.group_of = np.full(len(known.names.players), -1)
        self.group_of[known.counted] = group
        days = known.player_days
        self.cell = self._cells(days["player"], days["day"])

    def _cells(self, player: Ints, day: Ints) -> Ints:
        cells: Ints = self.group_of[player] * self.shape[1] + np.searchsorted(self.calendar, day)
        return cells

    def add(self, values: Whole) -> Whole:
        """Sums of a column of the player-days."""
        return sum_by(self.cell, values, self.shape[0] * self.shape[1]).reshape(self.shape)

    @cached_property
    def rows(self) -> Ints:
        """Player-days with a player-session."""
        return np.flatnonzero(self.known.player_days["sessions"] > 0)

    def count_active(self, days_back: int) -> Ints:
        """Distinct players active on the loaded days among each day and those before it, player by player."""
        days = self.known.player_days
        rows = self.rows
        count = np.zeros(self.shape, dtype=np.int64)
        begin = np.searchsorted(days["player"][rows], self.known.counted, side="left")
        end = np.searchsorted(days["player"][rows], self.known.counted, side="right")
        for group, first, last in zip(self.group.tolist(), begin.tolist(), end.tolist(), strict=True):
            if first < last:
                active = days["day"][rows[first:last]]
                # the latest active day at or before each day of the calendar
                place = np.searchsorted(active, self.calendar, side="right") - 1
                count[group] += (place >= 0) & (self.calendar - active[place] < days_back)
        return count

    def count_loaded(self, days_back: int) -> Ints:
        """Loaded days among each day of the calendar and those before it, shape (days,)."""
        loaded = self.known.given.loaded_days
        counts = [((loaded > day - days_back) & (loaded <= day)).sum() for day in self.calendar.tolist()]
        return np.array(counts, dtype=np.int64)

    def measure(self) -> Frame:
        """All columns that days and segments have in common, shape (groups, days) each."""
        known, days = self.known, self.known.player_days
        acquired = known.players["acquired"]
        is_active = days["sessions"] > 0
        dau = self.add(is_active.astype(np.int64))
        new = self.add((is_active & (acquired[days["player"]] == days["day"])).astype(np.int64))
        wau, mau = self.count_active(WEEK_DAYS), self.count_active(MONTH_DAYS)
        sessions, play_s, events = (self.add(days[name]) for name in ("sessions", "play_s", "events"))
        has_bought = days["purchases"] > 0
        payers, absent_payers = (
            self.add((has_bought & was_there).astype(np.int64)) for was_there in (is_active, ~is_active)
        )
        amount, ad_amount = self.add(days["amount"]), self.add(days["ad_amount"])
        absent_amount = self.add(np.where(is_active, 0, days["amount"]))
        registered = np.array(
            [
                np.searchsorted(
                    np.sort(acquired[known.counted][self.group == group]), self.calendar, side="right"
                )
                for group in range(self.shape[0])
            ],
            dtype=np.int64,
        ).reshape(self.shape)
        to_date = accumulate(amount)
        lengths = known.of_counted("session")
        cell = self._cells(lengths["player"], lengths["day"])
        median, p90 = (
            quantile_by(cell, lengths["length"], dau.size, share).reshape(self.shape) for share in (0.5, 0.9)
        )
        every = np.broadcast_to
        return {
            "event_date": every(self.calendar, self.shape),
            "is_loaded": np.ones(self.shape, dtype=bool),
            "is_final": every(known.final(self.calendar), self.shape),
            "dau": dau,
            "wau": wau,
            "wau_days_in_window": every(self.count_loaded(WEEK_DAYS), self.shape),
            "mau": mau,
            "mau_days_in_window": every(self.count_loaded(MONTH_DAYS), self.shape),
            "new_players": new,
            "existing_players": dau - new,
            "player_sessions": sessions,
            "play_s": play_s,
            "median_session_length_s": median,
            "p90_session_length_s": p90,
            "events": events,
            "payers": payers,
            "absent_payers": absent_payers,
            "purchase_amount": amount,
            "absent_purchase_amount": absent_amount,
            "ad_amount": ad_amount,
            "registered_to_date": registered,
            "purchase_amount_to_date": to_date,
            "stickiness": divide(dau, mau),
            "sessions_per_user": divide(sessions, dau),
            "mean_session_length_s": divide(play_s, sessions),
            "events_per_session": divide(events, sessions),
            "arpdau": round_quotient(to_millionths(amount, ad_amount), dau),
            "arppu": round_quotient(to_millionths(amount), payers),
            "payer_share": divide(payers, dau),
            "arpu_to_date": round_quotient(to_millionths(to_date), registered),
        }


def prove_kpi_daily(known: Known) -> Frame:
    """All counted players as one group, on every day of the calendar."""
    frame = Figures(known, np.zeros(len(known.counted), dtype=np.int64), 1).measure()
    return {name: column.ravel() for name, column in frame.items()}


def prove_kpi_daily_by_segment(known: Known) -> Frame:
    """Counted players by country and platform, from the first day on which a player of them is known."""
    players, days = known.players, known.player_days
    country, platform = players["country"][known.counted], players["platform"][known.counted]
    segments = sorted({*zip(country.tolist(), platform.tolist(), strict=True)})
    number = {segment: place for place, segment in enumerate(segments)}
    group = np.array(
        [number[pair] for pair in zip(country.tolist(), platform.tolist(), strict=True)], dtype=np.int64
    )
    figures = Figures(known, group, len(segments))
    first = np.full(len(segments), np.iinfo(np.int64).max)
    np.minimum.at(first, group, players["acquired"][known.counted])
    np.minimum.at(first, figures.group_of[days["player"]], days["day"])
    shown = figures.calendar >= first[:, np.newaxis]
    frame = {name: column[shown] for name, column in figures.measure().items()}
    of_row = np.array(segments, dtype=np.int64).reshape(-1, 2)[np.nonzero(shown)[0]]
    return frame | {"country": known.words[of_row[:, 0]], "platform": known.words[of_row[:, 1]]}


def prove_lifecycle_daily(known: Known) -> Frame:
    """The sets of players of two days held against each other."""
    days = known.player_days
    active: dict[int, set[int]] = {}
    for player, day in zip(
        *(days[name][days["sessions"] > 0].tolist() for name in ("player", "day")), strict=True
    ):
        active.setdefault(day, set()).add(player)
    seen: set[int] = set()
    rows: list[tuple[int, str, float]] = []
    for day in known.given.loaded_days.tolist():
        today, before = active.get(day, set()), active.get(day - 1, set())
        new = today - seen
        seen |= today
        is_known = day - 1 in known.is_loaded
        counts = {
            "new": len(new),
            "returning": len((today & before) - new),
            "resurrected": len(today - before - new),
            "dormant": len(before - today),
        }
        rows += [
            (day, state, float(count) if is_known or state == "new" else np.nan)
            for state, count in counts.items()
        ]
    players: Floats = np.array([row[2] for row in rows], dtype=float)
    return {
        "event_date": np.array([row[0] for row in rows], dtype=np.int64),
        "is_final": known.final(np.array([row[0] for row in rows], dtype=np.int64)),
        "state": objects(row[1] for row in rows),
        "players": players,
    }
