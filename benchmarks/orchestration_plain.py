"""The work of a run without Dagster: the same functions in the same order, for the benchmark of the orchestration.

    LEAP_DATA_DIR=<folder> python -m benchmarks.orchestration_plain <first day> <last day>

Simulates the days, loads them, runs dbt before and behind the conflict kernel, proves the marts and publishes. No
history, no lock, no row counts for a UI.
"""

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from leap_assets.assets.dbt import AFTER_KERNEL, BEFORE_KERNEL, MANIFEST, dbt_arguments
from leap_assets.assets.proofs import given_by
from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.ingestion import load_deliveries
from leap_assets.landing.seeds import read_rates
from leap_assets.landing.thresholds import Thresholds, check_thresholds
from leap_assets.landing.writing import write_delivery
from leap_assets.partitions import Window, event_window
from leap_assets.proofs.truth import TABLES, write_truth
from leap_assets.resources import DBT_PROJECT_DIR, LeapDbt, rule_of
from leap_assets.settings import Settings, load_settings
from leap_assets.simulation import World
from leap_assets.warehouse.connections import data_folders, open_for_writing, rows_of
from leap_assets.warehouse.detection import replace_conflicts
from leap_assets.warehouse.proving import prove, write_outcomes
from leap_assets.warehouse.publication import publish


def dbt_environment(data_dir: Path) -> dict[str, str]:
    """Variables of dbt for a data folder."""
    return LeapDbt.from_settings(Settings(data_dir=data_dir)).environment


def dbt_options(events: Window, target: Path) -> list[str]:
    """Arguments of `dbt build` as a step gives them."""
    places = ["--project-dir", DBT_PROJECT_DIR, "--profiles-dir", DBT_PROJECT_DIR, "--target-path", target]
    return [*dbt_arguments(events), *map(str, places)]


def run_dbt(settings: Settings, events: Window, select: str) -> None:
    """One `dbt build` in a process of its own."""
    target = settings.data_dir / "tmp" / "plain"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(MANIFEST.with_name("partial_parse.msgpack"), target)
    program = Path(sys.executable).with_name("leap-dbt")
    variables = {**os.environ, **dbt_environment(settings.data_dir)}
    subprocess.run(
        [str(program), *dbt_options(events, target), "--select", select], env=variables, check=True
    )


def simulate(settings: Settings, days: Window) -> None:
    """Write the logs and the truth of some days."""
    world = World(settings.world)
    for day in days:
        for part in world.parts(day, logs=tuple(CONTRACTS), truth=True):
            write_delivery(settings.landing_dir, part, tuple(CONTRACTS))
            write_truth(settings.truth_dir, day, part.truth, tuple(TABLES))
            del part  # gone before the next one is made


def main(arguments: Sequence[str]) -> None:
    """Do the work of a run for some days."""
    settings = load_settings()
    days = Window(*map(dt.date.fromisoformat, arguments))
    events = event_window(days, settings.start_date, settings.session_max_hours)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    folders = data_folders(settings.data_dir)
    simulate(settings, days)
    with open_for_writing(settings.warehouse_path, folders, settings.memory_limit) as connection:
        load_deliveries(
            connection,
            settings.landing_dir,
            list(days),
            logs=settings.logs,
            start_date=settings.start_date,
            rates=read_rates(DBT_PROJECT_DIR / "seeds" / "exchange_rates.csv"),
            session_max_hours=settings.session_max_hours,
        )
        check_thresholds(rows_of(connection), list(days), settings.logs, Thresholds())
    run_dbt(settings, events, BEFORE_KERNEL)
    with open_for_writing(settings.warehouse_path, folders, settings.memory_limit) as connection:
        replace_conflicts(connection, events, rule_of(settings))
    run_dbt(settings, events, AFTER_KERNEL)
    with open_for_writing(settings.warehouse_path, folders, settings.memory_limit) as connection:
        outcomes = list(prove(connection, settings.truth_dir, given_by(settings, connection), events))
        write_outcomes(connection, outcomes, events)
        if differing := [outcome.mart for outcome in outcomes if not outcome.passed]:
            sys.exit(f"not proven: {', '.join(differing)}")
        publish(connection, settings.published_path, "plain", currency=settings.currency)


if __name__ == "__main__":
    main(sys.argv[1:])
