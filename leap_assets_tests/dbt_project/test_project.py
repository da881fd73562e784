"""The dbt project as written: layers, descriptions, contracts, and in which of the two calls each test runs."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from .conftest import AFTER_KERNEL, BEFORE_KERNEL, PROJECT

LAYERS = {"staging": "leap_stage", "dimensions": "leap_dim", "marts": "leap_mart"}


@pytest.fixture(scope="module")
def manifest(make_warehouse) -> dict[str, Any]:
    warehouse = make_warehouse()
    warehouse.dbt("parse")
    return json.loads((warehouse.target / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_schemas_are_named_as_the_layers(manifest, models):
    assert {(model["fqn"][1], model["schema"]) for model in models} == set(LAYERS.items())
    seeds = [node for node in manifest["nodes"].values() if node["resource_type"] == "seed"]
    assert {seed["schema"] for seed in seeds} == {"leap_seed"}


def test_every_model_has_a_yml_of_its_name(models):
    for model in models:
        path = PROJECT / model["original_file_path"]
        assert path.with_suffix(".yml").exists()
        assert model["patch_path"].endswith(path.with_suffix(".yml").name)


def test_descriptions_open_with_the_grain_and_explain_every_column(manifest, models):
    for model in models:
        assert model["description"].startswith("One row per "), model["name"]
        assert model["columns"], model["name"]
    described = [*models, *manifest["sources"].values()]
    undescribed = [
        (node["name"], column["name"])
        for node in described
        for column in node["columns"].values()
        if not column["description"]
    ]
    assert undescribed == []


def test_dimensions_and_marts_have_contracts(models):
    for model in models:
        assert model["contract"]["enforced"] == (model["fqn"][1] != "staging"), model["name"]


def test_day_tables_replace_their_window_and_cannot_be_refreshed(models):
    for model in models:
        if model["fqn"][1] == "staging":
            assert model["config"]["materialized"] == "incremental", model["name"]
        if model["config"]["materialized"] == "incremental":
            assert model["config"]["incremental_strategy"] == "replace_window"
            assert model["config"]["full_refresh"] is False
        else:
            assert model["config"]["materialized"] == "table", model["name"]


def test_no_day_table_reads_a_history_table(manifest, models):
    kinds = {model["unique_id"]: model["config"]["materialized"] for model in models}
    for model in models:
        if kinds[model["unique_id"]] == "incremental":
            parents = model["depends_on"]["nodes"]
            assert "table" not in {kinds.get(parent) for parent in parents}, model["name"]


def test_layers_refer_one_way(models):
    order = list(LAYERS)
    folders = {model["unique_id"]: order.index(model["fqn"][1]) for model in models}
    for model in models:
        for parent in model["depends_on"]["nodes"]:
            assert folders.get(parent, 0) <= folders[model["unique_id"]], (model["name"], parent)


def test_no_model_reads_itself_or_a_clock(models):
    for model in models:
        code = model["raw_code"].lower()
        assert not re.search(r"{{\s*this\b|current_date|current_timestamp|now\(\)", code), model["name"]


def test_every_data_test_runs_in_exactly_one_call_and_has_an_asset(manifest, make_warehouse):
    tests = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    names = [node["name"] for node in tests.values()]
    assert len(names) == len(set(names)) > 0
    warehouse = make_warehouse()
    before, after = warehouse.list_tests(BEFORE_KERNEL), warehouse.list_tests(AFTER_KERNEL)
    assert before.isdisjoint(after)
    assert before | after == set(names)
    for node in tests.values():
        parents = node["depends_on"]["nodes"]
        # With several parents it takes the model that the test hangs on, or a word of the test itself.
        named = node["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
        assert len(parents) == 1 or node.get("attached_node") or named, node["name"]
        if named:
            assert any(parent.endswith(f".{named}") for parent in parents), node["name"]


@pytest.mark.slow
def test_the_sql_is_lint_clean():
    command = [sys.executable, "-m", "sqlfluff", "lint", "models", "tests"]
    outcome = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout
