"""Who pays what: purchases during a match, renewals of battle passes, and refunds.

A day's purchases are drawn from that day alone, together with everything that will follow from them; a
later day collects its renewals and refunds from the few earlier days that can be due (`find_source_days`).
"""

from __future__ import annotations

import calendar
import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation.catalogue import CURRENCY_CODES, CYCLES, DESIGNS, Catalogue
from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.play import Play
from leap_assets.simulation.population import COUNTRIES, DAY_US
from leap_assets.simulation.streams import draw_uuids, open_stream

PAYMENT_KINDS = ("purchase", "renewal", "refund")
_PURCHASE, _RENEWAL, _REFUND = range(3)

_RENEWAL_MONTHS = {"M": tuple(range(1, 13)), "Y": (12, 24, 36)}
# Months after the purchase at which a pass can be renewed: a bound is what keeps a day's look-back short.

_REFUND_DAYS = tuple(range(4, 14))
# Calendar days; with any clock time this is 3 to 14 times 24 hours after the purchase.

_CHEAPEST_TARGET = 149.0
_CLASS_TARGET = np.array([0.0, 1.0, 2.0, 4.0])
# The price looked for, in USD cents: Pareto from the first, times a factor of the spender class.
_TASTE = 0.3
# Noise on the logarithm of the price, so that neighbours in price all find buyers.

_PASSES = np.flatnonzero([design.cycle is not None for design in DESIGNS])
_OTHERS = np.flatnonzero([design.cycle is None for design in DESIGNS])
_COUNTRY_CURRENCY = np.array([CURRENCY_CODES.index(row[3]) for row in COUNTRIES])


@dataclass(frozen=True, eq=False)
class Payments:
    """Purchases, renewals and refunds; arrays of shape (n,) unless said otherwise.

    Attributes
    ----------
    day : day number on which it is paid
    at_us : microseconds since midnight of that day, whole milliseconds
    player : position in the day's ``Players``
    session : position in the day's player-sessions for a purchase, -1 otherwise
    item : position in the catalogue
    price : hundredths of the item's currency, negative for a refund
    kind : position in ``PAYMENT_KINDS``
    raw_id : uuid bytes, shape (n, 16)
    origin_id : uuid bytes of the purchase that this renews or refunds, its own for a purchase, shape (n, 16)
    """

    day: NDArray[np.int64]
    at_us: NDArray[np.int64]
    player: NDArray[np.int64]
    session: NDArray[np.int64]
    item: NDArray[np.int64]
    price: NDArray[np.int64]
    kind: NDArray[np.int64]
    raw_id: NDArray[np.uint8]
    origin_id: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Payments:
        """Give the rows asked for."""
        return Payments(*(getattr(self, name)[rows] for name in _FIELDS))


_FIELDS = tuple(Payments.__dataclass_fields__)


def join_payments(parts: list[Payments]) -> Payments:
    """Put payments under each other; at least one part."""
    return Payments(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


def draw_purchases(config: WorldConfig, catalogue: Catalogue, play: Play) -> Payments:
    """Draw the purchases made during the matches of a day, each inside a player-session of the buyer."""
    rng = open_stream(config.seed, "purchases", play.day)
    order = np.argsort(play.matches.signon, kind="stable")
    signon, first, sessions = np.unique(play.matches.signon[order], return_index=True, return_counts=True)
    player = play.sign_ons.player[signon]
    spender = play.players.spender[player]

    mean = np.array([0.0, config.minnow_purchases, config.dolphin_purchases, config.whale_purchases])
    shopper = np.repeat(np.arange(len(player)), rng.poisson(mean[spender]))
    subscriber = np.flatnonzero(play.players.pass_day[player] == play.day)
    design = np.concatenate(
        [
            _choose_designs(config, rng, spender[shopper], play.day),
            rng.choice(_find_on_sale(_PASSES, play.day), size=len(subscriber)),
        ]
    )
    buyer = np.concatenate([shopper, subscriber])
    count = len(buyer)
    item = _COUNTRY_CURRENCY[play.players.country[player[buyer]]] * len(DESIGNS) + design
    session = order[first[buyer] + (rng.random(count) * sessions[buyer]).astype(np.int64)]
    raw_id = draw_uuids(rng, count)
    return Payments(
        day=np.full(count, play.day, dtype=np.int64),
        at_us=_draw_times(rng, play, session),
        player=player[buyer],
        session=session,
        item=item,
        price=catalogue.price(play.day)[item],
        kind=np.full(count, _PURCHASE, dtype=np.int64),
        raw_id=raw_id,
        origin_id=raw_id,
    )


def draw_follow_ups(config: WorldConfig, catalogue: Catalogue, purchases: Payments, day: int) -> Payments:
    """Draw all refunds and renewals that will follow from the purchases of a day number."""
    rng = open_stream(config.seed, "follow-ups", day)
    count = len(purchases)
    is_refunded = rng.random(count) < config.refund_share
    wait = rng.choice(np.array(_REFUND_DAYS), size=count)
    refund_us = rng.integers(0, DAY_US // 1000, size=count) * 1000
    monthly = rng.geometric(max(1.0 - config.monthly_renewal, 1e-9), size=count) - 1
    yearly = rng.geometric(max(1.0 - config.yearly_renewal, 1e-9), size=count) - 1
    refunded = purchases.take(is_refunded)
    parts = [
        Payments(
            day=(refunded.day + wait[is_refunded]),
            at_us=refund_us[is_refunded],
            player=refunded.player,
            session=np.full(len(refunded), -1, dtype=np.int64),
            item=refunded.item,
            price=-refunded.price,
            kind=np.full(len(refunded), _REFUND, dtype=np.int64),
            raw_id=draw_uuids(rng, len(refunded)),
            origin_id=refunded.raw_id,
        )
    ]
    cycle = catalogue.cycle[purchases.item]
    for position, renewals in enumerate((monthly, yearly)):
        for number, months in enumerate(_RENEWAL_MONTHS[CYCLES[position]], start=1):
            renewed = purchases.take((cycle == position) & ~is_refunded & (renewals >= number))
            due = _add_months(config.start_date + datetime.timedelta(days=day), months)
            parts.append(_renew(rng, catalogue, renewed, (due - config.start_date).days))
    return join_payments(parts)


def find_source_days(start_date: datetime.date, day: int) -> list[int]:
    """List the earlier day numbers whose purchases can be refunded or renewed on ``day``, ascending."""
    date = start_date + datetime.timedelta(days=day)
    sources = {day - wait for wait in _REFUND_DAYS}
    for months in sorted({months for offsets in _RENEWAL_MONTHS.values() for months in offsets}):
        year, month = divmod(date.year * 12 + date.month - 1 - months, 12)
        if year < start_date.year:
            continue
        for day_of_month in range(date.day, calendar.monthrange(year, month + 1)[1] + 1):
            source = datetime.date(year, month + 1, day_of_month)
            if _add_months(source, months) == date:
                sources.add((source - start_date).days)
    return sorted(source for source in sources if source >= 0)


def _renew(rng: np.random.Generator, catalogue: Catalogue, purchases: Payments, day: int) -> Payments:
    count = len(purchases)
    return Payments(
        day=np.full(count, day, dtype=np.int64),
        at_us=purchases.at_us,
        player=purchases.player,
        session=np.full(count, -1, dtype=np.int64),
        item=purchases.item,
        price=catalogue.price(day)[purchases.item],
        kind=np.full(count, _RENEWAL, dtype=np.int64),
        raw_id=draw_uuids(rng, count),
        origin_id=purchases.raw_id,
    )


def _add_months(date: datetime.date, months: int) -> datetime.date:
    # The 31st renews on the last day of a shorter month, and on the 31st again after it.
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(date.day, calendar.monthrange(year, month + 1)[1]))


def _draw_times(rng: np.random.Generator, play: Play, session: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw a time inside each player-session, in microseconds since midnight."""
    start_us = play.matches.start_s[play.matches.match[session]] * 1_000_000
    # Before midnight, so that day, price and availability are those of the match's day.
    length_us = np.minimum(play.matches.length_s[session] * 1_000_000, DAY_US - start_us)
    return start_us + (rng.random(len(session)) * length_us).astype(np.int64) // 1000 * 1000


def _find_on_sale(designs: NDArray[np.int64], day: int) -> NDArray[np.int64]:
    return designs[[DESIGNS[design].released_after <= day for design in designs]]


def _choose_designs(
    config: WorldConfig, rng: np.random.Generator, spender: NDArray[np.int8], day: int
) -> NDArray[np.int64]:
    """Choose for each buyer the design whose price is nearest to the price looked for."""
    offered = _find_on_sale(_OTHERS, day)
    price = np.log([DESIGNS[design].usd_cents for design in offered])
    pareto = 1.0 + rng.pareto(config.spend_pareto_alpha, size=len(spender))
    target = np.log(_CHEAPEST_TARGET * _CLASS_TARGET[spender] * pareto)
    # As many numbers as buyers times designs: only payers are in here, a few in a hundred of the active.
    miss = np.abs(target[:, None] - price + _TASTE * rng.standard_normal((len(spender), len(offered))))
    chosen: NDArray[np.int64] = offered[np.argmin(miss, axis=1)]
    return chosen
