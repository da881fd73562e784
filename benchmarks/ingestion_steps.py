"""The steps of the benchmark of ingestion, each a process of its own: files, the bare script, Leap, the comparison.

Each writes what it measured inside, so that imports and start-up stand apart. Started by `ingestion`.
"""

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.client_events_leap import PROJECT, run_dbt
from benchmarks.client_events_world import ARRIVALS_PER_PLAYER
from benchmarks.measuring import Stopwatch

ROWS_PER_PLAYER_DAY = {"client": 6.4, "session": 0.58, "transaction": 0.0085, "heartbeat": 12.5}
# of the players of the first day, in the default world
PLAYERS = 50_000
# of the world behind a log: more rows than these bring are copies with ids of their own
STAGED = {
    "client": "event_client",
    "session": "fact_session",
    "transaction": "fact_transaction",
    "heartbeat": "event_heartbeat",
}
KEYS = {
    "client": ("event_id",),
    "session": ("player_id", "session_id"),
    "transaction": ("transaction_id",),
    "heartbeat": ("player_id", "session_id", "event_date_time"),
}
PROPERTIES = (
    "struct(level bigint, time_spent decimal(18,6), success boolean, score bigint, product varchar, "
    "price decimal(18,4), currency varchar, ad_type varchar, network varchar, revenue decimal(18,6), "
    "achievement varchar, feature varchar, session_length decimal(18,6))"
)
COLUMNS = {
    "client": {
        "event_id": "varchar",
        "player_id": "varchar",
        "session_id": "varchar",
        "event_type": "varchar",
        "timestamp": "timestamp",
        "properties": PROPERTIES,
    },
    "session": {
        "player_id": "varchar",
        "session_id": "varchar",
        "event_date_time": "timestamp",
        "country": "varchar",
        "event_length_seconds": "decimal(18,6)",
        "kills": "bigint",
        "deaths": "bigint",
    },
    "transaction": {
        "transaction_id": "varchar",
        "player_id": "varchar",
        "event_date_time": "timestamp",
        "purchase_item": "varchar",
        "purchase_price": "decimal(18,4)",
        "currency": "varchar",
        "is_recurring": "boolean",
        "cycle": "varchar",
        "transaction_type": "varchar",
        "refunded_transaction_id": "varchar",
    },
}


def write_files(log: str, folder: Path, first: dt.date, last: dt.date, rows: int) -> dict[str, Any]:
    """Write about so many rows of a log of the simulated world, its dirt with them, one file a day."""
    from leap_assets.landing.writing import write_delivery
    from leap_assets.simulation import World, WorldConfig

    n_days = (last - first).days + 1
    wanted = rows / n_days / ROWS_PER_PLAYER_DAY[log]
    # of Parquet there are no copies
    players = max(1, round(wanted if log == "heartbeat" else min(wanted, PLAYERS)))
    copies = max(1, round(wanted / players))
    world = World(
        WorldConfig(start_date=first, initial_players=players, arrivals_per_day=ARRIVALS_PER_PLAYER * players)
    )
    written = 0
    for number in range(n_days):
        delivery = world.day(first + dt.timedelta(number), logs=(log,), truth=False)
        written += write_delivery(folder / "landing", delivery)[log] * copies
        for path in (folder / "landing" / log / delivery.date.isoformat()).iterdir():
            if copies > 1:
                _repeat(log, path, copies)
    return {"rows": written}


def _repeat(log: str, path: Path, copies: int) -> None:
    """Repeat the lines of a text file, with other keys each time."""
    lines = path.read_bytes().splitlines(keepends=True)
    header = [lines.pop(0)] if path.suffix == ".csv" else []
    mark = {"client": b'"event_id":"', "session": b'"session_id":"', "transaction": b""}[log]
    with path.open("wb") as file:
        file.writelines(header)
        for number in range(copies):
            own = mark + f"{number}-".encode()
            # the first column of the CSV files is their key
            file.writelines(line.replace(mark, own, 1) if mark else own + line for line in lines)


def run_bare(log: str, folder: Path) -> dict[str, Any]:
    """Read, type, deduplicate and store a log by one statement; lines that it cannot read it leaves out."""
    import duckdb

    files = f"{folder}/landing/{log}/*/*"
    columns = json.dumps(COLUMNS.get(log, {})).replace('"', "'")
    source, shown = {
        "client": (
            f"read_ndjson('{files}', columns = {columns}, ignore_errors = true)",
            "* exclude (properties), properties.*",
        ),
        "session": (f"read_ndjson('{files}', columns = {columns}, ignore_errors = true)", "*"),
        "transaction": (
            f"read_csv('{files}', columns = {columns}, header = true, ignore_errors = true)",
            "*",
        ),
        "heartbeat": (f"read_parquet('{files}')", "*"),
    }[log]
    time = "timestamp" if log == "client" else "event_date_time"
    watch = Stopwatch()
    connection = duckdb.connect(str(folder / "bare.duckdb"))
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(
        f"create table staged as select {shown} from {source} "
        f"qualify row_number() over (partition by {', '.join(KEYS[log])} order by {time}) = 1"
    )
    connection.close()
    return {"work": watch.read()}


def load(log: str, folder: Path, first: dt.date, last: dt.date) -> dict[str, Any]:
    """Load the log into a new warehouse; closing it is part of the work."""
    # DuckDB imports it for the first date that it is given
    import pandas  # noqa: F401

    from leap_assets.landing.ingestion import load_deliveries
    from leap_assets.landing.seeds import read_rates
    from leap_assets.warehouse.connections import open_for_writing

    watch = Stopwatch()
    connection = open_for_writing(folder / "leap.duckdb")
    load_deliveries(
        connection,
        folder / "landing",
        [first + dt.timedelta(n) for n in range((last - first).days + 1)],
        logs=[log],
        start_date=first,
        rates=read_rates(PROJECT / "seeds" / "exchange_rates.csv"),
    )
    connection.close()
    return {"work": watch.read()}


def run_models(step: str, log: str, folder: Path, first: dt.date, last: dt.date) -> dict[str, Any]:
    """Parse the project, or build the model of a log's facts and all that it needs."""
    # lines may be up to 24 h ahead of their delivery day, and a match may go on over midnight
    window = [first.isoformat(), (last + dt.timedelta(3)).isoformat()]
    os.environ |= {
        "DBT_LEAP_WAREHOUSE": str(folder / "leap.duckdb"),
        "DBT_LEAP_LOGS": log,
        "DBT_LEAP_START_DATE": window[0],
        "DBT_LEAP_WINDOW_START": window[0],
        "DBT_LEAP_WINDOW_END": window[1],
    }
    arguments = ["parse"]
    if step == "stage":
        dates = ["--event-time-start", window[0], "--event-time-end", window[1]]
        arguments = ["build", *dates, "--exclude-resource-type", "test", "unit_test", "--select"]
        arguments += [f"+{STAGED[log]}"]
    # all logs share the parsed project
    return run_dbt(arguments, folder.parent / "target")


def compare(log: str, folder: Path) -> dict[str, Any]:
    """Where Leap's facts and the script's differ, and where Leap's books do not balance."""
    import duckdb

    keys = ", ".join(KEYS[log])
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder}/bare.duckdb' as bare (read_only)")
        connection.execute(f"attach '{folder}/leap.duckdb' as leap (read_only)")
        connection.execute("set TimeZone = 'UTC'")

        def count(of: str) -> int:
            return int(connection.execute(f"select count(*) from {of}").fetchall()[0][0])

        staged = f"leap.leap_stage.{STAGED[log]}"
        received = int(
            connection.execute("select sum(received) from leap.leap_raw.delivery").fetchall()[0][0]
        )
        booked = count(staged) + count("leap.leap_raw.rejected_line") + count("leap.leap_stage.repeated_line")
        known = "event_date_time::timestamp" if log == "heartbeat" else None
        theirs = keys.replace("event_date_time", known) if known else keys
        only_leap = count(f"(select {keys} from {staged} except select {theirs} from bare.staged)")
        only_bare = count(f"(select {theirs} from bare.staged except select {keys} from {staged})")
        rejected = count("leap.leap_raw.rejected_line")
    differences = []
    if received != booked:
        differences.append(f"{received} lines were received, {booked} are in the books")
    if only_leap:
        differences.append(f"{only_leap} facts are Leap's alone")
    if only_bare > rejected:
        # the script takes lines that break a rule
        differences.append(f"{only_bare} facts are the script's alone, but {rejected} lines were rejected")
    return {"differences": differences}


def main() -> None:
    """Arguments: step, log, folder, first and last day, rows, the file for the answer."""
    step, log, place, first_day, last_day, rows, answer = sys.argv[1:]
    folder, first, last = Path(place), dt.date.fromisoformat(first_day), dt.date.fromisoformat(last_day)
    told: dict[str, Any]
    if step == "world":
        told = write_files(log, folder, first, last, int(rows))
    elif step == "bare":
        told = run_bare(log, folder)
    elif step == "load":
        told = load(log, folder, first, last)
    elif step == "compare":
        told = compare(log, folder)
    else:
        told = run_models(step, log, folder, first, last)
    Path(answer).write_text(json.dumps(told, default=float))


if __name__ == "__main__":
    main()
