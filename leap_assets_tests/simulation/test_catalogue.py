"""The shop has enough on offer, releases items over time and changes some prices."""

import numpy as np

from leap_assets.simulation.catalogue import CURRENCY_CODES, CYCLES, DESIGNS, TRANSACTION_TYPES, Catalogue

CATALOGUE = Catalogue()


def test_there_are_items_of_every_type_in_every_currency():
    assert len(CATALOGUE.item_ids) == len(set(CATALOGUE.item_ids.tolist())) >= 40
    pairs = set(zip(CATALOGUE.kind.tolist(), CATALOGUE.currency.tolist(), strict=True))
    assert len(pairs) == len(TRANSACTION_TYPES) * len(CURRENCY_CODES)


def test_battle_passes_and_only_they_have_a_cycle():
    is_pass = CATALOGUE.kind == TRANSACTION_TYPES.index("Battle Pass")
    assert np.array_equal(CATALOGUE.cycle >= 0, is_pass)
    assert set(CATALOGUE.cycle[is_pass].tolist()) == set(range(len(CYCLES)))


def test_every_type_is_on_sale_from_the_first_day_and_more_comes():
    first = CATALOGUE.released_after == 0
    assert set(CATALOGUE.kind[first].tolist()) == set(range(len(TRANSACTION_TYPES)))
    assert 0.5 < first.mean() < 1.0


def test_prices_are_positive_and_change_on_their_day():
    hero = [design.slug for design in DESIGNS].index("pass-hero-m")
    assert [int(CATALOGUE.price(day)[hero]) for day in (0, 59, 60, 500)] == [999, 999, 1099, 1099]
    assert CATALOGUE.price(0).min() > 0
    changed = CATALOGUE.price(0) != CATALOGUE.price(365)
    assert 0 < changed.mean() < 0.5


def test_a_price_in_another_currency_is_about_the_same_value():
    price = CATALOGUE.price(0).reshape(len(CURRENCY_CODES), len(DESIGNS))
    yen = price[CURRENCY_CODES.index("JPY")]
    assert np.all(yen % 1000 == 0)
    assert np.all(np.abs(yen / 150 / price[0] - 1) < 0.05)
