"""What is on sale: items, release days and price changes, all of them facts of the day number.

An item is a design sold in one currency; players buy in the currency of their country. The table is fixed: it
does not depend on the seed. Who buys what is not in here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRANSACTION_TYPES = ("Battle Pass", "Skins", "Emotes")
TIERS = ("basic", "standard", "premium", "legendary")
CYCLES = ("M", "Y")

# currency, units of it for one USD in the shop (its own fixed list, not the exchange rates of a day),
# rounding step in hundredths of the unit
CURRENCIES = (
    ("USD", 1.0, 1),
    ("EUR", 0.95, 10),
    ("GBP", 0.8, 10),
    ("BRL", 5.0, 10),
    ("JPY", 150.0, 1000),
    ("KRW", 1300.0, 10_000),
)
CURRENCY_CODES = tuple(row[0] for row in CURRENCIES)


@dataclass(frozen=True)
class Design:
    """One design of the shop.

    Attributes
    ----------
    slug, name : first part of the item id, and product name
    kind, tier : one of ``TRANSACTION_TYPES``, one of ``TIERS``
    usd_cents : price from the release on
    cycle : "M" or "Y" for a recurring pass, else None
    released_after : day number of the release
    changes : (day number, new price in USD cents), ascending
    """

    slug: str
    name: str
    kind: str
    tier: str
    usd_cents: int
    cycle: str | None = None
    released_after: int = 0
    changes: tuple[tuple[int, int], ...] = ()


DESIGNS = (
    Design("pass-explorer-m", "Explorer Pass, monthly", "Battle Pass", "basic", 499, "M"),
    Design("pass-hero-m", "Hero Pass, monthly", "Battle Pass", "standard", 999, "M", changes=((60, 1099),)),
    Design("pass-hero-y", "Hero Pass, yearly", "Battle Pass", "premium", 7999, "Y"),
    Design("pass-legend-m", "Legend Pass, monthly", "Battle Pass", "legendary", 1999, "M", released_after=45),
    Design("skin-ember-fox", "Ember Fox", "Skins", "basic", 299),
    Design("skin-tin-soldier", "Tin Soldier", "Skins", "basic", 399, changes=((20, 299), (34, 399))),
    Design("skin-night-heron", "Night Heron", "Skins", "standard", 799),
    Design("skin-coral-diver", "Coral Diver", "Skins", "standard", 899, released_after=14),
    Design("skin-glass-knight", "Glass Knight", "Skins", "premium", 1499, changes=((50, 1299),)),
    Design("skin-storm-caller", "Storm Caller", "Skins", "premium", 1799, released_after=30),
    Design("skin-void-empress", "Void Empress", "Skins", "legendary", 2999),
    Design("skin-sun-dragon", "Sun Dragon", "Skins", "legendary", 4999, released_after=75),
    Design("skin-first-fleet", "First Fleet Bundle", "Skins", "legendary", 9999),
    Design("emote-wave", "Wave", "Emotes", "basic", 99),
    Design("emote-slow-clap", "Slow Clap", "Emotes", "basic", 199),
    Design("emote-moonwalk", "Moonwalk", "Emotes", "standard", 299, changes=((40, 349),)),
    Design("emote-confetti", "Confetti", "Emotes", "standard", 399, released_after=21),
    Design("emote-war-drum", "War Drum", "Emotes", "premium", 599),
    Design("emote-phoenix-bow", "Phoenix Bow", "Emotes", "premium", 699, released_after=120),
    Design("emote-crown", "Crown Toss", "Emotes", "legendary", 999),
)


def _price_locally(usd_cents: int, rate: float, step: int) -> int:
    return max(step, round(usd_cents * rate / step) * step)


class Catalogue:
    """Every item there will ever be, as arrays of shape (items,) ordered by currency and design.

    Attributes
    ----------
    item_ids, names : ndarray of str
    kind, tier, cycle, currency : ndarray of int64
        Positions in ``TRANSACTION_TYPES``, ``TIERS``, ``CYCLES`` (-1 for none) and ``CURRENCY_CODES``.
    released_after : ndarray of int64
        Day number from which the item is on sale.
    """

    def __init__(self) -> None:
        pairs = [(position, design) for position in range(len(CURRENCIES)) for design in DESIGNS]
        self.item_ids = np.array([f"{design.slug}-{CURRENCY_CODES[at].lower()}" for at, design in pairs])
        self.names = np.array([design.name for _, design in pairs])
        self.kind = np.array([TRANSACTION_TYPES.index(design.kind) for _, design in pairs])
        self.tier = np.array([TIERS.index(design.tier) for _, design in pairs])
        self.cycle = np.array(
            [-1 if design.cycle is None else CYCLES.index(design.cycle) for _, design in pairs]
        )
        self.currency = np.array([at for at, _ in pairs])
        self.released_after = np.array([design.released_after for _, design in pairs])
        self._prices: dict[tuple[int, ...], NDArray[np.int64]] = {}

    def price(self, day: int) -> NDArray[np.int64]:
        """Give the price of every item on a day number, in hundredths of its currency's unit."""
        cents = tuple(_price_in_usd(design, day) for design in DESIGNS)
        if cents not in self._prices:
            # Few days change a price, and a day of payments looks back on many.
            prices = [_price_locally(usd, rate, step) for _, rate, step in CURRENCIES for usd in cents]
            self._prices[cents] = np.array(prices)
            self._prices[cents].flags.writeable = False
        return self._prices[cents]


def _price_in_usd(design: Design, day: int) -> int:
    cents = design.usd_cents
    for from_day, changed in design.changes:
        if day >= from_day:
            cents = changed
    return cents
