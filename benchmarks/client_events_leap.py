"""Leap in the benchmark of client events: a process that loads the deliveries, and one that runs dbt.

As in a run of Leap both have a process of their own; Dagster between them is left out and timed for itself. Each
writes what it measured inside, so that imports and start-up stand apart. Started by `client_events`.
"""

import datetime as dt
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, Stopwatch

PROJECT = ROOT / "dbt_project"
AGES = (1, 7, 30)
SAME_WORK = ("kpi_daily", "event_counts_daily", "cohort_retention")
CLIENT_MARTS = (
    *SAME_WORK,
    "kpi_daily_by_segment",
    "lifecycle_daily",
    "retention_summary",
    "cohort_revenue",
    "level_funnel_daily",
    "conversion_funnel",
    "feature_adoption_daily",
    "ad_revenue_daily",
    "session_metrics_daily",
    "concurrency_hourly",
)
MARTS = {"work": SAME_WORK, "marts": CLIENT_MARTS}


def load(landing: Path, warehouse: Path, first: dt.date, last: dt.date) -> dict[str, Any]:
    """Load the client log of some delivery days into a new file; closing it is part of the work."""
    from leap_assets.landing.ingestion import load_deliveries
    from leap_assets.landing.seeds import read_rates
    from leap_assets.warehouse.connections import open_for_writing

    watch = Stopwatch()
    connection = open_for_writing(warehouse)
    loaded = load_deliveries(
        connection,
        landing,
        [first + dt.timedelta(n) for n in range((last - first).days + 1)],
        logs=["client"],
        start_date=first,
        rates=read_rates(PROJECT / "seeds" / "exchange_rates.csv"),
    )
    connection.close()
    return {
        "work": watch.read(),
        "received": sum(row.received for row in loaded),
        "rejected": sum(row.rejected for row in loaded),
    }


def run_dbt(arguments: Sequence[str], target: Path) -> dict[str, Any]:
    """Run dbt in this process; the work goes from the start of its first node to the file's closing after the last."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    watch: list[Stopwatch] = []
    work: dict[str, float] = {}

    def look(event: Any) -> None:
        if event.info.name == "NodeStart" and not watch:
            watch.append(Stopwatch())
        elif event.info.name == "NodeFinished":
            work.update(watch[0].read())

    places = [
        "--project-dir",
        PROJECT,
        "--profiles-dir",
        PROJECT,
        "--target-path",
        target,
        "--log-path",
        target,
    ]
    outcome = dbtRunner(callbacks=[look]).invoke(["--quiet", *arguments, *map(str, places)])
    if not outcome.success:
        sys.exit(f"dbt {arguments[0]} failed: {outcome.exception or 'see above'}")
    closing = Stopwatch()
    DuckDBConnectionManager.close_all_connections()
    work = {name: seconds + closing.read()[name] for name, seconds in work.items()}
    nodes = {
        result.node.name: round(result.execution_time, 3) for result in getattr(outcome.result, "results", [])
    }
    return {"work": work, "nodes": nodes}


def dbt_arguments(step: str, contender: str, window: Sequence[str]) -> list[str]:
    """Arguments of one dbt command: `parse`, `build` (models and seeds) or `test` (data tests)."""
    if step == "parse":
        return ["parse"]
    selected = ["--select", *(f"+{mart}" for mart in MARTS[contender])]
    if step == "build":
        dates = ["--event-time-start", window[0], "--event-time-end", window[1]]
        return ["build", *dates, "--exclude-resource-type", "test", "unit_test", *selected]
    return ["test", "--exclude-resource-type", "unit_test", *selected]


def tell_figures(warehouse: Path, first: dt.date, last: dt.date) -> dict[str, Any]:
    """The figures in the form in which contenders are compared."""
    import duckdb

    days = [first, last]
    ages = list(AGES)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        daily = connection.execute(
            """select event_date, dau, purchase_amount, ad_amount, arpdau
            from leap_mart.kpi_daily where event_date between ? and ? and dau > 0""",
            days,
        ).fetchall()
        by_type = connection.execute(
            """select event_type || ' ' || event_date, sum(events)::bigint
            from leap_mart.event_counts_daily where event_date between ? and ? group by all""",
            days,
        ).fetchall()
        retention = connection.execute(
            """select cohort_date, age, sum(cohort_size)::bigint, sum(active_players)::bigint
            from leap_mart.cohort_retention where list_contains(?, age) and cohort_date between ? and ? group by all""",
            [ages, *days],
        ).fetchall()
    figures: dict[str, Any] = dict(by_type)
    for day, *values in daily:
        names = ("dau", "purchases", "ads", "arpdau")
        figures |= {f"{name} {day}": value for name, value in zip(names, values, strict=True)}
    for cohort, age, size, active in retention:
        figures[f"cohort {cohort}"] = size
        if active is not None:
            figures[f"d{age} {cohort}"] = active
    return figures


def main() -> None:
    """Arguments: step, contender, folder of the deliveries, warehouse, first and last day, the file for the answer."""
    step, contender, landing, warehouse, first_day, last_day, answer = sys.argv[1:]
    first, last = dt.date.fromisoformat(first_day), dt.date.fromisoformat(last_day)
    file = Path(warehouse)
    told: dict[str, Any]
    if step == "load":
        told = load(Path(landing), file, first, last)
    elif step == "figures":
        told = {"figures": tell_figures(file, first, last)}
    else:
        # lines may be up to 24 h ahead of their delivery day, and a match may go on over midnight
        window = [first_day, (last + dt.timedelta(3)).isoformat()]
        os.environ |= {
            "DBT_LEAP_WAREHOUSE": warehouse,
            "DBT_LEAP_LOGS": "client",
            "DBT_LEAP_START_DATE": first_day,
            "DBT_LEAP_WINDOW_START": window[0],
            "DBT_LEAP_WINDOW_END": window[1],
        }
        told = run_dbt(dbt_arguments(step, contender, window), file.parent / "target")
    Path(answer).write_text(json.dumps(told, default=float))


if __name__ == "__main__":
    main()
