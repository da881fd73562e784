"""What the game reports: event_counts_daily, level_funnel_daily, feature_adoption_daily and conversion_funnel, from
true client events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np

from leap_assets.proofs.frames import Frame, divide, number_groups, sum_by, week_starts
from leap_assets.proofs.known import DAY_US, Columns, Dictionary, EventDay, Given, Ints, Known

COMPLETE, FAIL, ABANDONED = range(3)
FUNNEL_DAYS = 14
STEPS = ("installed", "first_session", "first_level_completed", "level_5_completed", "purchase_after_level_5")
FIFTH = 5


def prove_event_counts_daily(known: Known) -> Frame:
    """Events and distinct players by day, cohort week and type."""
    events = known.of_counted("events")
    week = week_starts(known.players["acquired"].clip(max=2**20))
    group, (day, cohort, event_type) = number_groups(events["day"], week[events["player"]], events["type"])
    # a day that a player begins in a session of the day before has rows in the truth of both
    _, (group_of_player, _) = number_groups(group, events["player"])
    return {
        "event_date": day,
        "is_final": known.final(day),
        "cohort_week": cohort,
        "event_type": known.words[event_type],
        "events": sum_by(group, events["count"], len(day)),
        "players": np.bincount(group_of_player, minlength=len(day)),
    }


def find_attempts(lines: EventDay, given: Given, names: Dictionary) -> Mapping[str, Columns]:
    """Level attempts as a game would keep them: a start opens one, a result or the next start closes it."""
    events = lines.tables["client_event"]
    start, complete, fail = (names.words.of(f"level_{name}") for name in ("start", "complete", "fail"))
    rows = np.flatnonzero(np.isin(events["event_type"], [start, complete, fail]))
    # a retry at the very time of a result comes after it
    rows = rows[np.lexsort((events["event_type"][rows] == start, events["at"][rows]))]
    attempts: list[list[int]] = []
    opened: dict[tuple[int, int, int], list[int]] = {}
    for player, match, level, kind, day in zip(
        *(events[name][rows].tolist() for name in ("player_id", "session_id", "level", "event_type")),
        (events["at"][rows] // DAY_US).tolist(),
        strict=True,
    ):
        place = (player, match, level)
        if kind == start:
            opened[place] = [player, level, day, ABANDONED]
            attempts.append(opened[place])
        elif (attempt := opened.pop(place, None)) is not None and day <= attempt[2] + 1:
            attempt[3] = COMPLETE if kind == complete else FAIL
    columns = np.array(attempts, dtype=np.int64).reshape(-1, 4).T
    return {"attempt": dict(zip(("player", "level", "day", "outcome"), columns, strict=True))}


def prove_level_funnel_daily(known: Known) -> Frame:
    """Attempts by day and level."""
    attempts = known.of_counted("attempt")
    starters: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    completers: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    outcomes: Counter[tuple[int, int, int]] = Counter()
    for player, level, day, outcome in zip(
        *(attempts[name].tolist() for name in ("player", "level", "day", "outcome")), strict=True
    ):
        starters[day, level].add(player)
        outcomes[day, level, outcome] += 1
        if outcome == COMPLETE:
            completers[day, level].add(player)
    places = list(starters)
    day, level = np.array(places, dtype=np.int64).reshape(-1, 2).T
    completes, fails, abandoned = (
        np.array([outcomes[(*place, outcome)] for place in places], dtype=np.int64)
        for outcome in (COMPLETE, FAIL, ABANDONED)
    )
    started = np.array([len(starters[place]) for place in places], dtype=np.int64)
    completed = np.array([len(completers.get(place, ())) for place in places], dtype=np.int64)
    return {
        "event_date": day,
        "is_final": known.final(day),
        "level": level,
        "starters": started,
        "attempts": completes + fails + abandoned,
        "completers": completed,
        "completes": completes,
        "fails": fails,
        "abandoned": abandoned,
        "completion": divide(completed, started),
    }


def prove_feature_adoption_daily(known: Known) -> Frame:
    """Users of a feature as growing sets of players, day after day."""
    uses = known.of_counted("uses")
    users: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for player, day, feature in zip(
        *(uses[name].tolist() for name in ("player", "day", "feature")), strict=True
    ):
        users[feature, day].add(player)
    days = known.player_days
    active: Counter[int] = Counter(days["day"][days["sessions"] > 0].tolist())
    acquired = np.sort(known.players["acquired"][known.counted])
    calendar = known.calendar.tolist()
    rows: list[tuple[int, ...]] = []
    for feature in sorted({feature for feature, _ in users}):
        ever: set[int] = set()
        for day in calendar:
            today = users.get((feature, day), set())
            first_time = len(today - ever)
            ever |= today
            if ever:
                registered = int(np.searchsorted(acquired, day, side="right"))
                rows.append((feature, day, len(today), first_time, len(ever), active[day], registered))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 7).T
    feature, day, used, first_time_users, to_date, dau, registered_to_date = columns
    return {
        "feature": known.words[feature],
        "event_date": day,
        "is_final": known.final(day),
        "users": used,
        "first_time_users": first_time_users,
        "users_to_date": to_date,
        "dau": dau,
        "registered_to_date": registered_to_date,
        "share_of_dau": divide(used, dau),
        "share_of_registered": divide(to_date, registered_to_date),
    }


def prove_conversion_funnel(known: Known) -> Frame:
    """Each player followed from step to step: the next one is looked up in the sorted times of what they did."""
    players = known.counted[known.loaded(known.players["acquired"][known.counted])]
    acquired = known.players["acquired"][players]
    closed = (acquired + FUNNEL_DAYS) * DAY_US
    sessions, completed, payments = (known.of_counted(fact) for fact in ("session", "completion", "payment"))
    fifth, bought = completed["level"] == FIFTH, payments["price"] > 0
    candidates = [
        (sessions["player"], sessions["start"]),
        (completed["player"], completed["at"]),
        (completed["player"][fifth], completed["at"][fifth]),
        (payments["player"][bought], payments["at"][bought]),
    ]
    reached = [np.ones(len(players), dtype=bool)]
    at = acquired * DAY_US
    for player, happened in candidates:
        at, found = _find_next(players, at, player, happened)
        reached.append(reached[-1] & found & (at < closed))
    bought_at, bought_ever = _find_next(players, acquired * DAY_US, *candidates[-1])
    group, (entry, country, platform) = number_groups(
        acquired, known.players["country"][players], known.players["platform"][players]
    )
    counts = np.array([np.bincount(group[step], minlength=len(entry)) for step in reached]).reshape(
        len(STEPS), -1
    )
    buyers = np.bincount(group[bought_ever & (bought_at < closed)], minlength=len(entry))
    open_days = [
        all(day in known.is_loaded for day in range(day, day + FUNNEL_DAYS)) for day in entry.tolist()
    ]
    number = np.repeat(np.arange(len(STEPS)), len(entry))
    row = np.tile(np.arange(len(entry)), len(STEPS))
    steps = np.array(STEPS, dtype=object)
    previous = np.concatenate([np.zeros((1, len(entry))), counts[:-1]])
    return {
        "entry_date": entry[row],
        "country": known.words[country[row]],
        "platform": known.words[platform[row]],
        "step_number": number + 1,
        "step": steps[number],
        "players": counts.ravel(),
        "share_of_installed": divide(counts, counts[0]).ravel(),
        "share_of_previous": divide(counts, previous).ravel(),
        "first_purchase": buyers[row],
        "first_purchase_conversion": divide(buyers, counts[0])[row],
        "is_final": known.final(entry + FUNNEL_DAYS - 1)[row],
        "is_complete": np.array(open_days, dtype=bool)[row],
    }


def _find_next(players: Ints, at: Ints, player: Ints, happened: Ints) -> tuple[Ints, np.ndarray]:
    """For each player the earliest of their times that is not before a time, and whether there is one."""
    if not len(player):
        return at, np.zeros(len(players), dtype=bool)
    origin = int(min(happened.min(), at.min()))
    span = int(max(happened.max(), at.max())) - origin + 1
    key = np.sort(player * span + (happened - origin))
    place = np.searchsorted(key, players * span + (at - origin))
    found = key[place.clip(max=len(key) - 1)]
    is_own = (place < len(key)) & (found // span == players)
    return np.where(is_own, found % span + origin, at), is_own
