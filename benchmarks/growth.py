"""What a daily run costs by the size of the game: the numbers behind docs/scale.md.

    python -m benchmarks.growth --players 1000 10000 --days 14

For each size a warehouse of some days is filled by the command line, and then one more day is run, as every night.
Proofs are off, as with telemetry of one's own. CPU time is that of the run with its children, and the peak is the
resident memory of all its processes together. `repeated` is the same night once more: what it costs to replace a day.
"""

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.measuring import machine_line, markdown
from benchmarks.orchestration import graph, window
from benchmarks.soak import MB, prepare
from leap_assets.partitions import Window

HEADER = [
    "players of day 1",
    "days",
    "active player-days",
    "heartbeats",
    "client events",
    "filling, CPU s",
    "CPU ms an active player-day",
    "filling, peak MB",
    "next night, wall s",
    "next night, CPU s",
    "repeated, CPU s",
    "next night, peak MB",
    "warehouse MB",
    "published MB",
    "landing MB",
]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--players", type=int, nargs="+", default=[1_000, 10_000], help="on the first day")
    parser.add_argument("--days", type=int, default=14, help="of the warehouse before the night")
    options = parser.parse_args()
    print(f"{machine_line(['dagster', 'dbt-core', 'duckdb'])}\n")
    print(markdown(HEADER, []))
    for players in options.players:
        with tempfile.TemporaryDirectory(prefix="leap-growth-") as folder:
            row = _measure(Path(folder) / "place", players, options.days)
        # at once: the next size takes longer
        print(f"| {' | '.join(row)} |", flush=True)
    return 0


def _measure(folder: Path, players: int, days: int) -> list[str]:
    place = prepare(folder)
    environment = place.environment(players, 30) | {"LEAP_PROOFS": "0"}
    filling = graph(place, environment, window(days))
    warehouse = place.data / "leap.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        (active, heartbeats, events) = connection.execute(
            """select
                (select count(*) from leap_stage.fact_player_day where player_sessions > 0),
                (select count(*) from leap_raw.event_heartbeat),
                (select count(*) from leap_raw.event_client)"""
        ).fetchall()[0]
    sizes = [warehouse, place.data / "published" / "leap.duckdb"]
    taken = [path.stat().st_size for path in sizes]
    taken.append(sum(path.stat().st_size for path in (place.data / "landing").rglob("*") if path.is_file()))
    night = window(days).last + dt.timedelta(1)
    first, again = (graph(place, environment, Window(night, night)) for _ in range(2))
    return [
        f"{players:,}",
        f"{days}",
        f"{active:,}",
        f"{heartbeats:,}",
        f"{events:,}",
        f"{filling.cpu_s:.1f}",
        f"{1000 * filling.cpu_s / active:.2f}",
        f"{filling.peak_bytes / MB:,.0f}",
        f"{first.wall_s:.1f}",
        f"{first.cpu_s:.1f}",
        f"{again.cpu_s:.1f}",
        f"{max(first.peak_bytes, again.peak_bytes) / MB:,.0f}",
        *(f"{size / MB:,.0f}" for size in taken),
    ]


if __name__ == "__main__":
    sys.exit(main())
