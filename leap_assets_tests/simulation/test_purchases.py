"""Money: paid while playing, at the price of the day; renewed by the calendar; refunded once and in time."""

import calendar
import datetime
from collections import Counter

import numpy as np
import pytest

from leap_assets.simulation import DeliveryDay
from leap_assets.simulation.purchases import find_source_days
from leap_assets_tests.simulation.rows import CLEAN, deliver, midnight_of, to_rows

SPENDERS = {"minnow_share": 0.3, "dolphin_share": 0.3, "whale_share": 0.2, "refund_share": 0.2}


@pytest.fixture(scope="module")
def spending_days() -> list[DeliveryDay]:
    return deliver(20, **CLEAN, **SPENDERS, initial_players=400)


def all_transactions(days: list[DeliveryDay]) -> list[dict]:
    names = list(days[0].logs["transaction"].columns)
    return [
        dict(zip(names, row, strict=True)) for day in days for row in to_rows(day.logs["transaction"].columns)
    ]


def test_purchases_are_made_while_playing(spending_days):
    for day in spending_days:
        played = {}
        for player, start, length in to_rows(
            day.truth["player_session"], "player_id", "started_at", "length_s"
        ):
            played.setdefault(player, []).append((start, start + np.timedelta64(length, "s")))
        for player, at, kind in to_rows(day.truth["transaction"], "player_id", "at", "kind"):
            if kind == "purchase":
                assert any(start <= at <= end for start, end in played[player])


def test_what_is_paid_is_the_price_of_an_item_on_sale_that_day(spending_days):
    for day in spending_days:
        offer = {
            item: rest
            for item, *rest in to_rows(
                day.logs["product"].columns, "purchase_item", "price", "currency", "transaction_type", "cycle"
            )
        }
        for row in all_transactions([day]):
            if row["purchase_price"] > 0:
                paid = [row[name] for name in ("purchase_price", "currency", "transaction_type", "cycle")]
                assert paid == offer[row["purchase_item"]]
                assert row["is_recurring"] == (row["transaction_type"] == "Battle Pass")


def test_transactions_are_of_their_day(spending_days):
    for number, day in enumerate(spending_days):
        times = day.logs["transaction"].columns["event_date_time"]
        assert np.all((times >= midnight_of(number)) & (times < midnight_of(number + 1)))


def test_a_refund_returns_a_real_purchase_once_within_3_to_14_days(spending_days):
    rows = all_transactions(spending_days)
    by_id = {row["transaction_id"]: row for row in rows}
    assert len(by_id) == len(rows)
    refunds = [row for row in rows if row["refunded_transaction_id"] is not None]
    assert len(refunds) > 20
    assert len({row["refunded_transaction_id"] for row in refunds}) == len(refunds)
    for refund in refunds:
        bought = by_id[refund["refunded_transaction_id"]]
        assert refund["purchase_price"] == -bought["purchase_price"] < 0
        for name in ("player_id", "purchase_item", "currency"):
            assert refund[name] == bought[name]
        wait = refund["event_date_time"] - bought["event_date_time"]
        assert np.timedelta64(3, "D") <= wait <= np.timedelta64(14, "D")


def test_only_spenders_pay_and_a_player_buys_one_pass(spending_days):
    spender = dict(
        row for day in spending_days for row in to_rows(day.truth["registered"], "player_id", "spender_class")
    )
    passes = Counter()
    for day in spending_days:
        for player, item, kind in to_rows(day.truth["transaction"], "player_id", "purchase_item", "kind"):
            assert spender[player] != "none"
            passes[player] += kind == "purchase" and item.startswith("pass-")
    assert max(passes.values()) == 1


def test_passes_are_renewed_by_the_calendar_until_cancelled():
    days = deliver(
        100,
        **CLEAN,
        minnow_share=1.0,
        dolphin_share=0.0,
        whale_share=0.0,
        pass_share=1.0,
        minnow_purchases=0.0,
    )
    bought, renewed = {}, {}
    for day in days:
        names = ("transaction_id", "player_id", "at", "purchase_item", "kind", "origin_id")
        for own_id, player, at, item, kind, origin in to_rows(day.truth["transaction"], *names):
            if kind == "purchase":
                bought[own_id] = (player, at, item)
            elif kind == "renewal":
                renewed.setdefault(origin, []).append((player, at, item))
    assert sum(len(rows) for rows in renewed.values()) > 50
    refunded = {
        origin
        for day in days
        for origin, kind in to_rows(day.truth["transaction"], "origin_id", "kind")
        if kind == "refund"
    }
    assert refunded
    assert not refunded & set(renewed)
    for origin, rows in renewed.items():
        player, at, item = bought[origin]
        for months, (renewer, renewed_at, renewed_item) in enumerate(rows, start=1):
            assert (renewer, renewed_item) == (player, item)
            due = add_months(at.astype("datetime64[D]").item(), months)
            assert renewed_at == np.datetime64(due, "us") + (at - at.astype("datetime64[D]"))


def test_a_renewal_costs_what_the_pass_costs_on_its_day():
    days = deliver(100, **CLEAN, minnow_share=1.0, dolphin_share=0.0, whale_share=0.0, pass_share=1.0)
    paid: dict[str, int] = {}
    dearer = 0
    for day in days:
        offer = dict(to_rows(day.logs["product"].columns, "purchase_item", "price"))
        names = ("transaction_id", "origin_id", "purchase_item", "price", "kind")
        for own_id, origin, item, price, kind in to_rows(day.truth["transaction"], *names):
            paid[own_id] = price
            if kind == "renewal":
                assert price == offer[item]
                dearer += price > paid[origin]
    assert dearer > 0


def add_months(date: datetime.date, months: int) -> datetime.date:
    """Walk month by month; the day stays, or is the last one of a shorter month."""
    first = date.replace(day=1)
    for _ in range(months):
        first = (first + datetime.timedelta(days=31)).replace(day=1)
    return first.replace(day=min(date.day, calendar.monthrange(first.year, first.month)[1]))


def test_source_days_are_exactly_those_with_something_due():
    for start in (datetime.date(2024, 1, 31), datetime.date(2023, 11, 15)):
        due: dict[int, set[int]] = {}
        for source in range(1300):
            date = start + datetime.timedelta(days=source)
            offsets = list(range(4, 14))
            offsets += [(add_months(date, months) - date).days for months in (*range(1, 13), 24, 36)]
            for offset in offsets:
                due.setdefault(source + offset, set()).add(source)
        for day in range(0, 1300, 7):
            assert find_source_days(start, day) == sorted(due.get(day, set()))


def test_spend_has_a_long_tail(spending_days):
    spent = Counter()
    for row in all_transactions(spending_days):
        if row["currency"] == "USD":
            spent[row["player_id"]] += row["purchase_price"]
    amounts = sorted(spent.values(), reverse=True)
    assert sum(amounts[: len(amounts) // 10]) > 0.25 * sum(amounts)
