"""Client events through the whole graph: the books line by line, the metrics in another tool, sources of their own.

The metrics are recomputed with pandas and plain Python from leap_raw, not with the models' SQL.
"""

import collections
import dataclasses
import datetime as dt
import json
from decimal import Decimal

import pandas as pd
import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.writing import EXPECTED_REASON
from leap_assets.settings import LANDING
from leap_assets.simulation import World
from leap_assets_tests.conftest import DAYS, Leap, as_day

pytestmark = [pytest.mark.slow, pytest.mark.smoke]


def frame(leap: Leap, sql: str, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(leap.query(sql), columns=columns)


@pytest.fixture(scope="module")
def events(clean) -> pd.DataFrame:
    """First valid line of each client event and day."""
    names = ["player", "session", "type", "at", "day", "level", "revenue", "ad_type", "feature", "id"]
    lines = frame(
        clean,
        """select player_id, session_id, event_type, timestamp, event_date, level, revenue, ad_type, feature, event_id
        from leap_raw.event_client order by delivery_date, source_file, line_number""",
        names,
    )
    return lines.drop_duplicates(["id", "day"])


@pytest.fixture(scope="module")
def sessions(clean) -> pd.DataFrame:
    names = ["player", "session", "day", "length_s"]
    return frame(
        clean, "select player_id, session_id, event_date, length_s from leap_stage.fact_session", names
    )


@pytest.fixture(scope="module")
def registered(clean) -> dict[str, dt.date]:
    return dict(clean.query("select player_id, acquired_on from leap_dim.dim_players"))


def test_the_books_are_those_of_the_injected_list_line_by_line(clean):
    world = World(clean.settings.world)
    injected = {}
    for number in range(1, DAYS + 1):
        day = as_day(number)
        for log, rows in world.day(day, truth=False).logs.items():
            first_line = 2 if CONTRACTS[log].simulator_writes == "csv" else 1
            injected |= {
                (log, day, line): EXPECTED_REASON[str(kind)]
                for line, kind in enumerate(rows.defects, first_line)
                if kind
            }
    found = {
        (log, day, line): reason
        for log, day, line, reason in clean.query(
            """select log, delivery_date, line_number, reason from leap_raw.rejected_line
            union all select log, delivery_date, line_number, kind from leap_stage.repeated_line"""
        )
    }
    assert found == injected
    by_log = collections.Counter(log for log, _, _ in injected)
    assert by_log["client"] > 100


def test_daily_actives_and_sessions_are_those_of_pandas(clean, sessions):
    by_day = sessions.groupby("day")
    expected = [
        (day, group.player.nunique(), len(group), int(group.length_s.sum()), group.length_s.median())
        for day, group in by_day
    ]
    found = clean.query(
        """select event_date, dau, player_sessions, play_s, median_session_length_s from leap_mart.kpi_daily
        where dau > 0 order by 1"""
    )
    assert found == expected


def test_rolling_actives_are_those_of_plain_sets(clean, sessions):
    players = {day: set(group.player) for day, group in sessions.groupby("day")}
    for day, wau, days in clean.query(
        "select event_date, wau, wau_days_in_window from leap_mart.kpi_daily where is_loaded"
    ):
        window = [day - dt.timedelta(days=n) for n in range(7)]
        loaded = [d for d in window if as_day(1) <= d <= as_day(DAYS)]
        assert wau == len(set().union(*(players.get(d, set()) for d in loaded)))
        assert days == len(loaded)


def test_retention_is_that_of_plain_sets(clean, sessions, registered):
    played = {(row.player, row.day) for row in sessions.itertuples()}
    for cohort, age, size, active in clean.query(
        """select cohort_date, age, sum(cohort_size), sum(active_players) from leap_mart.cohort_retention
        group by all having count(active_players) > 0"""
    ):
        members = [player for player, day in registered.items() if day == cohort]
        assert size == len(members)
        assert active == sum((player, cohort + dt.timedelta(days=age)) in played for player in members)


def test_money_is_that_of_plain_sums(clean, events, sessions):
    amounts = collections.defaultdict(Decimal)
    payers = collections.defaultdict(set)
    for player, day, amount in clean.query(
        "select player_id, event_date, amount from leap_stage.fact_transaction"
    ):
        amounts[day] += amount
        if amount > 0:
            payers[day].add(player)
    ads = events[events.type == "ad_watched"].groupby("day").revenue.sum()
    for day, dau, purchase, ad, arpdau, found_payers in clean.query(
        """select event_date, dau, purchase_amount, ad_amount, arpdau, payers from leap_mart.kpi_daily
        where dau > 0"""
    ):
        assert purchase == amounts[day]
        assert ad == ads.get(day, Decimal(0))
        assert found_payers == len(payers[day])
        assert float(arpdau) == pytest.approx(float(purchase + ad) / dau, abs=1e-6)


def test_levels_are_those_of_a_walk_through_each_session(clean, events):
    starts: dict[tuple, list] = collections.defaultdict(list)
    running: dict[tuple, dt.date] = {}
    completed = set()
    ordered = events[events.type.isin(["level_start", "level_complete", "level_fail"])]
    for row in ordered.sort_values(["at", "type"], ascending=[True, False]).itertuples():
        key = (row.session, row.player, row.level)
        if row.type == "level_start":
            starts[key].append(row.day)
            running[key] = row.day
        elif (day := running.pop(key, None)) and row.type == "level_complete":
            completed.add((day, row.level, row.player))
    attempts = collections.Counter((day, key[2]) for key, days in starts.items() for day in days)
    starters = {(day, key[2], key[1]) for key, days in starts.items() for day in days}
    for day, level, found_starters, found_attempts, completers in clean.query(
        "select event_date, level, starters, attempts, completers from leap_mart.level_funnel_daily"
    ):
        assert found_attempts == attempts.pop((day, level))
        assert found_starters == sum(s[:2] == (day, level) for s in starters)
        assert completers == sum(c[:2] == (day, level) for c in completed)
    assert not attempts


def test_ads_features_and_counts_are_those_of_pandas(clean, events):
    ads = events[events.type == "ad_watched"].groupby(["day", "ad_type"])
    assert clean.query(
        "select event_date, ad_type, impressions, viewers, ad_amount from leap_mart.ad_revenue_daily order by 1, 2"
    ) == [(*key, len(group), group.player.nunique(), group.revenue.sum()) for key, group in ads]
    used = events[events.type == "feature_used"].groupby(["feature", "day"]).player.nunique()
    assert clean.query(
        "select feature, event_date, users from leap_mart.feature_adoption_daily where users > 0 order by 1, 2"
    ) == [(*key, users) for key, users in used.items()]
    counts = events.groupby(["day", "type"]).size()
    assert clean.query(
        """select event_date, event_type, cast(sum(events) as bigint) from leap_mart.event_counts_daily
        group by 1, 2 order by 1, 2"""
    ) == [(*key, count) for key, count in counts.items()]


def test_concurrency_is_that_of_a_sweep_over_starts_and_ends(clean):
    moves: dict[str, list] = collections.defaultdict(list)
    for player, start, end in clean.query(
        "select player_id, started_at, ended_at from leap_stage.fact_session where ended_at > started_at"
    ):
        moves[player].append((start, end))
    hour = dt.timedelta(hours=1)
    for start, seconds in clean.query(
        "select hour_start, player_seconds from leap_mart.concurrency_hourly where player_seconds > 0"
    ):
        present = 0.0
        for spans in moves.values():
            covered: list[tuple] = []
            for a, b in sorted(spans):
                a, b = max(a, start), min(b, start + hour)
                if covered and a < covered[-1][1]:
                    a = covered[-1][1]
                if a < b:
                    covered.append((a, b))
            present += sum((b - a).total_seconds() for a, b in covered)
        assert float(seconds) == pytest.approx(present, abs=1e-6)


def event(n: int, player: str, at: str, event_type: str, **properties: object) -> str:
    return json.dumps(
        {
            "event_id": f"e{n}",
            "player_id": player,
            "event_type": event_type,
            "timestamp": at,
            "properties": properties,
        }
    )


@pytest.fixture(scope="module")
def client_only(make_leap) -> Leap:
    """A source that has client events alone, without session ids: two days known by heart."""
    leap = make_leap(source=LANDING, logs=("client",), simulation={})
    one, two = as_day(1), as_day(2)
    lines = {
        one: [
            event(1, "ann", f"{one}T10:00:00Z", "session_start"),
            event(2, "ann", f"{one}T10:05:00Z", "purchase", product="hat", price=4.99, currency="USD"),
            event(3, "ann", f"{one}T10:20:00Z", "session_end", session_length=1200),
            event(4, "ann", f"{one}T12:00:00Z", "level_start", level=1),
            event(5, "ann", f"{one}T12:04:00Z", "level_complete", level=1),
            event(6, "bob", f"{one}T23:50:00Z", "session_start"),
            event(7, "bob", f"{two}T00:10:00Z", "ad_watched", ad_type="banner", revenue=0.0025),
        ],
        two: [
            event(8, "ann", f"{two}T09:00:00Z", "session_start"),
            event(9, "ann", f"{two}T09:30:01Z", "feature_used", feature="clan"),
        ],
    }
    for day, texts in lines.items():
        leap.landed("client", day, "events.ndjson").write_text("\n".join(texts))
    leap.run(1, 2)
    return leap


def test_a_source_with_client_events_only_gets_sessions_revenue_and_acquisition(client_only):
    one, two = as_day(1), as_day(2)
    spans = client_only.query(
        """select player_id, event_date, length_s, is_end_inferred from leap_stage.fact_session
        order by player_id, started_at"""
    )
    assert spans == [
        ("ann", one, 1200, False),
        ("ann", one, 240, True),
        ("ann", two, 0, True),
        ("ann", two, 0, True),
        ("bob", one, 1200, True),
    ]
    kpis = client_only.query(
        """select event_date, dau, new_players, player_sessions, payers, purchase_amount, ad_amount
        from leap_mart.kpi_daily where is_loaded order by 1"""
    )
    assert kpis == [
        (one, 2, 2, 3, 1, Decimal("4.99"), Decimal(0)),
        (two, 1, 0, 2, 0, Decimal(0), Decimal("0.0025")),
    ]
    assert client_only.query("select count(*), bool_and(is_inferred) from leap_dim.dim_players") == [
        (2, True)
    ]
    retained = client_only.query(
        """select age, sum(cohort_size), sum(active_players) from leap_mart.cohort_retention
        where active_players is not null group by 1 order by 1"""
    )
    assert retained == [(0, 2, 2), (1, 2, 1)]


def test_a_missed_threshold_warns_and_in_strict_mode_stops_the_run(client_only):
    day = as_day(3)
    path = client_only.landed("client", day, "events.ndjson")
    path.write_text("\n".join([event(20, "ann", f"{day}T10:00:00Z", "session_start"), "broken"]))
    published = client_only.settings.published_path
    strict = Leap(dataclasses.replace(client_only.settings, strict=True))
    before = published.stat().st_ino
    result = strict.run(3, raise_on_error=False)
    assert not result.success
    assert published.stat().st_ino == before
    lenient = client_only.run(3)
    assert lenient.success
    assert published.stat().st_ino != before
    missed = {check.check_name: check for check in lenient.get_asset_check_evaluations() if not check.passed}
    assert set(missed) == {
        "few_lines_are_rejected",
        "every_required_event_type_arrived",
        "few_optional_values_are_missing",
    }
    assert missed["few_lines_are_rejected"].metadata["figure"].value == 0.5
    path.unlink()
