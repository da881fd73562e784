"""Benchmark: what Dagster's history costs for each materialised partition, in stock storage and in Leap's.

    python -m benchmarks.bookkeeping --shapes 10x100 35x365 --runs 3

A run of some assets over some days that computes nothing, each in a process of its own, in turn. Timed is what the
storage takes to store the events of the run: planned and materialised ones, and the log around them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
STORAGES = {
    "stock": ("dagster._core.storage.event_log", "SqliteEventLogStorage"),
    "Leap": ("leap_assets.event_log", "BatchedSqliteEventLogStorage"),
}
STOCK_PARTITIONS = 2000
# the most that stock storage is given: it costs the same for each, and minutes for a year
CHECKS = 4
# an asset
CONFIG = """
telemetry: {{enabled: false}}
event_log_storage:
  module: {0}
  class: {1}
  config: {{base_dir: {2}/history/runs}}
"""


def run_once(storage: str, n_assets: int, n_days: int, home: Path) -> dict[str, float]:
    """One run of assets that compute nothing; seconds in the storage, and of the run."""
    import dagster as dg

    (home / "dagster.yaml").write_text(CONFIG.format(*STORAGES[storage], home))
    if storage == "stock":
        os.environ["DAGSTER_EVENT_BATCH_SIZE"] = "0"
    partitions = dg.DailyPartitionsDefinition("2024-01-01", end_date="2026-01-01")
    keys = partitions.get_partition_keys()[:n_days]
    names = [f"asset_{n}" for n in range(n_assets)]

    @dg.multi_asset(
        specs=[dg.AssetSpec(name) for name in names],
        check_specs=[dg.AssetCheckSpec(f"check_{n}", asset=name) for name in names for n in range(CHECKS)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def step():  # type: ignore[no-untyped-def]
        for name in names:
            yield dg.MaterializeResult(name)
        for name in names:
            for n in range(CHECKS):
                yield dg.AssetCheckResult(check_name=f"check_{n}", asset_key=name, passed=True)

    with dg.DagsterInstance.from_config(str(home)) as instance:
        spent = {"wall_s": 0.0, "cpu_s": 0.0}
        for method in ("store_event", "store_event_batch"):
            _watch(instance.event_log_storage, method, spent)
        started = time.perf_counter()
        ended = dg.materialize(
            [step],
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": keys[0],
                "dagster/asset_partition_range_end": keys[-1],
            },
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )
        spent["run_s"] = time.perf_counter() - started
        if not ended.success or len(instance.get_materialized_partitions(dg.AssetKey(names[-1]))) != n_days:
            sys.exit("the run did not materialise what it should")
    return spent


def _watch(storage: object, method: str, spent: dict[str, float]) -> None:
    """Add up what the outermost calls of a method take."""
    store = getattr(storage, method)

    def timed(events: object) -> None:
        if spent.get("inside"):
            store(events)
            return
        spent["inside"] = 1.0
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            store(events)
        finally:
            spent["wall_s"] += time.perf_counter() - wall
            spent["cpu_s"] += time.process_time() - cpu
            spent["inside"] = 0.0

    setattr(storage, method, timed)


def measure(storage: str, n_assets: int, n_days: int) -> dict[str, float]:
    """`run_once` in a process of its own, in a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="leap-bookkeeping-") as folder:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bookkeeping"]
        command += ["--step", storage, str(n_assets), str(n_days), folder]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if ended.returncode:
            raise RuntimeError(ended.stdout + ended.stderr)
        if "Exception while storing event batch" in ended.stderr:
            raise RuntimeError(
                "Dagster fell back to single events: leap_assets/event_log.py no longer fits it"
            )
        return dict(json.loads(ended.stdout.splitlines()[-1]))


def compare(shapes: Sequence[tuple[int, int]], n_runs: int) -> None:
    """Measure both storages in turn and print the table."""
    print("| assets x days | storage | partitions | ms a partition | CPU ms | storage s | whole run s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for n_assets, n_days in shapes:
        days = {"Leap": n_days, "stock": max(1, min(n_days, STOCK_PARTITIONS // n_assets))}
        runs: dict[str, list[dict[str, float]]] = {storage: [] for storage in STORAGES}
        for _ in range(n_runs):
            for storage in STORAGES:
                runs[storage].append(measure(storage, n_assets, days[storage]))
        for storage, found in runs.items():
            partitions = n_assets * days[storage]
            wall, cpu, run = (median(r[name] for r in found) for name in ("wall_s", "cpu_s", "run_s"))
            print(
                f"| {n_assets} x {n_days} | {storage} | {partitions:,} | {1000 * wall / partitions:.2f} "
                f"| {1000 * cpu / partitions:.2f} | {wall:.1f} | {run:.1f} |",
                flush=True,
            )


def main() -> None:
    """Run the benchmark, or one step of it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bookkeeping", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--shapes", nargs="+", default=["10x100", "35x365"], metavar="ASSETSxDAYS")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        storage, n_assets, n_days, home = options.step
        print(json.dumps(run_once(storage, int(n_assets), int(n_days), Path(home))))
        return
    compare([tuple(map(int, shape.split("x"))) for shape in options.shapes], options.runs)


if __name__ == "__main__":
    main()
