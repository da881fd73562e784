"""The promises of the day and history tables, on real dbt and DuckDB: order of days, failed writes, windows."""

import dataclasses
import datetime as dt
import random
import shutil
import sys
from typing import Any

import duckdb
import pytest
from dbt_common.exceptions import DbtRuntimeError

from .conftest import PROJECT, START_DATE
from .raw_warehouse import Delivery

pytestmark = pytest.mark.slow

WINDOW = {"DBT_LEAP_WINDOW_START": "2025-01-01", "DBT_LEAP_WINDOW_END": "2025-01-09"}


def test_a_run_of_all_days_passes_every_test(built):
    _, statuses = built
    assert set(statuses.values()) <= {"success", "pass", "warn"}
    assert {name for name, status in statuses.items() if status == "warn"} <= {
        "countries_are_iso_codes",
        "keys_stay_on_one_event_day",
    }


def test_unit_tests_pass(built):
    warehouse, _ = built
    statuses = warehouse.dbt("test", "--select", "test_type:unit")
    assert set(statuses.values()) == {"pass"}


def test_the_made_up_world_shows_what_the_promises_are_about(built):
    warehouse, _ = built
    with warehouse.connect() as connection:

        def count(sql: str) -> int:
            return connection.execute(f"select count(*) from {sql}").fetchall()[0][0]

        assert count("leap_raw.event_heartbeat where delivery_date > event_date") > 0
        assert count("leap_stage.match_days where line_date > event_date") > 0
        assert count("leap_stage.repeated_line where kind = 'duplicate'") > 0
        assert count("leap_stage.repeated_line where kind = 'conflicting_duplicate'") > 0
        assert count("leap_stage.stage_conflicts") > 0
        assert count("leap_dim.dim_players where is_inferred") > 0
        assert count("leap_dim.dim_products where valid_to is not null") > 0
        assert count("leap_stage.stage_matches where event_date = date '2025-01-02'") == 0
        assert count("leap_raw.event_client where delivery_date > event_date") > 0
        assert count("leap_stage.repeated_line where log = 'client'") > 0
        # Player-sessions that client events alone tell of, with and without an id, over midnight.
        for has_no_id in (True, False):
            sessions = (
                f"leap_stage.fact_session where is_from_events and contains(session_id, '@') = {has_no_id}"
            )
            assert count(sessions) > 0
            assert count(f"{sessions} and ended_at::date > event_date") > 0
            assert count(f"{sessions} and is_end_inferred") > 0
        assert count("leap_mart.conversion_funnel where step = 'purchase_after_level_5' and players > 0") > 0


def test_a_source_with_client_events_alone_gets_sessions_revenue_and_marts(make_warehouse, deliveries):
    alone = {
        day: Delivery(lines={log: delivery.lines[log] if log == "client" else [] for log in delivery.lines})
        for day, delivery in deliveries.items()
    }
    warehouse = make_warehouse()
    statuses = warehouse.deliver(alone, with_tests=True, environment={"DBT_LEAP_LOGS": "client"})
    assert set(statuses.values()) <= {"success", "pass"}
    with warehouse.connect() as connection:

        def one(sql: str) -> tuple[Any, ...]:
            return connection.execute(sql).fetchall()[0]

        purchases = one(
            "select count(*) from leap_stage.event_client where event_type = 'purchase' and price > 0"
        )
        assert purchases[0] > 0
        assert one("select count(*) from leap_stage.fact_transaction") == purchases
        # Every player was acquired on the day of the first event.
        assert one(
            "select count(*), count(*) filter (is_inferred and platform = 'unknown' and acquired_on = first_on)"
            " from leap_dim.dim_players full join (select player_id, min(event_date) as first_on"
            " from leap_stage.fact_player_day group by player_id) using (player_id)"
        ) == (one("select count(distinct player_id) from leap_stage.event_client") * 2)
        for mart in ("kpi_daily", "cohort_retention", "level_funnel_daily", "ad_revenue_daily"):
            assert one(f"select count(*) from leap_mart.{mart}")[0] > 0, mart
        assert one(
            "select min(dau), min(purchase_amount) > 0 or max(ad_amount) > 0 from leap_mart.kpi_daily"
        ) > (
            0,
            False,
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_days_in_any_order_give_the_same_warehouse(built, make_warehouse, deliveries, seed):
    warehouse = make_warehouse()
    order = list(deliveries)
    random.Random(seed).shuffle(order)
    # One day arrives twice, at first with the lines of another: a re-delivery replaces what it brought.
    warehouse.deliver({order[2]: deliveries[order[0]]})
    for day in order:
        warehouse.deliver({day: deliveries[day]})
    expected, _ = built
    assert warehouse.tables() == expected.tables()
    for table in expected.tables():
        assert warehouse.rows(table) == expected.rows(table), table


def test_a_window_in_pieces_gives_the_same_warehouse(built, make_warehouse, deliveries, monkeypatch):
    monkeypatch.setenv("DBT_LEAP_PIECE_LINES", "1")
    warehouse = make_warehouse()
    expected, _ = built
    # into tables that are not there yet, then into those
    for _ in range(2):
        warehouse.deliver(deliveries)
        for table in expected.tables():
            assert warehouse.rows(table) == expected.rows(table), table


def test_a_day_that_became_empty_is_cleared(built, make_warehouse, deliveries, tmp_path):
    day = START_DATE + dt.timedelta(days=2)
    emptied = built[0].copied_to(tmp_path)
    emptied.deliver({day: Delivery()})
    never_filled = make_warehouse()
    never_filled.deliver({**deliveries, day: Delivery()})
    for table in never_filled.tables():
        assert emptied.rows(table) == never_filled.rows(table), table


def test_a_write_that_fails_keeps_the_old_rows(built, tmp_path):
    warehouse, _ = built
    copy = warehouse.copied_to(tmp_path)
    with copy.connect() as connection:
        # The insert then fails on one row, after the delete went through.
        connection.execute("alter table leap_stage.fact_session alter column length_s set not null")
        connection.execute(
            "update leap_raw.event_session set event_length_seconds = null, kills = 77"
            " where (player_id, session_id) ="
            " (select min((player_id, session_id)) from leap_stage.fact_session where not is_from_events)"
        )
    before = copy.rows("leap_stage.fact_session")
    with pytest.raises(duckdb.Error, match="NOT NULL"), copy.connect() as connection:
        connection.execute("insert into leap_stage.fact_session (player_id) values ('x')")
    statuses = copy.dbt("run", "--select", "fact_session", *_window("2025-01-01", "2025-01-09"))
    assert statuses == {"fact_session": "error"}
    assert copy.rows("leap_stage.fact_session") == before


def test_a_full_refresh_loses_no_other_day(built, tmp_path):
    warehouse, _ = built
    copy = warehouse.copied_to(tmp_path)
    copy.dbt("run", "--full-refresh", "--select", "fact_session", *_window("2025-01-03", "2025-01-04"))
    assert copy.rows("leap_stage.fact_session") == warehouse.rows("leap_stage.fact_session")


def test_a_model_that_gives_days_outside_the_window_doubles_none(built, tmp_path, monkeypatch):
    warehouse, _ = built
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    model = project / "models" / "staging" / "stage_matches.sql"
    edge = "where {{ in_window('event_date') }}\n"
    assert model.read_text().count(edge) == 1
    model.write_text(model.read_text().replace(edge, ""))
    monkeypatch.setattr(sys.modules[type(warehouse).__module__], "PROJECT", project)
    copy = dataclasses.replace(warehouse.copied_to(tmp_path), target=tmp_path / "target")
    assert copy.dbt("run", "--select", "stage_matches", *_window("2025-01-03", "2025-01-04")) == {
        "stage_matches": "success"
    }
    assert copy.rows("leap_stage.stage_matches") == warehouse.rows("leap_stage.stage_matches")


def test_a_run_without_a_window_says_how_to_give_one(built):
    warehouse, _ = built
    with pytest.raises(DbtRuntimeError, match="No window: pass --event-time-start"):
        warehouse.compiled(["stage_matches"], {})
    reversed_window = {"DBT_LEAP_WINDOW_START": "2025-01-09", "DBT_LEAP_WINDOW_END": "2025-01-01"}
    with pytest.raises(DbtRuntimeError, match="Empty window: 2025-01-09 to 2025-01-01"):
        warehouse.compiled(["stage_matches"], reversed_window)


DAMAGES = {
    "accepted_lines_are_not_before_the_start_date": (
        "update leap_raw.event_signons set event_date = '2024-12-31' where line_number = 1"
    ),
    "conflicts_never_last_zero_seconds": "update leap_stage.stage_conflicts set conflict_end = conflict_start",
    "every_country_played_from_is_in_dim_countries": "delete from leap_dim.dim_countries where code = 'YY'",
    "playtime_is_never_negative": "update leap_mart.player_activity_daily set play_s = -1 where play_s > 0",
    "weekly_revenue_equals_transactions_to_the_cent": (
        "delete from leap_mart.country_weekly_revenue where purchase_amount ="
        " (select max(purchase_amount) from leap_mart.country_weekly_revenue)"
    ),
    "activity_has_heartbeats": "update leap_stage.fact_player_day set fixes = 0",
    "runs_stay_within_their_month": "update leap_mart.player_consecutive_days_monthly set longest_run_days = 32",
    "every_line_received_is_accepted_duplicate_or_rejected": (
        "update leap_mart.ingestion_daily set accepted = accepted - 1 where accepted > 0 and log = 'session'"
    ),
    "activity_totals_equal_fact_totals": "delete from leap_mart.player_activity_daily where is_converting",
    "keys_stay_on_one_event_day": (
        "insert into leap_stage.fact_transaction select * replace (event_date + 1 as event_date)"
        " from leap_stage.fact_transaction limit 1"
    ),
    "every_valid_line_is_staged_or_repeated": "delete from leap_stage.event_heartbeat where beat = 3",
    "every_line_of_a_match_has_a_match_day": "delete from leap_stage.match_days where line_date = '2025-01-04'",
    "player_days_add_up_to_their_facts": "delete from leap_stage.fact_player_day where player_sessions = 2",
    "every_match_is_in_session_close_conflicts_daily": (
        "delete from leap_mart.session_close_conflicts_daily where conflict_count = 0"
    ),
    "conflict_marts_agree_in_every_match": (
        "update leap_mart.session_close_conflicts_daily set conflict_count = conflict_count + 1"
    ),
    "monthly_playtime_equals_sessions": "delete from leap_mart.country_monthly_playtime where country = 'US'",
    "lifetime_stats_equal_daily_activity": "update leap_mart.player_stats_lifetime set kills = kills + 1",
    "rejection_reasons_add_up_to_rejected_lines": "delete from leap_mart.rejections_daily where log = 'session'",
    "dates_have_no_gap": "delete from leap_dim.dim_dates where date = '2025-01-03'",
    "players_cover_every_player_day": "delete from leap_dim.dim_players where is_inferred",
    "heartbeats_have_one_row_per_player_match_and_time": (
        "insert into leap_stage.event_heartbeat from leap_stage.event_heartbeat limit 1"
    ),
    "sessions_are_complete": "update leap_stage.fact_session set ended_at = null",
    "lifecycle_states_balance_the_active_players": (
        "update leap_mart.lifecycle_daily set players = players + 1 where state = 'dormant'"
    ),
    "new_and_existing_players_are_the_active_ones_of_a_day": "update leap_mart.kpi_daily set dau = dau + 1",
    "revenue_per_user_of_a_day_is_that_of_payers_plus_that_of_ads": (
        "update leap_mart.kpi_daily set arppu = arppu + 0.01"
    ),
    "retention_is_never_above_one_and_rolling_never_below_classic": (
        "update leap_mart.cohort_retention set rolling_players = active_players - 1 where active_players > 0"
    ),
    "a_wilson_interval_holds_its_share": "update leap_mart.retention_summary set retention_low = retention_high",
    "payer_conversion_never_falls_with_age": (
        "update leap_mart.cohort_revenue set payer_conversion = 1 where age = 0"
    ),
    "counted_events_are_the_accepted_ones": "update leap_mart.event_counts_daily set events = events + 1",
    "key_figures_have_the_revenue_of_the_other_marts": (
        "update leap_mart.ad_revenue_daily set ad_amount = ad_amount + 0.000001"
    ),
    "completers_are_starters_and_every_attempt_ends_in_one_way": (
        "update leap_mart.level_funnel_daily set fails = fails + 1"
    ),
    "the_mean_is_never_above_the_peak": "update leap_mart.concurrency_hourly set peak_players = 0",
    "client_events_are_complete_and_every_ad_has_an_amount": "update leap_stage.event_client set ad_amount = null",
    "no_day_is_final_before_its_last_delivery": (
        "update leap_mart.lifecycle_daily set is_final = true where event_date = '2025-01-03'"
    ),
    "marts_have_no_day_that_is_not_loaded": (
        "insert into leap_mart.event_counts_daily select * replace (event_date + 30 as event_date)"
        " from leap_mart.event_counts_daily limit 1"
    ),
    "a_player_converts_once": "update leap_mart.player_activity_daily set is_converting = true, is_paying = true",
}


def test_data_tests_notice_damage(built):
    warehouse, _ = built
    tests = warehouse.compiled(list(DAMAGES), WINDOW)
    assert set(tests) == set(DAMAGES)
    with warehouse.connect() as connection:
        for name, damage in DAMAGES.items():
            failures = f"select count(*) from ({tests[name]})"
            assert connection.execute(failures).fetchall() == [(0,)], name
            connection.execute("begin")
            connection.execute(damage)
            assert connection.execute(failures).fetchall() != [(0,)], name
            connection.execute("rollback")


def test_a_data_test_of_a_day_table_looks_at_the_window_only(built, tmp_path):
    warehouse, _ = built
    copy = warehouse.copied_to(tmp_path)
    with copy.connect() as connection:
        connection.execute("update leap_stage.fact_session set length_s = -1 where event_date = '2025-01-01'")
    name = "playtime_kills_and_deaths_of_a_session_are_never_negative"
    for first_day, expected in (("2025-01-01", "fail"), ("2025-01-02", "pass")):
        window = {"DBT_LEAP_WINDOW_START": first_day, "DBT_LEAP_WINDOW_END": "2025-01-09"}
        assert copy.dbt("test", "--select", name, environment=window) == {name: expected}


def test_internal_players_are_in_no_mart(built, tmp_path):
    warehouse, _ = built
    copy = warehouse.copied_to(tmp_path)
    with copy.connect() as connection:
        # Everybody of one match is of the house.
        connection.execute(
            "insert into leap_seed.internal_accounts select player_id from leap_stage.stage_match_players"
            " where session_id = 'match-02-1'"
        )
    marts = [*_window("2025-01-01", "2025-01-09"), "--select", "path:models/dimensions", "path:models/marts"]
    statuses = copy.dbt("build", *marts, "--exclude-resource-type", "unit_test")
    assert set(statuses.values()) <= {"success", "pass", "warn"}
    internal = "(select player_id from leap_seed.internal_accounts)"
    with copy.connect() as connection:
        for mart in ("player_activity_daily", "player_stats_lifetime", "player_consecutive_days_monthly"):
            found = connection.execute(f"select count(*) from leap_mart.{mart} where player_id in {internal}")
            assert found.fetchall() == [(0,)]
        for mart in ("conflict_summary_daily", "session_close_conflicts_daily"):
            found = connection.execute(
                f"select count(*) from leap_mart.{mart} where session_id = 'match-02-1'"
            )
            assert found.fetchall() == [(0,)]
        # Marts without a player count the others alone.
        for figure, expected in (
            ("sum(player_sessions) from leap_mart.kpi_daily", "count(*) from leap_stage.fact_session"),
            (
                "sum(player_sessions) from leap_mart.session_metrics_daily",
                "count(*) from leap_stage.fact_session",
            ),
            (
                "sum(cohort_size) from leap_mart.cohort_retention where age = 0",
                "count(*) from leap_dim.dim_players",
            ),
            (
                "sum(players) from leap_mart.conversion_funnel where step_number = 1",
                "count(*) from leap_dim.dim_players",
            ),
            (
                "sum(attempts) from leap_mart.level_funnel_daily",
                "count(*) filter (event_type = 'level_start') from leap_stage.event_client",
            ),
            ("sum(events) from leap_mart.event_counts_daily", "count(*) from leap_stage.event_client"),
            ("sum(ad_amount) from leap_mart.ad_revenue_daily", "sum(ad_amount) from leap_stage.event_client"),
        ):
            day = "acquired_on" if expected.endswith("dim_players") else "event_date"
            counted = (
                f"select {expected} where player_id not in {internal}"
                f" and {day} in (select delivery_date from leap_raw.delivery)"
            )
            found = connection.execute(f"select (select {figure}) = ({counted})")
            assert found.fetchall() == [(True,)], figure
    sessions = "leap_mart.session_close_conflicts_daily"
    assert 0 < len(copy.rows(sessions)) < len(warehouse.rows(sessions))


def _window(first_day: str, end_day: str) -> list[str]:
    return ["--event-time-start", first_day, "--event-time-end", end_day]
