"""The graph as people see it: keys, groups, words, partitions, and what another source changes."""

import dataclasses

import dagster as dg
import pytest

from leap_assets.definitions import build_defs, defs
from leap_assets.settings import LANDING, PROJECT_DIR, list_sources, load_settings

RAW = {
    f"event_{log}"
    for log in ("player", "product", "signons", "session", "transaction", "heartbeat", "client")
}
MARTS = {
    "player_activity_daily",
    "player_stats_lifetime",
    "player_consecutive_days_monthly",
    "country_monthly_playtime",
    "country_weekly_revenue",
    "conflict_summary_daily",
    "session_close_conflicts_daily",
    "ingestion_daily",
    "rejections_daily",
    "event_counts_daily",
    "kpi_daily",
    "kpi_daily_by_segment",
    "lifecycle_daily",
    "cohort_retention",
    "retention_summary",
    "cohort_revenue",
    "level_funnel_daily",
    "conversion_funnel",
    "feature_adoption_daily",
    "ad_revenue_daily",
    "session_metrics_daily",
    "concurrency_hourly",
    "proof_daily",
}


@pytest.fixture(scope="module")
def graph():
    return defs.resolve_asset_graph()


def specs() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_definitions_load():
    dg.Definitions.validate_loadable(defs)


@pytest.mark.parametrize("source", [LANDING, *list_sources(PROJECT_DIR / "sources")])
def test_definitions_of_other_sources_load_as_the_ui_loads_them(source):
    settings = load_settings({"LEAP_SOURCE": source})
    repository = build_defs(settings).get_repository_def()
    repository.load_all_definitions()


def test_every_asset_of_the_design_is_there():
    keys = set(specs())
    generators = {"players", "products", "signons", "sessions", "transactions", "heartbeats", "client_events"}
    assert {f"landing/{name}" for name in generators} <= keys
    assert {f"leap_raw/{name}" for name in RAW | {"rejected_line"}} <= keys
    assert {f"leap_mart/{name}" for name in MARTS} <= keys
    assert {f"leap_stage/{name}" for name in ("stage_conflicts", "stage_contacts", "fact_player_day")} <= keys
    assert {f"leap_dim/dim_{name}" for name in ("players", "products", "countries", "dates")} <= keys
    assert "published/leap" in keys


def test_every_asset_is_daily_and_runs_a_range_in_one_run(graph):
    for key in graph.executable_asset_keys:
        node = graph.get(key)
        assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition), key
        assert node.backfill_policy == dg.BackfillPolicy.single_run(), key


def test_every_asset_says_its_grain_owner_kinds_group_and_columns():
    for key, spec in specs().items():
        assert spec.owners, key
        assert spec.kinds, key
        assert spec.group_name not in (None, "default"), key
        if not key.startswith("leap_seed/"):
            assert (spec.description or "").startswith("One "), (key, spec.description)
        if not key.startswith(("published/", "leap_seed/", "dashboard/", "notebook/")):
            schema = spec.metadata["dagster/column_schema"]
            assert all(column.description for column in schema.columns), key


def test_nothing_is_orphaned(graph):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.parent_keys or node.child_keys, key


def test_dbt_tests_are_asset_checks(graph):
    checks = graph.asset_check_keys
    assert len(checks) > 60
    blocking = [key for key in checks if graph.get(key).blocking]
    assert len(blocking) > 50


def test_with_files_of_somebody_else_the_generators_are_external():
    settings = dataclasses.replace(load_settings({}), source=LANDING)
    graph = build_defs(settings).resolve_asset_graph()
    landing = [key for key in graph.get_all_asset_keys() if key.path[0] == "landing"]
    assert len(landing) == 7
    assert not set(landing) & set(graph.executable_asset_keys)
