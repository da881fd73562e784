"""What is paid: country_weekly_revenue from true payments, and ad_revenue_daily from true advertisements."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from leap_assets.proofs.frames import Frame, iso_weeks, week_starts
from leap_assets.proofs.known import Known
from leap_assets.proofs.sums import round_quotient, whole


def prove_country_weekly_revenue(known: Known) -> Frame:
    """Payments line by line, by country of the player and Monday of their week."""
    payments = known.of_counted("payment")
    cents: defaultdict[tuple[int, int], int] = defaultdict(int)
    for country, monday, amount in zip(
        known.players["country"][payments["player"]].tolist(),
        week_starts(payments["day"]).tolist(),
        payments["amount"].tolist(),
        strict=True,
    ):
        cents[country, monday] += amount
    country, monday = np.array(list(cents), dtype=np.int64).reshape(-1, 2).T
    year, week = iso_weeks(monday)
    return {
        "country": known.words[country],
        "week_start": monday,
        "iso_year": year,
        "iso_week": week,
        "is_final": known.final(monday + 6),
        "purchase_amount": whole(cents.values()),
    }


def prove_ad_revenue_daily(known: Known) -> Frame:
    """Impressions counted one by one; eCPM is revenue in millionths times a thousand by impressions."""
    ads = known.facts["ads"]
    shown = ~np.isin(known.players["id"][ads["player"]].astype(str), sorted(known.given.internal))
    shown &= known.loaded(ads["day"])
    impressions: defaultdict[tuple[int, int], int] = defaultdict(int)
    revenue: defaultdict[tuple[int, int], int] = defaultdict(int)
    viewers: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for day, ad_type, player, count, total in zip(
        *(ads[name][shown].tolist() for name in ("day", "type", "player", "count", "total")), strict=True
    ):
        impressions[day, ad_type] += count
        revenue[day, ad_type] += total
        viewers[day, ad_type].add(player)
    day, ad_type = np.array(list(impressions), dtype=np.int64).reshape(-1, 2).T
    count = np.array(list(impressions.values()), dtype=np.int64)
    amount = whole(revenue.values())
    return {
        "event_date": day,
        "is_final": known.final(day),
        "ad_type": known.words[ad_type],
        "impressions": count,
        "viewers": np.array([len(players) for players in viewers.values()], dtype=np.int64),
        "ad_amount": amount,
        "ecpm": round_quotient(whole(1000 * one for one in amount.tolist()), count),
    }
