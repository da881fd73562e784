"""Attempts of levels, features, ads and events by cohort: what belongs to a start, and what a midnight does to it."""

from decimal import Decimal

from .writing import Case, Line, day, event, registered, session, span

DAYS = span("2025-03-01", "2025-03-06")
# All of ISO 3166-1, by hand once more.
COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW "
    "BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI "
    "FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN "
    "IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME "
    "MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF "
    "PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE "
    "YT ZA ZM ZW "
)


def _level(number: int, player: str, kind: str, at: str, level: int, match: str | None = "lev-s") -> Line:
    return event(f"lev-{number}", player, f"level_{kind}", at, match, level=level)


CASES = (
    Case(
        "the result of a level belongs to the start before it, also after midnight",
        "plain",
        DAYS,
        [
            _level(1, "lev-a", "start", "2025-03-02T23:59:00Z", 901),
            _level(2, "lev-a", "complete", "2025-03-03T00:01:00Z", 901),
            # Two days later is too late.
            _level(3, "lev-b", "start", "2025-03-02T23:59:00Z", 901),
            _level(4, "lev-b", "complete", "2025-03-04T00:01:00Z", 901),
            # Another session, another level, a result before its start: none of them is a result of it.
            _level(5, "lev-c", "start", "2025-03-02T12:00:00Z", 902),
            _level(6, "lev-c", "complete", "2025-03-02T12:01:00Z", 902, "lev-t"),
            _level(7, "lev-c", "fail", "2025-03-02T12:01:00Z", 903),
            _level(8, "lev-c", "fail", "2025-03-02T11:59:00Z", 902),
            # Tried again; at the instant of a result the result comes first.
            _level(9, "lev-d", "start", "2025-03-02T12:00:00Z", 902),
            _level(10, "lev-d", "fail", "2025-03-02T12:01:00Z", 902),
            _level(11, "lev-d", "start", "2025-03-02T12:01:00Z", 902),
            _level(12, "lev-d", "complete", "2025-03-02T12:02:00Z", 902),
            # Without a session id.
            _level(13, "lev-e", "start", "2025-03-02T12:00:00Z", 902, None),
            _level(14, "lev-e", "complete", "2025-03-02T12:02:00Z", 902, None),
        ],
        [
            (
                """select event_date, level, starters, attempts, completers, completes, fails, abandoned
                from leap_mart.level_funnel_daily where level in (901, 902, 903) order by all""",
                [
                    (day("2025-03-02"), 901, 2, 2, 1, 1, 0, 1),
                    (day("2025-03-02"), 902, 3, 4, 2, 2, 1, 1),
                ],
            ),
        ],
    ),
    Case(
        "a thousand impressions earn what they earn, in the reporting currency",
        "plain",
        DAYS,
        [
            event(
                "ad-1",
                "ad-a",
                "ad_watched",
                "2025-03-02T12:00:00Z",
                ad_type="kind",
                revenue=0.000001,
                currency="EUR",
            ),
            event("ad-2", "ad-a", "ad_watched", "2025-03-02T13:00:00Z", ad_type="kind", revenue=0.5),
            event("ad-3", "ad-b", "ad_watched", "2025-03-02T13:00:00Z", ad_type="kind"),
            event(
                "ad-4",
                "ad-b",
                "ad_watched",
                "2025-03-02T13:00:00Z",
                ad_type="other",
                revenue=1000,
                currency="USD",
            ),
        ],
        [
            (
                """select ad_type, impressions, viewers, ad_amount, round(ecpm::double, 6)
                from leap_mart.ad_revenue_daily
                where event_date = '2025-03-02' and ad_type in ('kind', 'other') order by 1""",
                [("kind", 3, 2, Decimal("0.500001"), 166.667), ("other", 1, 1, Decimal("1000"), 1_000_000.0)],
            ),
        ],
    ),
    Case(
        "a feature is adopted once",
        "plain",
        span("2025-04-13", "2025-04-16"),
        [
            registered("fea-a", "2025-04-13T08:00:00Z"),
            session("fea-a", "fea-1", "2025-04-13T12:00:00Z", 60),
            event("fea-1", "fea-a", "feature_used", "2025-04-13T11:59:30Z", "fea-1", feature="kite"),
            event("fea-2", "fea-a", "feature_used", "2025-04-13T11:59:31Z", "fea-1", feature="kite"),
            event("fea-3", "fea-a", "feature_used", "2025-04-15T12:00:00Z", feature="kite"),
            event("fea-4", "fea-b", "feature_used", "2025-04-15T12:00:00Z", feature="kite"),
        ],
        [
            (
                """select event_date, users, first_time_users, users_to_date, dau from leap_mart.feature_adoption_daily
                where feature = 'kite' and users > 0 order by 1""",
                [(day("2025-04-13"), 1, 1, 1, 1), (day("2025-04-15"), 2, 1, 2, 2)],
            ),
            (
                """select event_type, events, players from leap_mart.event_counts_daily
                where event_date = '2025-04-13' order by 1""",
                [("feature_used", 2, 1)],
            ),
        ],
    ),
    Case(
        "every ISO code is a country",
        "plain",
        span("2025-05-10", "2025-05-10"),
        [
            session("all-a", f"all-{code}", "2025-05-10T12:00:00Z", 60, country=code.lower())
            for code in COUNTRIES.split()
        ],
        [
            (
                "select distinct country from leap_stage.fact_session where player_id = 'all-a' order by 1",
                [(code,) for code in COUNTRIES.split()],
            ),
        ],
    ),
)
