"""Leap's asset graph, put together: a table of contents that implements nothing.

`build_defs` takes settings and overrides of resources, so that a test or another project can assemble the same
graph over other folders. `defs` is what `workspace.yaml` and `-m leap_assets.definitions` load.
"""

import warnings
from typing import Any

import dagster as dg

from leap_assets.assets.conflicts import build_conflicts
from leap_assets.assets.dbt import build_dbt, manifest_of
from leap_assets.assets.deliveries import build_take_in, build_take_in_job
from leap_assets.assets.exposures import exposure_specs
from leap_assets.assets.generators import build_generators, landing_specs
from leap_assets.assets.proofs import build_proofs
from leap_assets.assets.published import build_published
from leap_assets.assets.raw import build_raw
from leap_assets.assets.second_opinion import build_second_opinion, build_verify_job, proof_daily_spec
from leap_assets.jobs import DAILY_JOB, build_failure_hook, build_jobs
from leap_assets.partitions import daily_partitions, refuse_other_days
from leap_assets.resources import LandingZone, LeapDbt, Warehouse
from leap_assets.schedules import build_schedules
from leap_assets.sensors import build_sensors
from leap_assets.settings import SIMULATOR, SPARK, Settings, load_settings


def build_defs(
    settings: Settings | None = None, *, overrides: dict[str, Any] | None = None
) -> dg.Definitions:
    """Assemble the graph.

    Parameters
    ----------
    settings : Settings, optional
        Read from the environment when left out.
    overrides : dict, optional
        Resources by name that replace the own ones.
    """
    settings = settings or load_settings()
    partitions = daily_partitions(settings.start_date)
    resources = {
        "warehouse": _warehouse(settings),
        "dbt": LeapDbt.from_settings(settings),
        "landing": LandingZone(path=str(settings.landing_dir), source=settings.source),
        **(overrides or {}),
    }
    simulated = settings.source == SIMULATOR
    generators: list[Any] = landing_specs()
    if simulated:
        generators = [build_generators(partitions, settings)]
    elif settings.is_mapped:
        taken_in = build_take_in(partitions, settings)
        generators = [taken_in, *(spec for spec in generators if spec.key not in taken_in.keys)]
    models = build_dbt(partitions, settings, resources["dbt"])
    tables = [build_raw(partitions, settings), build_conflicts(partitions, settings), *models]
    if simulated and settings.proofs:
        tables.append(build_proofs(partitions, settings))
    specs = [spec for table in tables for spec in table.specs]
    checks, others = [], []
    if settings.engine != SPARK:
        checks = [build_second_opinion(settings)]
        if not (simulated and settings.proofs):
            others = [proof_daily_spec()]
    published = build_published(partitions, [*specs, *others], settings)
    exposures = exposure_specs(manifest_of(settings.engine))
    hook = build_failure_hook(settings.alert_webhook)
    jobs = build_jobs(hook, dg.AssetSelection.checks(*checks) if checks else None)
    if checks:
        jobs.append(build_verify_job({hook}))
    sensors = []
    if settings.is_mapped:
        jobs.append(build_take_in_job(settings))
        sensors = build_sensors(settings, {job.name: job for job in jobs}, DAILY_JOB)
    return dg.Definitions(
        assets=[*generators, *tables, *others, published, *exposures],
        asset_checks=checks,
        jobs=jobs,
        schedules=build_schedules(jobs[0], partitions, settings),
        sensors=sensors,
        resources=resources,
        executor=dg.in_process_executor,
    )


def _warehouse(settings: Settings) -> Warehouse:
    if settings.engine == SPARK:
        # nothing of Spark is needed without it
        from leap_assets.spark.warehouse import SparkWarehouse

        return SparkWarehouse.from_settings(settings)
    return Warehouse.from_settings(settings)


# when Dagster's command line loads this, its arguments are known
refuse_other_days(load_settings().start_date)
# single-run backfills are in beta since 2023: not worth a warning at every start
warnings.filterwarnings("ignore", category=dg.BetaWarning)
defs = build_defs()
