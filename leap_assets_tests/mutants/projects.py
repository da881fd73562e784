"""The dbt project as plain SQL: models in their order, data tests and unit tests, as dbt compiled them.

Read from the files that dbt leaves in its target folder. How they are run is decided in `trials.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIXTURE = "__dbt__cte__"
# what dbt calls the made-up inputs of a unit test


@dataclass(frozen=True)
class Model:
    """A model: its table, its SQL, and the tables it reads."""

    name: str
    table: str
    sql: str
    parents: frozenset[str]
    is_incremental: bool
    has_contract: bool


@dataclass(frozen=True)
class DataTest:
    """A data test: a query that gives no rows when all is well, and the tables it reads."""

    name: str
    sql: str
    parents: frozenset[str]
    only_warns: bool


@dataclass(frozen=True)
class UnitTest:
    """A unit test: SQL with the model over made-up inputs in it, that gives actual and expected rows."""

    name: str
    model: str
    before: str
    model_sql: str
    after: str


@dataclass(frozen=True)
class Project:
    """What one call of `dbt compile` made of the project for one window."""

    models: Mapping[str, Model]
    data_tests: tuple[DataTest, ...]

    @classmethod
    def read(cls, target: Path) -> "Project":
        """Read a compiled project; models come in an order in which each stands behind its parents."""
        manifest = json.loads((target / "manifest.json").read_text())
        nodes: dict[str, Any] = manifest["nodes"] | manifest["sources"]
        tables = {
            key: f"{node['schema']}.{node.get('identifier') or node.get('alias') or node['name']}"
            for key, node in nodes.items()
            if node["resource_type"] in ("model", "seed", "source")
        }

        def parents(node: Mapping[str, Any]) -> frozenset[str]:
            return frozenset(tables[key] for key in node["depends_on"]["nodes"])

        unsorted = {
            node["name"]: Model(
                name=node["name"],
                table=tables[key],
                sql=node["compiled_code"],
                parents=parents(node),
                is_incremental=node["config"]["materialized"] == "incremental",
                has_contract=node["contract"]["enforced"],
            )
            for key, node in sorted(nodes.items())
            if node["resource_type"] == "model"
        }
        tests = tuple(
            DataTest(
                name=node["name"],
                sql=node["compiled_code"],
                parents=parents(node),
                only_warns=node["config"]["severity"].lower() == "warn",
            )
            for _, node in sorted(nodes.items())
            if node["resource_type"] == "test"
        )
        return cls(_in_order(unsorted), tests)


def _in_order(models: Mapping[str, Model]) -> dict[str, Model]:
    waiting = dict(models)
    ordered: dict[str, Model] = {}
    while waiting:
        tables = {model.table for model in waiting.values()}
        ready = [name for name, model in waiting.items() if not model.parents & tables]
        for name in ready:
            ordered[name] = waiting.pop(name)
    # staging first: the kernel runs between it and the rest
    return dict(sorted(ordered.items(), key=lambda item: not item[1].table.startswith("leap_stage.")))


def read_unit_tests(target: Path) -> tuple[UnitTest, ...]:
    """Unit tests as dbt ran them, from its target folder."""
    manifest = json.loads((target / "manifest.json").read_text())
    models = {test["name"]: test["model"] for test in manifest["unit_tests"].values()}
    found = []
    for path in sorted((target / "run").rglob("*.sql")):
        if path.stem not in models:
            continue
        sql = path.read_text()
        start = sql.index("from (") + len("from (")
        end = sql.index(") _dbt_internal_unit_test_actual")
        found.append(UnitTest(path.stem, models[path.stem], sql[:start], sql[start:end], sql[end:]))
    return tuple(found)
