"""The log lines of an event day: what was played and paid, written as the columns of their logs.

Lines are clean and complete here: lateness and defects come later, in world. A new log is one more function
and its name in ``LOGS``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.ads import AD_TYPES, NETWORKS
from leap_assets.simulation.catalogue import CURRENCY_CODES, CYCLES, TIERS, TRANSACTION_TYPES, Catalogue
from leap_assets.simulation.client import ACHIEVEMENTS, EVENT_TYPES, ClientEvents
from leap_assets.simulation.coded import Coded, Column, Table, code, code_uuids
from leap_assets.simulation.features import FEATURE_NAMES
from leap_assets.simulation.play import Action, Play
from leap_assets.simulation.population import (
    COUNTRY_CODES,
    EXPERIMENT_GROUPS,
    PLATFORMS,
    Players,
    display_names,
)
from leap_assets.simulation.purchases import PAYMENT_KINDS, Payments

LOGS = ("player", "product", "signons", "session", "transaction", "heartbeat", "client")


@dataclass(frozen=True, eq=False, init=False)
class LogDay:
    """The lines of one log in one delivery.

    Attributes
    ----------
    columns : mapping from column name to column
        In the order of the log, all of the same length. Good lines of the day itself, then good lines that
        are late from the days before, then the defects.
    defect_kinds : ndarray of str, shape (k,)
        Kinds of the last k rows; every row before them is good.
    """

    columns: Mapping[str, Column]
    defect_kinds: NDArray[np.str_]

    def __init__(self, columns: Mapping[str, Column], defects: NDArray[np.str_]) -> None:
        """Take columns, and the kinds of all rows ("" for a good one) or of the last rows only."""
        first = int(np.argmax(defects != "")) if np.any(defects != "") else len(defects)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "defect_kinds", defects[first:])

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def good_rows(self) -> int:
        """Number of good rows, which come first."""
        return len(self) - len(self.defect_kinds)

    @property
    def defects(self) -> NDArray[np.str_]:
        """Kind of every row, "" for a good one; made when asked for, since tens of bytes a row add up."""
        kinds = np.zeros(len(self), dtype=self.defect_kinds.dtype)
        kinds[self.good_rows :] = self.defect_kinds
        return kinds


def to_times(
    start_date: datetime.date, day: int, since_midnight_us: NDArray[np.int64]
) -> NDArray[np.datetime64]:
    """Turn microseconds since midnight of a day number into UTC times, datetime64[us]."""
    midnight = np.datetime64(start_date, "us") + np.timedelta64(day, "D")
    return midnight + since_midnight_us.view("timedelta64[us]")


def make_ids(raw: NDArray[np.uint8]) -> Coded:
    """Make a column of ids of which each row has its own."""
    return code_uuids(np.arange(len(raw), dtype=np.int32), raw)


def code_players(players: Players, rows: NDArray[np.int64]) -> Coded:
    """Make a column of player ids, some of them repeated."""
    distinct, codes = np.unique(rows, return_inverse=True)
    return code_uuids(codes, players.raw_id[distinct])


def write_player_log(start_date: datetime.date, players: Players, day: int) -> Table:
    """One row per registration of the day."""
    new = np.flatnonzero(players.day == day)
    return {
        "player_id": make_ids(players.raw_id[new]),
        "event_date_time": to_times(start_date, day, players.registered_us[new]),
        "country": code(players.country[new], COUNTRY_CODES),
        "platform": code(players.platform[new], PLATFORMS),
        "experiment_group": code(players.group[new], EXPERIMENT_GROUPS),
        "display_name": display_names(players.name[new]),
    }


def write_product_log(start_date: datetime.date, catalogue: Catalogue, day: int) -> Table:
    """One row per item on sale on the day, at that day's price."""
    items = np.flatnonzero(catalogue.released_after <= day)
    released_on = np.datetime64(start_date, "D") + catalogue.released_after[items].astype("timedelta64[D]")
    return {
        "purchase_item": code(items, catalogue.item_ids),
        "product_name": _recode(catalogue.names[items]),
        "transaction_type": code(catalogue.kind[items], TRANSACTION_TYPES),
        "tier": code(catalogue.tier[items], TIERS),
        "price": catalogue.price(day)[items],
        "currency": code(catalogue.currency[items], CURRENCY_CODES),
        "cycle": code(catalogue.cycle[items], CYCLES),
        "available_from": released_on,
    }


def write_signons_log(start_date: datetime.date, play: Play) -> Table:
    """One row per sign-on of the day."""
    sign_ons = play.sign_ons
    return {
        "player_id": make_ids(play.ids),
        "event_date_time": to_times(start_date, play.day, sign_ons.at_us),
        "platform": code(play.players.platform[sign_ons.player], PLATFORMS),
    }


def write_session_log(
    start_date: datetime.date,
    play: Play,
    action: Action,
) -> Table:
    """One row per player-session whose match starts on the day; its time is the end."""
    matches = play.matches
    end_us = (matches.start_s[matches.match] + matches.length_s) * 1_000_000
    return {
        "player_id": code_uuids(matches.signon, play.ids),
        "session_id": code_uuids(matches.match, matches.raw_id),
        "event_date_time": to_times(start_date, play.day, end_us),
        "country": code(play.sign_ons.country[matches.signon], COUNTRY_CODES),
        "event_length_seconds": matches.length_s,
        "kills": action.kills,
        "deaths": action.deaths,
    }


def write_heartbeat_log(
    start_date: datetime.date,
    play: Play,
    action: Action,
) -> Table:
    """One row per beat of each player-session whose match starts on the day."""
    matches, beats = play.matches, action.beats
    return {
        "player_id": code_uuids(np.repeat(matches.signon.astype(np.int32), beats), play.ids),
        "event_date_time": to_times(start_date, play.day, action.logged_us),
        "team_id": code(np.repeat(matches.team.astype(np.int32), beats), name_teams(matches.team)),
        "session_id": code_uuids(np.repeat(matches.match.astype(np.int32), beats), matches.raw_id),
        "position_x": action.position[0],
        "position_y": action.position[1],
        "position_z": action.position[2],
    }


def write_transaction_log(
    start_date: datetime.date, catalogue: Catalogue, players: Players, payments: Payments, day: int
) -> Table:
    """One row per payment of the day."""
    item = payments.item
    refunds = payments.kind == PAYMENT_KINDS.index("refund")
    cycle = catalogue.cycle[item]
    return {
        "transaction_id": make_ids(payments.raw_id),
        "player_id": code_players(players, payments.player),
        "event_date_time": to_times(start_date, day, payments.at_us),
        "purchase_item": code(item, catalogue.item_ids),
        "purchase_price": payments.price,
        "currency": code(catalogue.currency[item], CURRENCY_CODES),
        "is_recurring": cycle >= 0,
        "cycle": code(cycle, CYCLES),
        "transaction_type": code(catalogue.kind[item], TRANSACTION_TYPES),
        "refunded_transaction_id": _make_optional_ids(payments.origin_id, refunds),
    }


def write_client_log(
    start_date: datetime.date,
    catalogue: Catalogue,
    play: Play,
    events: ClientEvents,
) -> Table:
    """One row per client event of the player-sessions whose match starts on the day, with every property.

    A property means something only where the event type has it: null (text), 0 or false elsewhere.
    """
    matches = play.matches
    is_ad = events.ad_type >= 0
    # Prices are in the currency of the item; advertisements are always paid in USD.
    currency = np.where(events.item >= 0, catalogue.currency[events.item], -1)
    currency = np.where(is_ad, CURRENCY_CODES.index("USD"), currency)
    return {
        "event_id": make_ids(events.raw_id),
        "player_id": code_uuids(matches.signon[events.session], play.ids),
        "session_id": code_uuids(matches.match[events.session], matches.raw_id),
        "event_type": code(events.type, EVENT_TYPES),
        "timestamp": to_times(start_date, play.day, events.at_us),
        "level": events.level,
        "time_spent": events.time_spent_s,
        "success": events.is_success,
        "score": events.score,
        "product": code(events.item, catalogue.item_ids),
        "price": events.price,
        "currency": code(currency, CURRENCY_CODES),
        "ad_type": code(events.ad_type, AD_TYPES),
        "network": code(events.network, NETWORKS),
        "revenue": events.revenue,
        "achievement": code(events.achievement, ACHIEVEMENTS),
        "feature": code(events.feature, FEATURE_NAMES),
        "session_length": events.session_length_s,
    }


def name_teams(team: NDArray[np.int64]) -> list[str]:
    """List the team ids of a day: team-1, team-2 and so on, unique within a match only."""
    return [f"team-{number + 1}" for number in range(int(team.max(initial=-1)) + 1)]


def _make_optional_ids(raw: NDArray[np.uint8], is_given: NDArray[np.bool_]) -> Coded:
    return code_uuids(np.where(is_given, np.cumsum(is_given) - 1, -1), raw[is_given])


def _recode(texts: NDArray[Any]) -> Coded:
    values, codes = np.unique(texts, return_inverse=True)
    return code(codes, values)
