"""What players do: player_activity_daily, player_stats_lifetime, player_consecutive_days_monthly, the play time of
countries, session_metrics_daily and concurrency_hourly, from true player-sessions.
"""

from __future__ import annotations

import numpy as np

from leap_assets.proofs.frames import (
    Frame,
    divide,
    month_ends,
    month_starts,
    number_groups,
    quantile_by,
    sum_by,
    week_starts,
)
from leap_assets.proofs.known import HOUR_US, SECOND_US, Ints, Known


def prove_player_activity_daily(known: Known) -> Frame:
    """A player-day with a player-session or a payment."""
    days = known.player_days
    shown = (days["sessions"] > 0) | (days["payments"] > 0)
    player, day = days["player"], days["day"]
    # the first day with a purchase; a day behind all others for who never buys
    first_paying = np.full(len(known.names.players), np.iinfo(np.int64).max)
    paying = days["purchases"] > 0
    np.minimum.at(first_paying, player[paying], day[paying])
    frame = {
        "player_id": known.players["id"][player],
        "event_date": day,
        "is_final": known.final(day),
        "play_s": days["play_s"],
        "player_sessions": days["sessions"],
        "kills": days["kills"],
        "deaths": days["deaths"],
        "kill_death_ratio": divide(days["kills"], days["deaths"]),
        "purchase_amount": days["amount"],
        "days_since_acquisition": day - known.players["acquired"][player],
        "is_paying": paying,
        "is_converting": first_paying[player] == day,
    }
    return {name: column[shown] for name, column in frame.items()}


def prove_player_stats_lifetime(known: Known) -> Frame:
    """Every counted player, active or not."""
    days = known.player_days
    count = len(known.names.players)
    totals = {
        name: sum_by(days["player"], days[name], count)[known.counted]
        for name in ("kills", "deaths", "play_s", "sessions", "amount")
    }
    played = days["sessions"] > 0
    first, last = np.full((2, count), np.nan)
    np.fmin.at(first, days["player"][played], days["day"][played])
    np.fmax.at(last, days["player"][played], days["day"][played])
    return {
        "player_id": known.players["id"][known.counted],
        "kills": totals["kills"],
        "deaths": totals["deaths"],
        "kill_death_ratio": divide(totals["kills"], totals["deaths"]),
        "play_s": totals["play_s"],
        "player_sessions": totals["sessions"],
        "purchase_amount": totals["amount"],
        "first_played_on": first[known.counted],
        "last_played_on": last[known.counted],
    }


def prove_player_consecutive_days_monthly(known: Known) -> Frame:
    """The longest run of play days inside a month: counted on, day by day."""
    days = known.player_days
    played = np.flatnonzero(days["sessions"] > 0)
    months = month_starts(days["day"][played])
    longest: dict[tuple[int, int], int] = {}
    previous, run = (-1, -1, -1), 0
    # player-days come by player and day
    for player, day, month in zip(
        days["player"][played].tolist(), days["day"][played].tolist(), months.tolist(), strict=True
    ):
        run = run + 1 if previous == (player, day - 1, month) else 1
        previous = (player, day, month)
        longest[player, month] = max(longest.get((player, month), 0), run)
    player, month = np.array(list(longest), dtype=np.int64).reshape(-1, 2).T
    return {
        "player_id": known.players["id"][player],
        "month_start": month,
        "is_final": known.final(month_ends(month)),
        "longest_run_days": np.array(list(longest.values()), dtype=np.int64),
    }


def prove_country_monthly_playtime(known: Known) -> Frame:
    """Seconds played by country played from and month."""
    sessions = known.of_counted("session")
    seconds: dict[tuple[int, int], int] = {}
    months = month_starts(sessions["day"])
    for country, month, length in zip(
        sessions["country"].tolist(), months.tolist(), sessions["length"].tolist(), strict=True
    ):
        seconds[country, month] = seconds.get((country, month), 0) + length
    country, month = np.array(list(seconds), dtype=np.int64).reshape(-1, 2).T
    return {
        "country": known.words[country],
        "month_start": month,
        "is_final": known.final(month_ends(month)),
        "play_s": np.array(list(seconds.values()), dtype=np.int64),
    }


def prove_session_metrics_daily(known: Known) -> Frame:
    """Days and cohort weeks with a player-session or a client event."""
    days, sessions = known.player_days, known.of_counted("session")
    week = week_starts(known.players["acquired"].clip(max=2**20))
    happened = np.flatnonzero((days["sessions"] > 0) | (days["events"] > 0))
    group, (day, cohort) = number_groups(days["day"][happened], week[days["player"][happened]])
    totals = {
        name: sum_by(group, days[name][happened], len(day)) for name in ("sessions", "play_s", "events")
    }
    # a player-session makes a player-day, so its group is there
    key = day << 20 | cohort
    of_session = np.searchsorted(key, sessions["day"] << 20 | week[sessions["player"]])
    return {
        "event_date": day,
        "is_final": known.final(day),
        "cohort_week": cohort,
        "player_sessions": totals["sessions"],
        "play_s": totals["play_s"],
        "events": totals["events"],
        "mean_session_length_s": divide(totals["play_s"], totals["sessions"]),
        "median_session_length_s": quantile_by(of_session, sessions["length"], len(day), 0.5),
        "events_per_session": divide(totals["events"], totals["sessions"]),
    }


def prove_concurrency_hourly(known: Known) -> Frame:
    """Presence swept over the whole time line: hours are cut out of it, sessions are never cut into hours."""
    begin, end = merge_presences(known)
    hours = (known.given.loaded_days[:, np.newaxis] * 24 + np.arange(24)).ravel()
    if len(begin):
        # every hour from the first to the last gets a mark, so that no stretch reaches over an hour's end
        hours = np.union1d(hours, np.arange(begin.min() // HOUR_US, (end.max() - 1) // HOUR_US + 1))
    marks = np.concatenate([hours, hours + 1]) * HOUR_US
    at = np.concatenate([begin, end, marks])
    change = np.concatenate([np.ones_like(begin), -np.ones_like(end), np.zeros_like(marks)])
    time, which = np.unique(at, return_inverse=True)
    players = np.cumsum(sum_by(which.reshape(-1), change, len(time)))[:-1]
    lasted, hour = np.diff(time), time[:-1] // HOUR_US
    position = np.searchsorted(hours, hour).clip(max=len(hours) - 1)
    inside = hours[position] == hour if len(hours) else np.zeros(0, dtype=bool)
    peak, present = np.zeros((2, len(hours)), dtype=np.int64)
    np.maximum.at(peak, position[inside], players[inside])
    np.add.at(present, position[inside], (players * lasted)[inside])
    is_shown = known.loaded(hours // 24)
    seconds = present / SECOND_US
    return {
        "hour_start": (hours * HOUR_US)[is_shown],
        "is_final": known.final(hours // 24)[is_shown],
        "peak_players": peak[is_shown],
        "player_seconds": seconds[is_shown],
        "mean_players": (seconds / 3600)[is_shown],
    }


def merge_presences(known: Known) -> tuple[Ints, Ints]:
    """Begin and end of each stretch in which a player is in at least one player-session."""
    sessions = known.of_counted("session")
    order = np.lexsort((sessions["end"], sessions["start"], sessions["player"]))
    merged: list[list[int]] = []
    last_player = -1
    for player, start, end in zip(
        *(sessions[name][order].tolist() for name in ("player", "start", "end")), strict=True
    ):
        if end <= start:
            continue
        if player == last_player and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
        last_player = player
    begin, end = np.array(merged, dtype=np.int64).reshape(-1, 2).T
    return begin, end
