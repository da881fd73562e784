"""Proofs on the real graph: they pass on a dirty world in any order, and each one sees a wrong row of its own mart."""

import dataclasses

import dagster as dg
import duckdb
import pytest

from leap_assets.assets.proofs import CHECK, KEYS, NOTHING_DIFFERS, given_by
from leap_assets.definitions import build_defs
from leap_assets.partitions import Window, event_window
from leap_assets.proofs.known import Known, day_number
from leap_assets.proofs.registry import DETAILS, PROOFS
from leap_assets.settings import LANDING, PROJECT_DIR, Settings, load_settings
from leap_assets.warehouse.proving import Outcome, prove
from leap_assets_tests.conftest import DAYS, FIRST_DAY, Leap, as_day, differing_tables

WITHOUT_PROOF: set[str] = set()
# marts that nobody proves, each to be named here with the reason


@pytest.fixture(scope="module")
def proven(make_leap) -> Leap:
    leap = make_leap(proofs=True)
    result = leap.run(1, DAYS)
    assert evaluations(result) == dict.fromkeys(KEYS, True)
    return leap


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        found.asset_key.path[-1]: found.passed
        for found in result.get_asset_check_evaluations()
        if found.check_name == CHECK
    }


WINDOW = event_window(Window(as_day(1), as_day(DAYS)), FIRST_DAY, 24.0)


def outcomes_of(leap: Leap, connection: duckdb.DuckDBPyConnection, marts=tuple(PROOFS)) -> dict[str, Outcome]:
    given = given_by(leap.settings, connection)
    proven = prove(connection, leap.settings.truth_dir, given, WINDOW, marts)
    return {outcome.mart: outcome for outcome in proven}


def test_every_mart_has_a_proof_but_those_named():
    marts = {path.stem for path in (PROJECT_DIR / "dbt_project/models/marts").glob("*.sql")}
    assert marts - set(PROOFS) == WITHOUT_PROOF


@pytest.mark.slow
@pytest.mark.smoke
def test_every_mart_of_a_dirty_world_equals_the_truth(proven):
    with duckdb.connect(str(proven.settings.warehouse_path), read_only=True) as connection:
        outcomes = outcomes_of(proven, connection)
    for outcome in outcomes.values():
        assert outcome.passed, outcome.said
        assert outcome.comparison.rows_compared > 0
        assert outcome.comparison.matched == outcome.comparison.expected == outcome.comparison.actual
    rows = proven.query(
        "select mart, sum(rows_compared), sum(rows_differing) from leap_mart.proof_daily group by 1"
    )
    assert {mart: compared for mart, compared, _ in rows} == {
        mart: outcome.comparison.rows_compared for mart, outcome in outcomes.items()
    }
    assert {differing for _, _, differing in rows} == {0}


@pytest.mark.slow
@pytest.mark.parametrize(
    "order",
    [[(3, 3), (1, 1), (5, 5), (2, 2), (4, 4)], [(4, 5), (2, 2), (1, 3)]],
    ids=["day by day", "ranges, twice"],
)
def test_proofs_pass_in_any_order_also_while_days_are_missing(proven, make_leap, order):
    leap = make_leap(proofs=True)
    for first, last in order:
        result = leap.run(first, last)
        assert evaluations(result) == dict.fromkeys(KEYS, True), (first, last)
    assert differing_tables(proven, leap) == {}


CORRUPTIONS = {
    mart: f"update {proof.schema}.{mart} set {column} = {value}"
    for mart, proof in PROOFS.items()
    for column, value in [
        {
            "player_activity_daily": ("kills", "kills + 1"),
            "player_stats_lifetime": ("purchase_amount", "purchase_amount + 0.01"),
            "player_consecutive_days_monthly": ("longest_run_days", "longest_run_days + 1"),
            "country_monthly_playtime": ("play_s", "play_s - 1"),
            "session_metrics_daily": ("median_session_length_s", "median_session_length_s + 0.5"),
            "concurrency_hourly": ("peak_players", "peak_players + 1"),
            "country_weekly_revenue": ("purchase_amount", "purchase_amount - 0.01"),
            "ad_revenue_daily": ("ecpm", "ecpm + 0.000001"),
            "event_counts_daily": ("is_final", "not is_final"),
            "level_funnel_daily": ("abandoned", "abandoned + 1"),
            "feature_adoption_daily": ("first_time_users", "first_time_users + 1"),
            "conversion_funnel": ("is_complete", "not is_complete"),
            "kpi_daily": ("wau", "wau + 1"),
            "kpi_daily_by_segment": ("arpdau", "coalesce(arpdau, 0) + 0.000001"),
            "lifecycle_daily": ("players", "coalesce(players, 0) + 1"),
            "cohort_retention": ("rolling_players", "coalesce(rolling_players, 0) + 1"),
            "retention_summary": ("rolling_cohort_size", "coalesce(rolling_cohort_size, 0) + 1"),
            "cohort_revenue": ("ltv", "coalesce(ltv, 0) + 0.000001"),
            "conflict_summary_daily": ("total_conflict_seconds", "total_conflict_seconds + 30"),
            "session_close_conflicts_daily": ("conflict_count", "conflict_count + 1"),
            "ingestion_daily": ("accepted", "accepted + 1"),
            "rejections_daily": ("lines", "lines + 1"),
            "stage_conflicts": ("conflict_end", "conflict_end + interval 1 second"),
            "stage_contacts": ("close_beats", "close_beats + 1"),
        }[mart]
    ]
}


@pytest.mark.slow
def test_a_wrong_value_a_missing_and_a_doubled_row_turn_exactly_their_proof_red(proven, monkeypatch):
    with duckdb.connect(str(proven.settings.warehouse_path)) as connection:
        # the truth stays the same: it is read once
        days = range(day_number(WINDOW.first), day_number(WINDOW.last) + 1)
        known = Known.read(proven.settings.truth_dir, given_by(proven.settings, connection), days, DETAILS)
        monkeypatch.setattr(Known, "read", lambda *_: known)
        for mart, update in CORRUPTIONS.items():
            table = f"{PROOFS[mart].schema}.{mart}"
            last = f"where rowid = (select max(rowid) from {table})"
            for statement, looked_at in (
                (f"{update} {last}", tuple(PROOFS)),
                (f"delete from {table} {last}", (mart,)),
                (f"insert into {table} select * from {table} {last}", (mart,)),
            ):
                connection.begin()
                connection.execute(statement)
                outcomes = outcomes_of(proven, connection, looked_at)
                connection.rollback()
                red = {name: outcome for name, outcome in outcomes.items() if not outcome.passed}
                assert set(red) == {mart}, statement
                assert red[mart].comparison.rows_differing in (1, 2), statement
                (example,) = red[mart].comparison.examples
                if "event_date" in PROOFS[mart].key:
                    assert f"event_date {FIRST_DAY:%Y-}" in example


@pytest.mark.slow
def test_nothing_is_published_when_a_proof_fails(make_leap):
    leap = make_leap(proofs=True)
    leap.run(1, 2)
    path = leap.settings.published_path
    before = path.stat().st_mtime_ns
    lines = leap.settings.landing_dir / "session" / as_day(1).isoformat() / "simulated.ndjson"
    lines.write_bytes(b"".join(lines.read_bytes().splitlines(keepends=True)[1:]))
    behind_landing = "not (group:generators or group:truth)"
    result = leap.run(1, select=behind_landing, raise_on_error=False)
    assert not result.success
    red = {mart for mart, passed in evaluations(result).items() if not passed}
    # what events tell of the player-session is still there: its country is not
    assert red == {"ingestion_daily", "country_monthly_playtime"}
    assert path.stat().st_mtime_ns == before
    assert leap.query("select count(*) from leap_mart.proof_daily where rows_differing > 0")[0][0] > 0
    leap.run(1)
    assert path.stat().st_mtime_ns != before


@pytest.mark.slow
def test_truth_that_is_not_there_is_a_warning_and_can_be_made_at_any_time(make_leap):
    leap = make_leap()
    leap.run(1)
    proving = dataclasses.replace(leap, settings=dataclasses.replace(leap.settings, proofs=True))
    result = proving.run(1, select="not (group:generators or group:truth)")
    assert evaluations(result) == dict.fromkeys(KEYS, False)
    said = {e.description for e in result.get_asset_check_evaluations() if e.check_name == CHECK}
    assert all("materialise the group truth" in text for text in said)
    assert {e.severity for e in result.get_asset_check_evaluations() if e.check_name == CHECK} == {
        dg.AssetCheckSeverity.WARN
    }
    before = {path: path.stat().st_mtime_ns for path in leap.settings.landing_dir.rglob("*.*")}
    result = proving.run(1, select='group:truth or key:"leap_mart/proof_daily"')
    assert result.success
    assert {path: path.stat().st_mtime_ns for path in leap.settings.landing_dir.rglob("*.*")} == before
    assert leap.query("select sum(rows_differing) from leap_mart.proof_daily") == [(0,)]


@pytest.mark.slow
def test_one_mart_can_be_selected_alone_and_is_proven(proven):
    result = proven.run(3, select='key:"leap_mart/lifecycle_daily"')
    assert result.success
    assert evaluations(result) == {"lifecycle_daily": True}


def test_other_sources_and_a_switch_have_neither_truth_nor_proofs():
    for changes in ({"source": LANDING}, {"proofs": False}):
        settings: Settings = dataclasses.replace(load_settings({}), **changes)
        graph = build_defs(settings).resolve_asset_graph()
        keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
        assert not {key for key in keys if key.startswith("truth/")}
        assert "prove" not in {
            node.name for node in build_defs(settings).resolve_implicit_global_asset_job_def().nodes
        }
        assert not {key.name for key in graph.asset_check_keys} & {CHECK, NOTHING_DIFFERS}


def test_proofs_are_on_unless_told_otherwise():
    assert load_settings({}).proofs
    assert not load_settings({"LEAP_PROOFS": "0"}).proofs
    graph = build_defs(load_settings({})).resolve_asset_graph()
    assert sum(key.name == CHECK for key in graph.asset_check_keys) == len(PROOFS)
