"""Half a year of few players: who is active, new, retained and converted, on days that are loaded or are not."""

import datetime as dt
from decimal import Decimal

from leap_assets_tests.hostile.worlds import Line

from .writing import Case, day, event, paid, registered, session, span

FIRST = dt.date(2025, 3, 3)
LAST = 185
LOST = 40
DAYS = tuple(date for date in span("2025-03-03", "2025-09-04") if date != FIRST + dt.timedelta(days=LOST))
# Of the seed, by hand once more: who is missing there is counted everywhere.
INTERNAL = (
    "1fa92aee-e972-4958-89ce-6bf072c8daf8",
    "6b5cee91-d2a2-4ace-b7e8-9703c99ad40e",
    "7d037039-4d1b-4dd8-adee-ebf81d90f3a6",
    "cb4e511a-31e1-468e-a2d2-39a84d9b5f91",
)


def on(age: int) -> dt.date:
    """A day, by its number."""
    return FIRST + dt.timedelta(days=age)


def _plays(player: str, *ages: int, clock: str = "12:00:00", delivered: int | None = None) -> list[Line]:
    delivery = None if delivered is None else on(delivered).isoformat()
    return [
        session(player, f"{player}-{age}", f"{on(age)}T{clock}Z", 600, on=delivery, country="DE")
        for age in ages
    ]


def _joins(player: str, age: int, country: str, platform: str = "pc") -> Line:
    return registered(player, f"{on(age)}T08:00:00Z", country=country, platform=platform)


def _levels(player: str, age: int, *levels: int) -> list[Line]:
    return [
        event(
            f"{player}-{level}",
            player,
            "level_complete",
            f"{on(age)}T12:0{n}:00Z",
            f"{player}-{age}",
            level=level,
        )
        for n, level in enumerate(levels, start=1)
    ]


def _kpis(columns: str, *ages: int) -> str:
    days = ", ".join(f"'{on(age)}'" for age in ages)
    return f"select {columns} from leap_mart.kpi_daily where event_date in ({days}) order by event_date"


LIFECYCLE = """select event_date, state, players from leap_mart.lifecycle_daily
    where event_date in ({}) and (players > 0 or players is null) order by all"""

CASES = (
    Case(
        "retention is followed to the last age, rolling retention includes it, and cohorts pool when followed equally",
        "growth",
        DAYS,
        [
            _joins("ret-a", 0, "DE"),
            _joins("ret-b", 0, "DE"),
            *_plays("ret-a", 0, 1, 90),
            *_plays("ret-b", 0, 95),
        ],
        [
            (
                """select age, cohort_size, active_players, rolling_players, followed_days
                from leap_mart.cohort_retention
                where cohort_date = '2025-03-03' and country = 'DE' and age in (0, 1, 2, 40, 89, 90) order by age""",
                [
                    (0, 2, 2, 2, LAST),
                    (1, 2, 1, 2, LAST),
                    (2, 2, 0, 2, LAST),
                    # Its day is not loaded.
                    (40, 2, None, None, LAST),
                    (89, 2, 0, 2, LAST),
                    (90, 2, 1, 2, LAST),
                ],
            ),
            ("select max(age), min(age) from leap_mart.cohort_retention", [(90, 0)]),
            # Followed for 90 days: who came after them did not come, as for every other cohort.
            (
                """select age, rolling_players, rolling_followed_days from leap_mart.retention_summary
                where age = 90""",
                [(90, 1, 90)],
            ),
        ],
    ),
    Case(
        "revenue of a cohort goes up to its 180th day",
        "growth",
        DAYS,
        [
            _joins("rev-a", 0, "JP"),
            _joins("rev-b", 0, "JP"),
            paid("rev-a", "rev-a", f"{on(180)}T12:00:00Z", 5),
            paid("rev-b", "rev-b", f"{on(181)}T12:00:00Z", 7),
        ],
        [
            (
                """select age, purchase_amount, converted_players, purchase_amount_to_age, converted_players_to_age
                from leap_mart.cohort_revenue where country = 'JP' and age >= 179 order by age""",
                [(179, Decimal(0), 0, Decimal(0), 0), (180, Decimal(5), 1, Decimal(5), 1)],
            ),
            (
                _kpis(
                    "dau, payers, absent_payers, absent_purchase_amount, purchase_amount, payer_share", 180
                ),
                [(0, 0, 1, Decimal(5), Decimal(5), None)],
            ),
        ],
    ),
    Case(
        "a funnel is open for fourteen days, and a step counts after the ones before it",
        "growth",
        DAYS,
        [
            _joins("fun-a", 1, "US", "mobile"),
            _joins("fun-b", 1, "US", "mobile"),
            _joins("fun-c", 2, "FR"),
            *_plays("fun-a", 1),
            *_plays("fun-b", 1),
            *_plays("fun-c", 2),
            *_levels("fun-a", 1, 1, 5),
            *_levels("fun-b", 1, 1, 5),
            *_levels("fun-c", 2, 1, 5),
            paid("fun-a", "fun-a", f"{on(14)}T23:59:59.999999Z", 5),
            paid("fun-b", "fun-b", f"{on(15)}T00:00:00Z", 5),
            # Before level 5, and never after it.
            paid("fun-c", "fun-c", f"{on(2)}T12:01:30Z", 5),
        ],
        [
            (
                """select country, step, players, first_purchase, is_complete from leap_mart.conversion_funnel
                where country in ('US', 'FR') order by country, step_number""",
                [
                    ("FR", "installed", 1, 1, True),
                    ("FR", "first_session", 1, 1, True),
                    ("FR", "first_level_completed", 1, 1, True),
                    ("FR", "level_5_completed", 1, 1, True),
                    ("FR", "purchase_after_level_5", 0, 1, True),
                    ("US", "installed", 2, 1, True),
                    ("US", "first_session", 2, 1, True),
                    ("US", "first_level_completed", 2, 1, True),
                    ("US", "level_5_completed", 2, 1, True),
                    ("US", "purchase_after_level_5", 1, 1, True),
                ],
            ),
        ],
    ),
    Case(
        "monthly players are those of thirty days, weekly ones of seven",
        "growth",
        DAYS,
        [_joins("mau-a", 150, "PL"), *_plays("mau-a", 150)],
        [
            (
                _kpis(
                    "dau, wau, mau, new_players, existing_players",
                    149,
                    150,
                    151,
                    156,
                    157,
                    177,
                    178,
                    179,
                    180,
                ),
                [
                    (0, 0, 0, 0, 0),
                    (1, 1, 1, 1, 0),
                    (0, 1, 1, 0, 0),
                    (0, 1, 1, 0, 0),
                    (0, 0, 1, 0, 0),
                    (0, 0, 1, 0, 0),
                    (0, 0, 1, 0, 0),
                    (0, 0, 1, 0, 0),
                    (0, 0, 0, 0, 0),
                ],
            ),
            (
                _kpis("wau_days_in_window, mau_days_in_window", 0, 5, 6, 28, 29, 45, 46, 47, 69, 70),
                [(1, 1), (6, 6), (7, 7), (7, 29), (7, 30), (6, 29), (6, 29), (7, 29), (7, 29), (7, 30)],
            ),
        ],
    ),
    Case(
        "who comes is new, returning, resurrected or dormant by their first active day",
        "growth",
        DAYS,
        [
            _joins("cyc-a", 50, "SE"),
            *_plays("cyc-a", 50, 51, 53),
            _joins("cyc-b", 60, "SE"),
            *_plays("cyc-b", 61),
        ],
        [
            (
                LIFECYCLE.format(", ".join(f"'{on(age)}'" for age in (50, 51, 52, 53, 54, 60, 61, 62))),
                [
                    (on(50), "new", 1),
                    (on(51), "returning", 1),
                    (on(52), "dormant", 1),
                    (on(53), "resurrected", 1),
                    (on(54), "dormant", 1),
                    (on(61), "new", 1),
                    (on(62), "dormant", 1),
                ],
            ),
            (_kpis("dau, new_players, existing_players", 61), [(1, 0, 1)]),
        ],
    ),
    Case(
        "a day that is not loaded has no row, counts in no sum, and its line is a fact all the same",
        "growth",
        DAYS,
        [
            _joins("gap-a", 39, "NO"),
            *_plays("gap-a", LOST, delivered=LOST + 1),
            *_plays("gap-a", LOST + 1),
            # Delivered a day early: of a day after the last one.
            *_plays("gap-a", LAST + 1, clock="10:00:00", delivered=LAST),
        ],
        [
            (
                "select event_date from leap_stage.fact_session where player_id = 'gap-a' order by 1",
                [(on(LOST),), (on(LOST + 1),), (on(LAST + 1),)],
            ),
            (
                "select event_date from leap_mart.player_activity_daily where player_id = 'gap-a'",
                [(on(LOST + 1),)],
            ),
            ("select player_sessions from leap_mart.player_stats_lifetime where player_id = 'gap-a'", [(1,)]),
            (
                LIFECYCLE.format(f"'{on(LOST)}', '{on(LOST + 1)}', '{on(LOST + 2)}'"),
                [
                    (on(LOST + 1), "dormant", None),
                    (on(LOST + 1), "new", 1),
                    (on(LOST + 1), "resurrected", None),
                    (on(LOST + 1), "returning", None),
                    (on(LOST + 2), "dormant", 1),
                ],
            ),
            (
                "select max(event_date), count(*) from leap_mart.kpi_daily",
                [(on(LAST), LAST)],
            ),
            (
                "select is_loaded from leap_dim.dim_dates where date = '2025-04-12'",
                [(False,)],
            ),
        ],
    ),
    Case(
        "a day is final when four more are loaded",
        "growth",
        DAYS,
        [],
        [
            (
                _kpis("is_final", 35, 36, 39, 41, LAST - 4, LAST - 3),
                [(True,), (False,), (False,), (True,), (True,), (False,)],
            ),
            (
                """select age, is_final from leap_mart.cohort_retention
                where cohort_date = '2025-03-03' and country = 'DE' and age in (35, 36, 40) order by age""",
                [(35, True), (36, False), (40, None)],
            ),
        ],
    ),
    Case(
        "a run of days is counted inside its month",
        "growth",
        DAYS,
        [*_plays("run-a", 26, 27, 28, 29, 30, 31, 33)],
        [
            (
                """select month_start, longest_run_days from leap_mart.player_consecutive_days_monthly
                where player_id = 'run-a' order by 1""",
                [(day("2025-03-01"), 3), (day("2025-04-01"), 3)],
            ),
        ],
    ),
    Case(
        "test accounts are in the facts and in no mart",
        "growth",
        DAYS,
        [line for player in INTERNAL for line in _plays(player, 70)]
        + [paid(f"int-{n}", player, f"{on(70)}T12:00:00Z", 5) for n, player in enumerate(INTERNAL)]
        + [
            event(f"int-{n}", player, "level_start", f"{on(70)}T12:00:00Z", level=77)
            for n, player in enumerate(INTERNAL)
        ],
        [
            (
                "select player_id from leap_dim.dim_players where is_internal order by 1",
                [(player,) for player in INTERNAL],
            ),
            (
                "select player_id from leap_seed.internal_accounts order by 1",
                [(player,) for player in INTERNAL],
            ),
            (f"select count(*) from leap_stage.fact_session where event_date = '{on(70)}'", [(4,)]),
            (_kpis("dau, player_sessions, purchase_amount, absent_payers", 70), [(0, 0, Decimal(0), 0)]),
            ("select count(*) from leap_mart.level_funnel_daily where level = 77", [(0,)]),
        ],
    ),
)
