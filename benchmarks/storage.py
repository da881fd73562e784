"""What a million heartbeats and client events take on disk, and how long a day, a match and a player take to read.

    python -m benchmarks.storage

The warehouse is the one that `LEAP_DATA_DIR` leads to, which no run may be writing. Each table of Leap's is copied,
row for row in its order, into files of its own, in DuckDB and in Parquet with other settings. All files are read warm.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.measuring import BenchmarkError, machine_line, markdown
from leap_assets.settings import Settings, load_settings
from leap_assets.warehouse.connections import STORAGE_VERSION

RUNS = 7


@dataclass(frozen=True)
class Log:
    """Where a log is kept. `match` is its column of matches, `order` what it is sorted by where it is sorted."""

    name: str
    table: str
    order: str


LOGS = (
    Log("heartbeat", "event_heartbeat", "event_date, session_id, beat"),
    Log("client", "event_client", "event_date, session_id, timestamp"),
)
PARQUET = {
    "Parquet, snappy, as delivered": ("compression snappy", False),
    "Parquet, zstd, as delivered": ("compression zstd", False),
    "Parquet, zstd, sorted": ("compression zstd", True),
}
DUCKDB = {
    # name: (version of the storage, sorted)
    "DuckDB, as delivered": (STORAGE_VERSION, False),
    "DuckDB, sorted": (STORAGE_VERSION, True),
    "DuckDB, sorted, its default storage": ("v1.0.0", True),
}


def main() -> int:
    """Print both tables; exit code 1 without a warehouse."""
    parser = argparse.ArgumentParser(description="Sizes on disk and times of reading.")
    parser.add_argument("--runs", type=int, default=RUNS, help="of which the median is taken")
    options = parser.parse_args()
    settings = load_settings()
    if not settings.warehouse_path.exists():
        print(f"{settings.warehouse_path} does not exist: run `make demo` first, or set LEAP_DATA_DIR.")
        return 1
    sizes: list[list[str]] = []
    times: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for log in LOGS:
            try:
                _measure(Path(folder), settings, log, options.runs, sizes, times)
            except BenchmarkError as error:
                print(error)
                return 1
    print(f"{machine_line(['duckdb'])}\n")
    print(markdown(["log", "rows", "kept as", "MB a million rows", "of the landing files"], sizes))
    print()
    print(
        markdown(
            [
                "log",
                "kept as",
                "a day, ms",
                "a match, ms",
                "a player's day, ms",
                "a player, ms",
                "all, ms",
            ],
            times,
        )
    )
    return 0


def _measure(
    folder: Path, settings: Settings, log: Log, runs: int, sizes: list[list[str]], times: list[list[str]]
) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{settings.warehouse_path}' as warehouse (read_only)")
        raw, stage = f"warehouse.leap_raw.{log.table}", f"warehouse.leap_stage.{log.table}"
        (lines,) = connection.execute(f"select count(*) from {raw}").fetchall()[0]
        (rows,) = connection.execute(f"select count(*) from {stage}").fetchall()[0]
        if not rows:
            raise BenchmarkError(f"{stage} is empty")
        landed = sum(path.stat().st_size for path in (settings.landing_dir / log.name).glob("*/*"))
        whole = landed / lines
        row = [log.name, f"{lines:,}", "landing files", f"{whole:.1f}", "1.0"]
        sizes.append(row)
        raw_size = _copy(connection, folder / f"{log.name}_raw.duckdb", raw, STORAGE_VERSION)
        sizes.append(_size(log, lines, "Leap, leap_raw: every valid line", raw_size / lines, whole))
        files = {"Leap, leap_stage": folder / f"{log.name}_stage.duckdb"}
        stage_size = _copy(connection, files["Leap, leap_stage"], stage, STORAGE_VERSION)
        sizes.append(_size(log, rows, "Leap, leap_stage: each fact once", stage_size / rows, whole))
        as_delivered = (
            f"(select * exclude (source_file, line_number) from {raw} "
            "order by delivery_date, source_file, line_number)"
        )
        in_order = f"(from {stage} order by {log.order})"
        kept = {False: (as_delivered, lines), True: (in_order, rows)}
        for number, (name, (storage, is_sorted)) in enumerate(DUCKDB.items()):
            files[name] = folder / f"{log.name}_{number}.duckdb"
            source, count = kept[is_sorted]
            size = _copy(connection, files[name], source, storage)
            sizes.append(_size(log, count, name, size / count, whole))
        for number, (name, (setting, is_sorted)) in enumerate(PARQUET.items()):
            files[name] = folder / f"{log.name}_{number}.parquet"
            source, count = kept[is_sorted]
            connection.execute(f"copy {source} to '{files[name]}' (format parquet, {setting})")
            sizes.append(_size(log, count, name, files[name].stat().st_size / count, whole))
        day, match, player = _chosen(connection, stage)
    of_day = f"event_date = date '{day}'"
    asked = [
        of_day,
        # with its day, as people who know the table ask
        f"{of_day} and session_id = '{match}'",
        f"{of_day} and player_id = '{player}'",
        f"player_id = '{player}'",
        "true",
    ]
    for name, path in files.items():
        relation = f"'{path}'" if path.suffix == ".parquet" else "kept.rows"
        taken = [_time(path, relation, condition, runs) for condition in asked]
        times.append([log.name, name, *(f"{1000 * seconds:.1f}" for seconds in taken)])


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, source: str, storage: str) -> int:
    """Bytes of a new file that holds the rows of a table or a query alone."""
    connection.execute(f"attach '{path}' as kept (storage_version '{storage}')")
    connection.execute("checkpoint kept")
    empty = path.stat().st_size
    connection.execute(f"create table kept.rows as from {source}")
    connection.execute("checkpoint kept")
    connection.execute("detach kept")
    return path.stat().st_size - empty


def _size(log: Log, rows: int, name: str, bytes_a_row: float, landed: float) -> list[str]:
    return [log.name, f"{rows:,}", name, f"{bytes_a_row:.1f}", f"{bytes_a_row / landed:.2f}"]


def _chosen(connection: duckdb.DuckDBPyConnection, table: str) -> Sequence[str]:
    """The middle day, its match with the most rows, and that one's player with the most rows."""
    return connection.execute(
        f"""with days as (select quantile_disc(event_date, 0.5) as day from {table}),
        matches as (
            select session_id, event_date, count(*) as n from {table}
            where event_date = (select day from days) and session_id is not null group by all
        )
        select event_date::varchar, session_id, (
            select mode(player_id) from {table} as own where own.session_id = matches.session_id
        ) from matches order by n desc, session_id limit 1"""
    ).fetchall()[0]


def _time(path: Path, relation: str, condition: str, runs: int) -> float:
    """Median seconds of a query that looks at every column of the rows of a condition."""
    taken = []
    for _ in range(runs + 1):
        with duckdb.connect() as connection:
            connection.execute("set threads = 1")
            if path.suffix != ".parquet":
                connection.execute(f"attach '{path}' as kept (read_only)")
            began = time.perf_counter()
            connection.execute(
                f"select bit_xor(hash(kept_rows)) from {relation} as kept_rows where {condition}"
            ).fetchall()
            taken.append(time.perf_counter() - began)
    # the first one reads the file from disk
    return statistics.median(taken[1:])


if __name__ == "__main__":
    sys.exit(main())
