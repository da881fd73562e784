"""Telemetry that no simulator writes, through the whole graph: sessions, money of any size, values at their ends.

Each once went wrong in silence, or stopped a run. The days of a figure lie apart, so that one run serves them all.
"""

import datetime as dt
import json
from decimal import Decimal

import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.settings import LANDING
from leap_assets_tests.conftest import Leap, as_day

SERVER, JOINS, MONEY, ENDS, REPEATS = 1, 7, 10, 11, 12
LAST = 13


def at(day: int, time: str) -> str:
    return f"{as_day(day)}T{time}Z"


def deliver(leap: Leap, log: str, day: int, *lines: dict) -> None:
    path = leap.landed(log, day, "a.ndjson")
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def session(player: str, match: str, end: str, length_s: float = 3600, **values) -> dict:
    return {
        "player_id": player,
        "session_id": match,
        "event_date_time": end,
        "event_length_seconds": length_s,
        **values,
    }


def transaction(number: str, day: int, price: float | str, currency: str) -> dict:
    return {
        "transaction_id": number,
        "player_id": f"payer {number}",
        "event_date_time": at(day, "10:00:00"),
        "purchase_item": "hat",
        "purchase_price": price,
        "currency": currency,
        "transaction_type": "Skins",
    }


def deliver_a_server_that_never_stops(leap: Leap) -> None:
    hours = ("03", "09", "15", "21", "23")
    for day in range(1, 6):
        players = [session(f"d{day}_{n}", "world-1", at(day, f"{hours[n]}:00:00")) for n in range(day)]
        deliver(leap, "session", SERVER + day - 1, *players)


def deliver_a_player_who_joins_after_midnight(leap: Leap) -> None:
    deliver(leap, "session", JOINS, session("A", "M1", at(JOINS, "23:00:00")))
    deliver(leap, "session", JOINS + 1, session("B", "M1", at(JOINS + 1, "05:30:00"), 1860.25))
    positions = {"session_id": "M1", "position_x": 0, "position_y": 0}
    for player, time in (("A", at(JOINS, "22:30:00")), ("B", at(JOINS + 1, "05:00:00"))):
        deliver(leap, "heartbeat", JOINS + 1, positions | {"player_id": player, "event_date_time": time})
    deliver(leap, "session", JOINS + 1, session("C", "M2", at(JOINS + 1, "05:30:00"), 1860))


def deliver_money(leap: Leap) -> None:
    prices = [("yen", 10000, "JPY"), ("refund", -50000, "USD"), ("odd", "12345.6789", "EUR")]
    deliver(
        leap, "transaction", MONEY, *(transaction(name, MONEY, price, money) for name, price, money in prices)
    )


def deliver_the_ends_of_what_is_allowed(leap: Leap) -> int:
    """Per log two lines of each number, at its least and its greatest value; returns how many lines."""
    usual = {
        "product": {"purchase_item": "i", "transaction_type": "Skins", "price": 1, "currency": "USD"},
        "session": session("p", "m", at(ENDS, "12:00:00"), 60),
        "transaction": transaction("t", ENDS, 1, "USD"),
        "heartbeat": {
            "player_id": "p",
            "session_id": "m",
            "event_date_time": at(ENDS, "12:00:00"),
            "position_x": 0,
            "position_y": 0,
        },
    }
    properties = {
        "level_complete": {"level": 1},
        "purchase": {"product": "hat", "price": 1, "currency": "USD"},
        "ad_watched": {"revenue": 1, "currency": "KRW"},
        "session_end": {},
    }
    lines = 0
    for log, line in usual.items():
        for column in CONTRACTS[log].columns:
            for end in (column.minimum, column.maximum):
                if end is not None:
                    lines += 1
                    key = CONTRACTS[log].key[0]
                    own = {key: f"{log} {lines}"} | {
                        column.name: 86_400 if column.type == "duration" else end
                    }
                    deliver(leap, log, ENDS, line | own)
    for column in CONTRACTS["client"].properties:
        for end in (column.minimum, column.maximum):
            if end is not None:
                lines += 1
                kind = next(name for name in properties if name in column.events)
                event = {"event_id": f"e {lines}", "player_id": f"client {lines}", "event_type": kind}
                values = {
                    "timestamp": at(ENDS, "12:00:00"),
                    "properties": properties[kind] | {column.name: end},
                }
                deliver(leap, "client", ENDS, event | values)
    return lines


def deliver_repeats(leap: Leap) -> None:
    event = {
        "event_id": "same",
        "player_id": "r",
        "event_type": "level_start",
        "timestamp": at(REPEATS, "12:00:00"),
    }
    same = event | {"properties": {"n": 1, "level": 3}}, event | {"properties": {"level": 3.0, "n": 1}}
    other = [event | {"event_id": "other", "properties": {"level": level}} for level in (3, 4)]
    deliver(leap, "client", REPEATS, *same, *other)


@pytest.fixture(scope="module")
def abroad(make_leap) -> tuple[Leap, int]:
    leap = make_leap(source=LANDING, currency="JPY", simulation={})
    deliver_a_server_that_never_stops(leap)
    deliver_a_player_who_joins_after_midnight(leap)
    deliver_money(leap)
    at_their_ends = deliver_the_ends_of_what_is_allowed(leap)
    deliver_repeats(leap)
    leap.run(1, LAST)
    return leap, at_their_ends


@pytest.mark.slow
@pytest.mark.smoke
def test_a_player_counts_on_the_day_they_play_whatever_their_match_does(abroad):
    leap, _ = abroad
    dau = dict(leap.query("select event_date, dau from leap_mart.kpi_daily"))
    assert [dau[as_day(SERVER + n)] for n in range(5)] == [1, 2, 3, 4, 5]
    assert [dau[as_day(JOINS)], dau[as_day(JOINS + 1)]] == [1, 2]
    acquired = leap.query("select acquired_on from leap_dim.dim_players where player_id = 'B'")
    assert acquired == [(as_day(JOINS + 1),)]
    started = leap.query("select started_at, length_s from leap_stage.fact_session where player_id = 'B'")
    midnight = dt.datetime.combine(as_day(JOINS + 1), dt.time())
    assert started == [(midnight + dt.timedelta(hours=4, minutes=58, seconds=59, milliseconds=750), 1860)]


@pytest.mark.slow
def test_the_lines_of_a_match_over_midnight_count_on_the_day_it_starts(abroad):
    leap, _ = abroad
    matches = leap.query(
        "select session_id, event_date, players from leap_stage.stage_matches where session_id like 'M%'"
    )
    # B joins five hours and more after A left
    assert sorted(matches) == [("M1", as_day(JOINS), 2), ("M2", as_day(JOINS + 1), 1)]
    server = leap.query(
        "select event_date, players from leap_stage.stage_matches where session_id = 'world-1'"
    )
    assert sorted(server) == [(as_day(SERVER + n), n + 1) for n in range(5)]


@pytest.mark.slow
def test_amounts_are_exact_in_any_currency(abroad):
    leap, _ = abroad
    amounts = dict(
        leap.query(
            "select transaction_id, amount from leap_stage.fact_transaction where event_date = ?",
            [as_day(MONEY)],
        )
    )
    # a yen is 0.0066 USD, a euro 1.08
    assert amounts == {
        "yen": Decimal("10000.00"),
        "refund": Decimal("-7575757.58"),
        "odd": Decimal("2020202.00"),
    }


@pytest.mark.slow
def test_no_accepted_line_stops_a_run(abroad):
    leap, lines = abroad
    received = leap.query(
        "select sum(received), sum(accepted) from leap_mart.ingestion_daily where delivery_date = ?",
        [as_day(ENDS)],
    )
    assert received == [(lines, lines)]
    assert lines > 20


@pytest.mark.slow
def test_repeats_are_compared_by_value_and_a_conflicting_one_is_a_rejected_line(abroad):
    leap, _ = abroad
    repeats = leap.query("select key, kind from leap_stage.repeated_line where log = 'client' order by key")
    assert repeats == [("other", "conflicting_duplicate"), ("same", "duplicate")]
    place = f"client/{as_day(REPEATS)}/a.ndjson"
    rejected = leap.query(
        "select line_number, reason, message from leap_raw.rejected_line where source_file = ?", [place]
    )
    said = f"'other' came before, with other values of properties, in line 3 of {place}"
    assert rejected == [(4, "conflicting_duplicate", said)]
    counted = leap.query(
        """select received, accepted, duplicate, rejected from leap_mart.ingestion_daily
        where delivery_date = ? and log = 'client'""",
        [as_day(REPEATS)],
    )
    assert counted == [(4, 2, 1, 1)]
