"""The documentation site of dbt: one file that needs no warehouse, with the types that the models declare."""

import json

import pytest

from leap_assets import dbt_docs


def test_the_catalogue_is_what_the_models_declare():
    node = {
        "unique_id": "model.leap.kpi_daily",
        "schema": "leap_mart",
        "name": "kpi_daily",
        "alias": "kpi_daily",
        "database": "leap",
        "columns": {"event_date": {"data_type": "date"}, "dau": {"data_type": "bigint"}, "free": {}},
    }
    catalog = dbt_docs.declared_catalog(
        {"nodes": {node["unique_id"]: node, "test.leap.x": {"columns": {}}}, "sources": {}}
    )
    assert set(catalog["nodes"]) == {"model.leap.kpi_daily"}
    columns = catalog["nodes"]["model.leap.kpi_daily"]["columns"]
    assert [(name, column["type"]) for name, column in columns.items()] == [
        ("event_date", "date"),
        ("dau", "bigint"),
        ("free", ""),
    ]


@pytest.mark.slow
def test_the_site_is_one_file_with_types_and_an_overview_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LEAP_DATA_DIR", str(tmp_path))
    assert dbt_docs.main() == 0
    page = tmp_path / "docs" / "dbt.html"
    assert str(page) in capsys.readouterr().out
    assert [path.name for path in page.parent.iterdir()] == [page.name]
    text = page.read_text()
    assert "A warehouse of game telemetry" in text
    catalog, _ = json.JSONDecoder().raw_decode(text.partition("catalog:")[2])
    assert catalog["nodes"]["model.leap.kpi_daily"]["columns"]["dau"]["type"] == "bigint"
