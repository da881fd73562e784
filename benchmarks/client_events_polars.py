"""The peers of the benchmark of client events: two scripts as an analyst would write them with Polars.

`rows` parses each line with json.loads and builds a frame from dicts; `native` lets Polars read the files and plans
everything as one query. Neither says anything about the lines that it leaves out. Started by `client_events`.
"""

import datetime as dt
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

RATES = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds" / "exchange_rates.csv"
AGES = (1, 7, 30)
PROPERTIES: dict[str, pl.DataType] = {
    "level": pl.Int64(),
    "time_spent": pl.Float64(),
    "success": pl.Boolean(),
    "score": pl.Int64(),
    "product": pl.String(),
    "price": pl.Float64(),
    "currency": pl.String(),
    "ad_type": pl.String(),
    "network": pl.String(),
    "revenue": pl.Float64(),
    "achievement": pl.String(),
    "feature": pl.String(),
    "session_length": pl.Float64(),
}
COLUMNS: dict[str, pl.DataType] = dict.fromkeys(
    ("event_id", "player_id", "session_id", "event_type", "timestamp"), pl.String()
)
TYPES = (
    "session_start",
    "session_end",
    "level_start",
    "level_complete",
    "level_fail",
    "purchase",
    "ad_watched",
    "achievement_unlocked",
    "feature_used",
)


def read_rows(paths: Iterable[Path]) -> pl.LazyFrame:
    """Read the events with json.loads a line, in the order of the files."""
    rows = []
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                try:
                    event = json.loads(line)
                    row = {name: event[name] for name in COLUMNS}
                    row.update(event["properties"])
                except (ValueError, KeyError):
                    continue
                rows.append(row)
    return pl.DataFrame(rows, schema=COLUMNS | PROPERTIES, strict=False).lazy()


def read_native(paths: Iterable[Path]) -> pl.LazyFrame:
    """Plan the reading of the events by Polars itself."""
    schema = pl.Schema(COLUMNS | {"properties": pl.Struct(PROPERTIES)})
    return pl.scan_ndjson(list(paths), schema=schema, ignore_errors=True).unnest("properties")


def plan_metrics(lines: pl.LazyFrame, first: dt.date, last: dt.date) -> list[pl.LazyFrame]:
    """Daily figures, events by type, and retention by cohort, of the days from `first` to `last`."""
    events = (
        lines.drop_nulls("event_id")
        .unique("event_id", keep="first", maintain_order=True)
        .with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", strict=False))
        .filter(pl.col("event_type").is_in(TYPES), pl.col("timestamp").is_not_null())
        .with_columns(day=pl.col("timestamp").dt.date())
    )
    is_loaded = pl.col("day").is_between(first, last)
    sessions = events.group_by("player_id", "session_id").agg(day=pl.col("timestamp").min().dt.date())
    active = sessions.select("player_id", "day").unique()
    # no rate of the seed changes within the month
    rates = (
        pl.scan_csv(RATES, try_parse_dates=True)
        .filter(pl.col("valid_from") <= first)
        .sort("valid_from")
        .unique("currency", keep="last")
    )
    # half a cent is rounded up, which floating-point numbers would lose
    amount = (pl.col("price") * pl.col("rate") + 1e-9).round(2).filter(pl.col("event_type") == "purchase")
    revenue = (
        events.join(rates, on="currency", how="left")
        .group_by("day")
        .agg(
            purchases=amount.sum(),
            ads=pl.col("revenue").filter(pl.col("event_type") == "ad_watched").sum(),
        )
    )
    daily = (
        active.group_by("day")
        .agg(dau=pl.len())
        .join(revenue, on="day", how="left")
        .with_columns(arpdau=(pl.col("purchases") + pl.col("ads")) / pl.col("dau"))
        .filter(is_loaded)
    )
    by_type = events.group_by("day", "event_type").agg(events=pl.len()).filter(is_loaded)
    age = (pl.col("day") - pl.col("cohort")).dt.total_days()
    returned = [(age == days).sum().alias(f"d{days}") for days in AGES]
    retention = (
        active.filter(is_loaded)
        .with_columns(cohort=pl.col("day").min().over("player_id"))
        .group_by("cohort")
        .agg(pl.col("player_id").n_unique().alias("size"), *returned)
    )
    return [daily, by_type, retention]


def tell_figures(frames: list[pl.DataFrame], last: dt.date) -> dict[str, Any]:
    """The figures in the form in which contenders are compared."""
    daily, by_type, retention = frames
    figures = {
        f"{name} {row['day']}": row[name]
        for row in daily.iter_rows(named=True)
        for name in ("dau", "purchases", "ads", "arpdau")
    }
    figures |= {f"{row['event_type']} {row['day']}": row["events"] for row in by_type.iter_rows(named=True)}
    for row in retention.iter_rows(named=True):
        figures[f"cohort {row['cohort']}"] = row["size"]
        figures |= {
            # an age that lies behind the last day is not known yet
            f"d{days} {row['cohort']}": row[f"d{days}"]
            for days in AGES
            if row["cohort"] + dt.timedelta(days) <= last
        }
    return figures


def main() -> None:
    """Arguments: `rows` or `native`, the folder of the deliveries, first and last day, the file for the answer."""
    contender, landing, first_day, last_day, answer = sys.argv[1:]
    first, last = dt.date.fromisoformat(first_day), dt.date.fromisoformat(last_day)
    started = time.perf_counter(), time.process_time()
    paths = sorted(Path(landing).glob("client/*/*.ndjson"))
    lines = {"rows": read_rows, "native": read_native}[contender](paths)
    read = time.perf_counter()
    frames = pl.collect_all(plan_metrics(lines, first, last))
    ended = time.perf_counter(), time.process_time()
    work = {"wall": ended[0] - started[0], "cpu": ended[1] - started[1]}
    parts = {"read": read - started[0], "metrics": ended[0] - read} if contender == "rows" else {}
    Path(answer).write_text(
        json.dumps({"work": work, "parts": parts, "figures": tell_figures(frames, last)}, default=str)
    )


if __name__ == "__main__":
    main()
