"""The dbt models as assets: staging before the conflict kernel, dimensions and marts behind it.

Keys, groups, owners and descriptions are derived from the models; the window of a run goes to dbt as event-time
flags, which do not make it parse the project again. What the models compute lives in `dbt_project/`.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from leap_assets.assets.layers import OWNERS, relation_key
from leap_assets.partitions import Window, delivery_window, event_window
from leap_assets.resources import DBT_PROJECT_DIR, LeapDbt, Warehouse, temporary_dir
from leap_assets.settings import Settings

TARGETS = {"duckdb": "target", "spark": "target-spark"}
# dbt's folder in the project, by engine: one of its own keeps either from parsing anew after the other
MANIFEST = DBT_PROJECT_DIR / TARGETS["duckdb"] / "manifest.json"
STATE = "manifest.state"
PARTIAL = "partial_parse.msgpack"
PARSING = "parsing-"
LEFT_AFTER_S = 86_400
# no parse takes a day: what is younger may be that of another process
SOURCES = ("dbt_project.yml", "profiles.yml", "models", "macros", "tests", "seeds")
# the files that the manifest is parsed from
BEFORE_KERNEL = "resource_type:seed fqn:leap.staging.*"
AFTER_KERNEL = "fqn:leap.dimensions.* fqn:leap.marts.*"


class LeapTranslator(DagsterDbtTranslator):
    """Names of dbt's models in Dagster: the key is the relation, the group is the folder."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_source_tests_as_checks=True)
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Schema and table, as in the warehouse."""
        name = dbt_resource_props.get("alias") or dbt_resource_props["name"]
        return relation_key(dbt_resource_props["schema"], name)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder below models/, or the kind of node."""
        folders = dbt_resource_props["fqn"][1:-1]
        return folders[0] if folders else f"{dbt_resource_props['resource_type']}s"

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """One team owns the warehouse."""
        return OWNERS

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own words: the SQL is a click away in the code link."""
        return str(dbt_resource_props.get("description", ""))


def manifest_of(engine: str) -> Path:
    """Where the project as parsed for an engine is."""
    return DBT_PROJECT_DIR / TARGETS[engine] / MANIFEST.name


def prepare_manifest(dbt: LeapDbt) -> Path:
    """Path of an up-to-date manifest; parses the project when a file of it was added, changed or taken away.

    Parsed aside and put in place by rename, so that several processes may do it at once.
    """
    # taken before parsing: a file that changes meanwhile is seen the next time
    state = project_state(DBT_PROJECT_DIR)
    manifest = manifest_of(dbt.target)
    parsed_state = manifest.with_name(STATE)
    if manifest.exists() and parsed_state.exists() and parsed_state.read_text() == state:
        return manifest
    manifest.parent.mkdir(exist_ok=True)
    remove_leftovers(manifest.parent)
    with tempfile.TemporaryDirectory(dir=manifest.parent, prefix=PARSING) as aside:
        _copy_partial_parse(manifest, Path(aside))
        dbt.cli(["parse", "--quiet"], target_path=Path(aside)).wait()
        for name in (PARTIAL, manifest.name):
            Path(aside, name).replace(manifest.with_name(name))
        Path(aside, STATE).write_text(state)
        Path(aside, STATE).replace(parsed_state)
    return manifest


def _copy_partial_parse(manifest: Path, folder: Path) -> None:
    """Put what dbt has parsed where it looks for it, before dagster-dbt does so with that of the embedded engine."""
    if (partial := manifest.with_name(PARTIAL)).exists():
        shutil.copy(partial, folder)


def remove_leftovers(target: Path) -> None:
    """Remove what parses that were killed have left in dbt's target folder."""
    for folder in target.glob(f"{PARSING}*"):
        # another process may be done with its own meanwhile
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > LEFT_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)


def project_state(project: Path) -> str:
    """What tells one state of a dbt project from another: its files with their sizes and times of change."""
    files = [path for name in SOURCES for path in _files(project / name)]
    stats = [(path, path.stat()) for path in sorted(files)]
    return "\n".join(f"{path.relative_to(project)} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stats)


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]


def dbt_arguments(window: Window) -> list[str]:
    """Arguments of `dbt build` that rewrite the event days of a window.

    Unit tests belong to the test suite: they need no data and give no asset check. Nobody reads dbt's files about
    the run (its manifest twice, its results): Dagster is told by events.
    """
    return [
        "build",
        "--no-write-json",
        "--event-time-start",
        window.first.isoformat(),
        "--event-time-end",
        window.end.isoformat(),
        "--exclude-resource-type",
        "unit_test",
    ]


def build_dbt(
    partitions: dg.PartitionsDefinition, settings: Settings, dbt: LeapDbt
) -> list[dg.AssetsDefinition]:
    """The models, in the two steps that the kernel between them needs."""
    manifest = prepare_manifest(dbt)
    options: dict[str, Any] = {
        "manifest": manifest,
        "dagster_dbt_translator": LeapTranslator(),
        "partitions_def": partitions,
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }

    @dbt_assets(name="stage", select=BEFORE_KERNEL, **options)
    def stage(context: dg.AssetExecutionContext, dbt: LeapDbt, warehouse: Warehouse) -> Iterator[Any]:
        yield from _build(context, dbt, warehouse, settings)

    @dbt_assets(name="model", select=AFTER_KERNEL, **options)
    def model(context: dg.AssetExecutionContext, dbt: LeapDbt, warehouse: Warehouse) -> Iterator[Any]:
        yield from _build(context, dbt, warehouse, settings)

    return [stage, model]


def _build(
    context: dg.AssetExecutionContext, dbt: LeapDbt, warehouse: Warehouse, settings: Settings
) -> Iterator[Any]:
    """Run dbt for the window of a run; row counts are taken for all its models at once when it has ended."""
    delivered = delivery_window(context)
    target = (
        temporary_dir(Path(warehouse.data_dir))
        / f"dbt-{context.run.run_id}-{context.op_execution_context.op.name}"
    )
    arguments = dbt_arguments(event_window(delivered, settings.start_date, settings.session_max_hours))
    with warehouse.errors_explained():
        target.mkdir(parents=True, exist_ok=True)
        _copy_partial_parse(manifest_of(dbt.target), target)
        # held back until the counts are known: metadata must be there when an event is emitted
        events = list(dbt.cli(arguments, context=context, target_path=target).stream())
    keys = {(key.path[0], key.path[1]): key for key in context.selected_asset_keys}
    for table, counts in warehouse.count_rows(list(keys), delivered).items():
        for day, metadata in counts.items():
            context.add_asset_metadata(metadata, keys[table], day)
    yield from events
    shutil.rmtree(target, ignore_errors=True)
