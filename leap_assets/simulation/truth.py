"""What really happened on an event day: the tables that checks compare the warehouse with.

Truth is told by event day, with the delivery day of each line where it matters. It is read from the same
arrays as the log lines and draws no numbers of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.ads import AD_TYPES
from leap_assets.simulation.catalogue import CURRENCY_CODES, Catalogue
from leap_assets.simulation.client import EVENT_TYPES, ClientEvents
from leap_assets.simulation.coded import Table, code, code_uuids
from leap_assets.simulation.dirt import DEFECT_KINDS
from leap_assets.simulation.features import FEATURE_NAMES
from leap_assets.simulation.levels import OUTCOMES
from leap_assets.simulation.logs import LOGS, code_players, make_ids, name_teams, to_times
from leap_assets.simulation.play import Action, Play
from leap_assets.simulation.population import (
    COUNTRY_CODES,
    EXPERIMENT_GROUPS,
    HABITS,
    PLATFORMS,
    SPENDER_CLASSES,
    Players,
)
from leap_assets.simulation.purchases import PAYMENT_KINDS, Payments
from leap_assets.simulation.streams import rank_uuids

LateRows: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
# Rows of an event day that come late, ascending, and their delays in days.
Late: TypeAlias = "Mapping[str, LateRows]"
# The same by log.


def tell_registered(start_date: datetime.date, players: Players, day: int, late: LateRows) -> Table:
    """One row per registration of the day, with what only the simulator knows about the player."""
    new = np.flatnonzero(players.day == day)
    return {
        "player_id": make_ids(players.raw_id[new]),
        "at": to_times(start_date, day, players.registered_us[new]),
        "country": code(players.country[new], COUNTRY_CODES),
        "platform": code(players.platform[new], PLATFORMS),
        "experiment_group": code(players.group[new], EXPERIMENT_GROUPS),
        "habit": code(players.habit[new], HABITS),
        "spender_class": code(players.spender[new], SPENDER_CLASSES),
        "delivered_on": _tell_delivery(start_date, day, len(new), late),
    }


def tell_churned(start_date: datetime.date, players: Players, day: int) -> Table:
    """One row per player for whom the day is the last on which play is possible."""
    gone = np.flatnonzero(players.last_day == day)
    return {
        "player_id": make_ids(players.raw_id[gone]),
        "last_day": _to_days(start_date, players.last_day[gone]),
    }


def tell_active(play: Play) -> Table:
    """One row per player with a player-session that starts on the day."""
    signon = play.matches.signon
    sessions = np.bincount(signon, minlength=len(play.ids))
    play_s = np.bincount(signon, weights=play.matches.length_s, minlength=len(play.ids)).astype(np.int64)
    active = np.flatnonzero(sessions)
    return {
        "player_id": code_uuids(active, play.ids),
        "player_sessions": sessions[active].astype(np.int64),
        "play_s": play_s[active],
    }


def tell_sign_ons(start_date: datetime.date, play: Play, late: LateRows) -> Table:
    """One row per sign-on of the day, those after which nothing is played included."""
    return {
        "player_id": make_ids(play.ids),
        "at": to_times(start_date, play.day, play.sign_ons.at_us),
        "delivered_on": _tell_delivery(start_date, play.day, len(play.ids), late),
    }


def tell_player_sessions(
    start_date: datetime.date,
    play: Play,
    action: Action,
    late: LateRows,
) -> Table:
    """One row per player-session whose match starts on the day; the rows of the session log."""
    matches = play.matches
    return {
        "session_id": code_uuids(matches.match, matches.raw_id),
        "player_id": code_uuids(matches.signon, play.ids),
        "team_id": code(matches.team, name_teams(matches.team)),
        "started_at": to_times(start_date, play.day, matches.start_s[matches.match] * 1_000_000),
        "length_s": matches.length_s,
        "country": code(play.sign_ons.country[matches.signon], COUNTRY_CODES),
        "kills": action.kills,
        "deaths": action.deaths,
        "delivered_on": _tell_delivery(start_date, play.day, len(matches.match), late),
    }


def tell_positions(
    start_date: datetime.date,
    play: Play,
    action: Action,
    late: LateRows,
) -> Table:
    """One row per beat of each player-session whose match starts on the day.

    ``beat`` counts from the match start; ``at`` is the logged time, clock jitter included; positions are those of
    the log, in units.
    """
    matches, beats = play.matches, action.beats
    count = int(beats.sum())
    return {
        "session_id": code_uuids(np.repeat(matches.match.astype(np.int32), beats), matches.raw_id),
        "player_id": code_uuids(np.repeat(matches.signon.astype(np.int32), beats), play.ids),
        "team_id": code(np.repeat(matches.team.astype(np.int32), beats), name_teams(matches.team)),
        "beat": np.arange(count) - np.repeat(np.cumsum(beats) - beats, beats),
        "at": to_times(start_date, play.day, action.logged_us),
        "x": action.position[0],
        "y": action.position[1],
        "z": action.position[2],
        "delivered_on": _tell_delivery(start_date, play.day, count, late),
    }


def tell_contact_beats(play: Play, action: Action) -> Table:
    """One row per beat and pair of opponents within the encounter distance; player_1_id < player_2_id."""
    matches, contacts = play.matches, action.contacts
    rank = rank_uuids(play.ids)[matches.signon]
    in_order = rank[contacts.first] < rank[contacts.second]
    one = np.where(in_order, contacts.first, contacts.second)
    two = np.where(in_order, contacts.second, contacts.first)
    teams = name_teams(matches.team)
    return {
        "session_id": code_uuids(matches.match[one], matches.raw_id),
        "player_1_id": code_uuids(matches.signon[one], play.ids),
        "player_2_id": code_uuids(matches.signon[two], play.ids),
        "team_1_id": code(matches.team[one], teams),
        "team_2_id": code(matches.team[two], teams),
        "beat": contacts.beat,
        "distance": contacts.distance,
    }


def tell_transactions(
    start_date: datetime.date,
    catalogue: Catalogue,
    players: Players,
    payments: Payments,
    day: int,
    late: LateRows,
) -> Table:
    """One row per payment of the day; origin_id is the purchase that it renews or refunds, or itself."""
    return {
        "transaction_id": make_ids(payments.raw_id),
        "player_id": code_players(players, payments.player),
        "at": to_times(start_date, day, payments.at_us),
        "purchase_item": code(payments.item, catalogue.item_ids),
        "price": payments.price,
        "currency": code(catalogue.currency[payments.item], CURRENCY_CODES),
        "kind": code(payments.kind, PAYMENT_KINDS),
        "origin_id": make_ids(payments.origin_id),
        "delivered_on": _tell_delivery(start_date, day, len(payments), late),
    }


def tell_level_attempts(
    start_date: datetime.date,
    play: Play,
    events: ClientEvents,
    late: LateRows,
) -> Table:
    """One row per level attempt of the player-sessions whose match starts on the day.

    Start and result are two lines, each with its own delivery; an abandoned attempt has no result (NaT).
    """
    matches = play.matches
    started = np.flatnonzero(events.type == EVENT_TYPES.index("level_start"))
    started = started[np.argsort(events.attempt[started])]
    is_complete = events.type == EVENT_TYPES.index("level_complete")
    ended = np.flatnonzero(is_complete | (events.type == EVENT_TYPES.index("level_fail")))
    outcome = np.full(len(started), OUTCOMES.index("abandoned"))
    outcome[events.attempt[ended]] = np.where(
        is_complete[ended], OUTCOMES.index("complete"), OUTCOMES.index("fail")
    )
    delivered_on = _tell_delivery(start_date, play.day, len(events), late)
    result_on = np.full(len(started), np.datetime64("NaT", "D"))
    result_on[events.attempt[ended]] = delivered_on[ended]
    session = events.session[started]
    return {
        "player_id": code_uuids(matches.signon[session], play.ids),
        "session_id": code_uuids(matches.match[session], matches.raw_id),
        "level": events.level[started],
        "started_at": to_times(start_date, play.day, events.at_us[started]),
        "outcome": code(outcome, OUTCOMES),
        "delivered_on": delivered_on[started],
        "result_delivered_on": result_on,
    }


def tell_ads(start_date: datetime.date, play: Play, events: ClientEvents, late: LateRows) -> Table:
    """One row per advertisement watched in a match that starts on the day; revenue in millionths of a USD."""
    rows = np.flatnonzero(events.ad_type >= 0)
    return {
        "player_id": code_uuids(play.matches.signon[events.session[rows]], play.ids),
        "at": to_times(start_date, play.day, events.at_us[rows]),
        "ad_type": code(events.ad_type[rows], AD_TYPES),
        "revenue": events.revenue[rows],
        "delivered_on": _tell_delivery(start_date, play.day, len(events), late)[rows],
    }


def tell_feature_uses(start_date: datetime.date, play: Play, events: ClientEvents, late: LateRows) -> Table:
    """One row per use of a feature in a match that starts on the day."""
    rows = np.flatnonzero(events.feature >= 0)
    return {
        "player_id": code_uuids(play.matches.signon[events.session[rows]], play.ids),
        "at": to_times(start_date, play.day, events.at_us[rows]),
        "feature": code(events.feature[rows], FEATURE_NAMES),
        "delivered_on": _tell_delivery(start_date, play.day, len(events), late)[rows],
    }


def tell_client_events(
    start_date: datetime.date,
    catalogue: Catalogue,
    play: Play,
    events: ClientEvents,
    late: LateRows,
) -> Table:
    """One row per client event of the matches that start on the day, in the order of the log.

    ``level`` is 0 but for level events; ``price``, in hundredths of ``currency``, is 0 but for purchases.
    """
    is_purchase = events.item >= 0
    return {
        "player_id": code_uuids(play.matches.signon[events.session], play.ids),
        "session_id": code_uuids(play.matches.match[events.session], play.matches.raw_id),
        "event_type": code(events.type, EVENT_TYPES),
        "at": to_times(start_date, play.day, events.at_us),
        "level": events.level,
        "price": events.price,
        "currency": code(np.where(is_purchase, catalogue.currency[events.item], -1), CURRENCY_CODES),
        "delivered_on": _tell_delivery(start_date, play.day, len(events), late),
    }


def tell_late(start_date: datetime.date, day: int, late: Late) -> Table:
    """One row per late line of the event day; row counts the log's rows before lateness.

    Rows of the session log are those of player_session, and rows of the heartbeat log their beats in that order.
    """
    none = np.empty(0, dtype=np.int64)
    logs = [np.full(len(row), LOGS.index(log)) for log, (row, _) in late.items()]
    return {
        "log": code(np.concatenate([none, *logs]), LOGS),
        "row": np.concatenate([none, *(row for row, _ in late.values())]),
        "delivered_on": _to_days(
            start_date, day + np.concatenate([none, *(delay for _, delay in late.values())])
        ),
    }


def tell_delivered(good_rows: Mapping[str, int]) -> Table:
    """One row per log of a delivery: its good lines, late ones of the days before included."""
    return {
        "log": code(np.array([LOGS.index(log) for log in good_rows], dtype=np.int64), LOGS),
        "lines": np.array(list(good_rows.values()), dtype=np.int64),
    }


def tell_defects(kinds: Mapping[str, NDArray[np.int64]], first_row: Mapping[str, int]) -> Table:
    """One row per defect of a delivery; row counts the delivery's rows of the log.

    Parameters
    ----------
    kinds : mapping from log to ndarray of int64
        Positions in ``DEFECT_KINDS``, in the order of the rows.
    first_row : mapping from log to int
        Row of the log's first defect.
    """
    none = np.empty(0, dtype=np.int64)
    logs = [np.full(len(kind), LOGS.index(log)) for log, kind in kinds.items()]
    rows = [first_row[log] + np.arange(len(kind)) for log, kind in kinds.items()]
    return {
        "log": code(np.concatenate([none, *logs]), LOGS),
        "kind": code(np.concatenate([none, *kinds.values()]), DEFECT_KINDS),
        "row": np.concatenate([none, *rows]),
    }


def _tell_delivery(start_date: datetime.date, day: int, rows: int, late: LateRows) -> NDArray[np.datetime64]:
    return _to_days(start_date, _count_delivery(day, rows, late))


def _count_delivery(day: int, rows: int, late: LateRows) -> NDArray[np.int64]:
    delivered = np.full(rows, day, dtype=np.int64)
    row, delay = late
    delivered[row] += delay
    return delivered


def _to_days(start_date: datetime.date, day: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return np.datetime64(start_date, "D") + day.astype("timedelta64[D]")
