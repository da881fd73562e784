"""Amounts in every currency of the seed, around the days its rates change, at their bounds; refunds; weeks."""

from decimal import Decimal

from .writing import Case, Line, day, event, paid, registered, span

BILLION = 1_000_000_000
# Of the seed, by hand once more: a wrong rate changes every amount and breaks nothing else. Dollars for a million.
RATES = {
    "AUD": ("660000", "660000"),
    "BRL": ("185000", "182000"),
    "CAD": ("730000", "730000"),
    "CNY": ("139000", "139000"),
    "EUR": ("1080000", "1170000"),
    "GBP": ("1270000", "1360000"),
    "INR": ("11900", "11900"),
    "JPY": ("6600", "6900"),
    "KRW": ("720", "720"),
    "MXN": ("55000", "55000"),
    "PLN": ("250000", "250000"),
    "SEK": ("95000", "95000"),
    "TRY": ("28000", "28000"),
    "USD": ("1000000", "1000000"),
}
SUMMER = span("2025-06-29", "2025-07-03")


def _every_currency() -> list[Line]:
    lines = []
    for currency in RATES:
        lines += [
            paid(f"rate-{currency}-1", "rate-a", "2025-06-30T23:59:59.999999Z", 1_000_000, currency),
            paid(f"rate-{currency}-2", "rate-a", "2025-07-01T00:00:00Z", 1_000_000, currency),
        ]
    return lines


def _amounts(prefix: str) -> str:
    return f"""select transaction_id, amount from leap_stage.fact_transaction
    where transaction_id like '{prefix}%' order by 1"""


CASES = (
    Case(
        "each rate of the seed holds from its first day",
        "plain",
        SUMMER,
        _every_currency(),
        [
            (
                _amounts("rate-"),
                [
                    (f"rate-{currency}-{number}", Decimal(amount))
                    for currency, amounts in sorted(RATES.items())
                    for number, amount in enumerate(amounts, start=1)
                ],
            ),
            # The rates of the seed are these and no others.
            ("select count(*), count(distinct currency) from leap_seed.exchange_rates", [(18, 14)]),
        ],
    ),
    Case(
        "amounts are rounded once, halves away from zero",
        "plain",
        SUMMER,
        [
            paid("half-1", "half-a", "2025-06-29T12:00:00Z", 0.005),
            paid("half-2", "half-a", "2025-06-29T12:00:00Z", -0.005),
            paid("half-3", "half-a", "2025-06-29T12:00:00Z", 0.0049),
            # 0.25 * 1.08 = 0.27, 12345.67 * 1.17 = 14444.4339
            paid("half-4", "half-a", "2025-06-29T12:00:00Z", 0.25, "EUR"),
            paid("half-5", "half-a", "2025-07-02T12:00:00Z", 12345.67, "EUR"),
            paid("half-6", "half-a", "2025-07-02T12:00:00Z", -92233.72),
        ],
        [
            (
                _amounts("half-"),
                [
                    ("half-1", Decimal("0.01")),
                    ("half-2", Decimal("-0.01")),
                    ("half-3", Decimal("0.00")),
                    ("half-4", Decimal("0.27")),
                    ("half-5", Decimal("14444.43")),
                    ("half-6", Decimal("-92233.72")),
                ],
            ),
        ],
    ),
    Case(
        "amounts in yen are exact, the largest too, and their sums",
        "long",
        span("2025-06-29", "2025-07-03"),
        [
            paid("yen-1", "yen-a", "2025-06-30T12:00:00Z", 10_000, "JPY"),
            # 4.99 * 1.08 / 0.0066 = 816.5454..., 0.0033 * 1 / 0.0066 = 0.5
            paid("yen-2", "yen-a", "2025-06-30T12:00:00Z", 4.99, "EUR"),
            # 1e9 * 1.36 / 0.0069 = 197101449275.3623...
            paid("yen-3", "yen-b", "2025-07-01T12:00:00Z", BILLION, "GBP"),
            paid("yen-4", "yen-b", "2025-07-01T12:00:00Z", BILLION, "GBP"),
            paid("yen-5", "yen-b", "2025-07-01T12:00:00Z", -BILLION, "GBP", refunded_transaction_id="yen-4"),
            event(
                "yen-1",
                "yen-c",
                "ad_watched",
                "2025-07-01T12:00:00Z",
                ad_type="yen",
                revenue=BILLION,
                currency="GBP",
            ),
            event("yen-2", "yen-c", "ad_watched", "2025-07-01T12:00:00Z", ad_type="yen", revenue="0.000001"),
        ],
        [
            (
                _amounts("yen-"),
                [
                    ("yen-1", Decimal("10000.00")),
                    ("yen-2", Decimal("816.55")),
                    ("yen-3", Decimal("197101449275.36")),
                    ("yen-4", Decimal("197101449275.36")),
                    ("yen-5", Decimal("-197101449275.36")),
                ],
            ),
            (
                """select player_id, purchase_amount, purchases from leap_stage.fact_player_day
                where player_id like 'yen-%' and transactions > 0 order by 1""",
                [("yen-a", Decimal("10816.55"), 2), ("yen-b", Decimal("197101449275.36"), 2)],
            ),
            (
                "select impressions, viewers, ad_amount from leap_mart.ad_revenue_daily where ad_type = 'yen'",
                [(2, 1, Decimal("197101449275.362320"))],
            ),
        ],
    ),
    Case(
        "where a source has no transaction log, purchases come from the client; else they do not",
        "mobile",
        span("2025-06-29", "2025-07-03"),
        [
            registered("shop-a", "2025-06-29T12:00:00Z", country="de"),
            # 0.0054 / 1.08 = 0.005: a rounded ratio would make it 0.00.
            event(
                "shop-1",
                "shop-a",
                "purchase",
                "2025-06-30T12:00:00Z",
                product=17,
                price=0.0054,
                currency="USD",
            ),
            event(
                "shop-2",
                "shop-a",
                "purchase",
                "2025-06-30T12:00:00Z",
                product="hat",
                price=4.99,
                currency="USD",
            ),
            event(
                "shop-3",
                "shop-a",
                "purchase",
                "2025-07-02T12:00:00Z",
                product="hat",
                price=BILLION,
                currency="EUR",
            ),
            event(
                "shop-4", "shop-a", "purchase", "2025-07-02T12:00:00Z", product="hat", price=0, currency="EUR"
            ),
        ],
        [
            (
                "select transaction_id, purchase_item, amount from leap_stage.fact_transaction order by 1",
                [
                    ("shop-1", "17", Decimal("0.01")),
                    ("shop-2", "hat", Decimal("4.62")),
                    ("shop-3", "hat", Decimal("1000000000.00")),
                    ("shop-4", "hat", Decimal("0.00")),
                ],
            ),
        ],
    ),
    Case(
        "a purchase told by the client is none where there is a transaction log",
        "plain",
        SUMMER,
        [
            event(
                "told-1", "told-a", "purchase", "2025-06-30T12:00:00Z", product="hat", price=5, currency="USD"
            )
        ],
        [
            ("select count(*) from leap_stage.fact_transaction where player_id = 'told-a'", [(0,)]),
            ("select purchases, events from leap_stage.fact_player_day where player_id = 'told-a'", [(0, 1)]),
        ],
    ),
    Case(
        "weeks are ISO weeks, at the turn of years too",
        "plain",
        (*span("2024-12-30", "2025-01-02"), day("2027-01-01")),
        [
            registered("week-a", "2024-12-31T12:00:00Z", country="IS"),
            paid("week-1", "week-a", "2024-12-31T12:00:00Z", 5),
            paid("week-2", "week-a", "2025-01-01T12:00:00Z", 6),
            paid("week-3", "week-a", "2027-01-01T12:00:00Z", 7),
        ],
        [
            (
                """select week_start, iso_year, iso_week, purchase_amount from leap_mart.country_weekly_revenue
                where country = 'IS' order by 1""",
                [
                    (day("2024-12-30"), 2025, 1, Decimal("11.00")),
                    (day("2026-12-28"), 2026, 53, Decimal("7.00")),
                ],
            ),
            (
                """select date, iso_year, iso_week, is_loaded from leap_dim.dim_dates
                where date in ('2024-12-30', '2025-01-05', '2025-01-06', '2027-01-01') order by 1""",
                [
                    (day("2024-12-30"), 2025, 1, True),
                    (day("2025-01-05"), 2025, 1, False),
                    (day("2025-01-06"), 2025, 2, False),
                    (day("2027-01-01"), 2026, 53, True),
                ],
            ),
            (
                "select cohort_week from leap_dim.dim_players where player_id = 'week-a'",
                [(day("2024-12-30"),)],
            ),
        ],
    ),
    Case(
        "a player pays with a price above zero, and converts once",
        "plain",
        span("2025-04-20", "2025-04-23"),
        [
            registered("conv-a", "2025-04-20T12:00:00Z"),
            paid("conv-1", "conv-a", "2025-04-20T12:00:00Z", 0),
            paid("conv-2", "conv-a", "2025-04-21T12:00:00Z", 5),
            paid("conv-3", "conv-a", "2025-04-22T12:00:00Z", 5, is_recurring=True, cycle="M"),
            paid("conv-4", "conv-a", "2025-04-23T12:00:00Z", -5, refunded_transaction_id="conv-3"),
        ],
        [
            (
                """select event_date, purchase_amount, days_since_acquisition, is_paying, is_converting
                from leap_mart.player_activity_daily where player_id = 'conv-a' order by 1""",
                [
                    (day("2025-04-20"), Decimal("0.00"), 0, False, False),
                    (day("2025-04-21"), Decimal("5.00"), 1, True, True),
                    (day("2025-04-22"), Decimal("5.00"), 2, True, False),
                    (day("2025-04-23"), Decimal("-5.00"), 3, False, False),
                ],
            ),
            (
                """select event_date, dau, payers, absent_payers, absent_purchase_amount, arppu
                from leap_mart.kpi_daily where event_date between '2025-04-20' and '2025-04-23' order by 1""",
                [
                    (day("2025-04-20"), 0, 0, 0, Decimal("0.00"), None),
                    (day("2025-04-21"), 0, 0, 1, Decimal("5.00"), None),
                    (day("2025-04-22"), 0, 0, 1, Decimal("5.00"), None),
                    (day("2025-04-23"), 0, 0, 0, Decimal("-5.00"), None),
                ],
            ),
        ],
    ),
)
