"""All benchmarks in one go: `make bench`, or `python -m benchmarks`. Writes the tables and the plots to data/bench/.

Each benchmark is a process of its own, one after the other. What is printed goes into results.md as it is; the plots
are drawn from those very tables.
"""

import argparse
import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import ROOT, machine_line
from benchmarks.plots import draw, read_tables
from benchmarks.soak import FIRST_DAY

PACKAGES = ("dagster", "dbt-core", "duckdb", "numpy", "pandas", "pyarrow")


@dataclass(frozen=True)
class Size:
    """How much is measured: the arguments of each benchmark, and the warehouse that some of them look at."""

    days: int
    players: int
    steps: dict[str, Sequence[str]]


FULL = Size(
    days=90,
    players=5_000,
    steps={
        "conflicts": ["--runs", "3"],
        "world": ["--times", "1"],
        "ingestion": ["--runs", "3"],
        "client_events": ["--lines", "1000000", "--runs", "3"],
        "bookkeeping": ["--shapes", "10x100", "35x365", "--runs", "2"],
        "orchestration": ["--players", "1000", "--range", "30", "--days", "365", "--runs", "2"],
        "storage": [],
        "dashboard": ["--runs", "3"],
    },
)
SMALL = Size(
    days=2,
    players=50,
    steps={
        "conflicts": ["--runs", "1", "--scale", "0.002"],
        "world": ["--times", "1", "--most-players", "1000", "--last-day", "1"],
        "ingestion": ["--runs", "1", "--share", "0.002"],
        "bookkeeping": ["--shapes", "3x5", "--runs", "1"],
        "storage": ["--runs", "1"],
    },
)
ON_A_WAREHOUSE = ("storage", "dashboard")
# the others make what they need


def main() -> int:
    """Exit code 1 when a benchmark failed; what the others found is written all the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=FULL.steps, help="some of them")
    parser.add_argument("--small", action="store_true", help="tiny sizes, whose figures mean nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "bench", help="folder of what is written")
    options = parser.parse_args()
    size = SMALL if options.small else FULL
    steps = {
        name: arguments for name, arguments in size.steps.items() if name in (options.only or size.steps)
    }
    options.out.mkdir(parents=True, exist_ok=True)
    results, failed = options.out / "results.md", []
    sections = [f"# Benchmarks\n\n{dt.date.today()}. {machine_line(PACKAGES)}\n"]
    results.write_text(sections[0])
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leap-bench-") as folder:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("LEAP_", "DBT_"))
        }
        environment |= {
            "LEAP_DATA_DIR": str(Path(folder, "data")),
            "DAGSTER_HOME": str(Path(folder, "dagster")),
        }
        environment |= {"LEAP_INITIAL_PLAYERS": f"{size.players}", "LEAP_PROOFS": "0"}
        if set(steps) & set(ON_A_WAREHOUSE):
            _say(f"A warehouse of {size.players:,} players and {size.days} days")
            if not _fill(Path(folder), environment, size):
                failed.append("the warehouse")
                steps = {name: arguments for name, arguments in steps.items() if name not in ON_A_WAREHOUSE}
        for name, arguments in steps.items():
            _say(f"{name} {' '.join(arguments)}")
            started = time.monotonic()
            command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}", *arguments]
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
            print(done.stdout, flush=True)
            if done.returncode:
                failed.append(name)
            took = f"`python -m benchmarks.{name} {' '.join(arguments)}`".replace(" `", "`")
            sections.append(f"## {name}\n\n{took}, {time.monotonic() - started:.0f} s\n\n{done.stdout}")
            # after each, so that what is there is kept when a later one is interrupted
            results.write_text("\n".join(sections))
    try:
        drawn = draw(read_tables(results.read_text()), options.out)
    except ModuleNotFoundError as lacking:
        failed.append(f"the plots ({lacking.name} is not installed: pip install --group bench)")
        drawn = []
    _say(
        f"{(time.monotonic() - began) / 60:.0f} minutes. {results}"
        + "".join(f", {path.name}" for path in drawn)
    )
    if failed:
        print(f"Failed: {', '.join(failed)}. What they said stands above.")
    return 1 if failed else 0


def _fill(folder: Path, environment: dict[str, str], size: Size) -> bool:
    """Build the warehouse that is looked at; whether it worked."""
    home = Path(environment["DAGSTER_HOME"])
    home.mkdir()
    (home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    last = FIRST_DAY + dt.timedelta(size.days - 1)
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "*"]
    command += ["--partition-range", f"{FIRST_DAY}...{last}", "-m", "leap_assets.definitions"]
    with (folder / "run.log").open("wb") as log:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        print((folder / "run.log").read_text()[-3000:])
    return done.returncode == 0


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
