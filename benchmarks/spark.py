"""One day by the same graph on DuckDB and on a Spark cluster of two workers on this machine: seconds of each step.

Both engines have the machine's processors, two of which the cluster's workers use. The day is simulated once, on the
embedded engine; its landing files are then loaded by both, without proofs. Before anything is printed, the tables of
both are compared. Needs `make test-spark`'s environment.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.measuring import ROOT, BenchmarkError, machine_line
from leap_assets.settings import LANDING, SPARK
from leap_assets.spark.local_cluster import ClusterError, run_cluster

STEPS = {
    "load": "lines into leap_raw",
    "stage": "staging and its tests",
    "detect": "the kernel",
    "model": "dimensions, marts and their tests",
    "published__leap": "the published file",
}
DAY = "2025-01-01"
CORES = 2
_FINISHED = re.compile(r'Finished execution of step "(\w+)" in (?:(\d+)m)?([\d.]+)(m?s)')


def main() -> int:
    """Print the table; 1 when something failed or differs."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.spark", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--players", type=int, default=20_000)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="leap-bench-") as folder:
            report(Path(folder), options.players)
    except (BenchmarkError, ClusterError) as error:
        print(error)
        return 1
    return 0


def report(folder: Path, players: int) -> None:
    """Measure both engines and print what came of it."""
    world = {"LEAP_INITIAL_PLAYERS": str(players), "LEAP_PROOFS": "0"}
    run(folder / "simulated", "group:generators", world)
    behind = "not group:generators"
    seconds: dict[str, dict[str, float]] = {}
    for engine in ("duckdb", SPARK):
        (folder / engine).mkdir()
        shutil.copytree(folder / "simulated" / "landing", folder / engine / "landing")
    source = {"LEAP_SOURCE": LANDING}
    seconds["duckdb"] = run(folder / "duckdb", behind, source)
    with run_cluster(folder / "cluster", memory="2g") as cluster:
        seconds[SPARK] = run(
            folder / SPARK, behind, source | {"LEAP_ENGINE": SPARK, "SPARK_REMOTE": cluster.address}
        )
    rows = [published_rows(folder / engine) for engine in ("duckdb", SPARK)]
    if rows[0] != rows[1]:
        differing = sorted(
            table for table in {**rows[0], **rows[1]} if rows[0].get(table) != rows[1].get(table)
        )
        raise BenchmarkError(f"The engines published other rows: {', '.join(differing)}")
    with duckdb.connect(str(folder / "duckdb" / "leap.duckdb"), read_only=True) as connection:
        lines = connection.execute("select sum(received) from leap_raw.delivery").fetchall()[0][0]
        beats = connection.execute("select count(*) from leap_stage.event_heartbeat").fetchall()[0][0]
    print(f"{machine_line(('duckdb', 'pyspark-client', 'numpy'))}\n")
    print(
        f"{lines:,} lines of {players:,} players, {beats:,} staged heartbeats; {len(rows[0])} published tables alike\n"
    )
    print("| step | | DuckDB s | Spark s | ratio | DuckDB rows/s/core | Spark rows/s/core |")
    print("|---|---|---|---|---|---|---|")
    for step, what in STEPS.items():
        one, other = seconds["duckdb"][step], seconds[SPARK][step]
        handled = beats if step == "detect" else lines
        speeds = " | ".join(f"{handled / taken / CORES:,.0f}" for taken in (one, other))
        print(f"| {step} | {what} | {one:.1f} | {other:.1f} | {other / one:.1f} | {speeds} |")
    one, other = (sum(seconds[engine][step] for step in STEPS) for engine in ("duckdb", SPARK))
    print(f"| all | | {one:.1f} | {other:.1f} | {other / one:.1f} | | |")


def run(data_dir: Path, selection: str, settings: dict[str, str]) -> dict[str, float]:
    """Materialise a selection for the day; seconds by step."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LEAP_", "DBT_", "DAGSTER_HOME"))
    }
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", selection]
    began = time.monotonic()
    ended = subprocess.run(
        [*command, "--partition", DAY, "-m", "leap_assets.definitions"],
        cwd=ROOT,
        env=environment | settings | {"LEAP_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise BenchmarkError(
            f"{selection} failed after {time.monotonic() - began:.0f} s:\n{ended.stderr[-3000:]}"
        )
    found = _FINISHED.findall(ended.stdout + ended.stderr)
    return {
        step: int(minutes or 0) * 60 + float(number) / (1000 if unit == "ms" else 1)
        for step, minutes, number, unit in found
    }


def published_rows(data_dir: Path) -> dict[str, int]:
    """Rows by published table."""
    with duckdb.connect(str(data_dir / "published" / "leap.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal"
        ).fetchall()
        return {
            table: connection.execute(f"select count(*) from {table}").fetchall()[0][0] for (table,) in tables
        }


if __name__ == "__main__":
    sys.exit(main())
