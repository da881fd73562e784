"""`make demo`: the first 30 days of the simulated world through Dagster, and a summary of what came out."""

import datetime as dt
import sys
import time

import duckdb

from leap_assets.materialization import materialize
from leap_assets.partitions import Window
from leap_assets.settings import SIMULATOR, Settings, SettingsError, load_settings

DEMO_DAYS = 30
BAR = 40
# characters of the longest bar


def read_settings() -> Settings | None:
    """The settings of a demo; None, with the reason printed, when they cannot be those of one."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error)
        return None
    if settings.source != SIMULATOR:
        print(f"LEAP_SOURCE={settings.source}: the demo shows the simulated world. Unset LEAP_SOURCE for it.")
        return None
    return settings


def main() -> int:
    """Run the demo; the exit code says whether it worked."""
    if (settings := read_settings()) is None:
        return 2
    started = time.monotonic()
    days = Window(settings.start_date, settings.start_date + dt.timedelta(days=DEMO_DAYS - 1))
    if not materialize("*", days):
        return 1
    print(summarize(settings, days, time.monotonic() - started))
    return 0


def summarize(settings: Settings, days: Window, seconds: float) -> str:
    """What the published file says about the days, in a screenful."""
    with duckdb.connect(str(settings.published_path), read_only=True) as connection:
        tables = connection.execute(
            """select schema_name || '.' || table_name, estimated_size from duckdb_tables()
            where database_name = current_database() order by 1"""
        ).fetchall()
        actives = connection.execute(
            """select event_date, count(*) filter (where player_sessions > 0), sum(purchase_amount)
            from leap_mart.player_activity_daily where event_date between ? and ? group by 1 order by 1""",
            [days.first, days.last],
        ).fetchall()
        conflicts = connection.execute(
            """select sum(daily_conflict_count), count(distinct session_id)
            from leap_mart.conflict_summary_daily where event_date between ? and ?""",
            [days.first, days.last],
        ).fetchall()[0]
        books = connection.execute(
            """select sum(received), sum(accepted), sum(duplicate), sum(rejected)
            from leap_mart.ingestion_daily where delivery_date between ? and ?""",
            [days.first, days.last],
        ).fetchall()[0]
    most = max((row[1] for row in actives), default=1) or 1
    lines = ["", f"Leap, {days}: {len(days)} days in {seconds:.0f} s", "", "Rows by table"]
    width = max(len(name) for name, _ in tables)
    half = (len(tables) + 1) // 2
    for left, right in zip(tables[:half], [*tables[half:], ("", 0)], strict=False):
        cells = [f"{name:<{width}} {rows:>9,}" if name else "" for name, rows in (left, right)]
        lines.append("  " + "    ".join(cells).rstrip())
    lines += ["", "Daily active players"]
    lines += [f"  {day} {players:>6,} {'#' * round(BAR * players / most)}" for day, players, _ in actives]
    lines += [
        "",
        f"Revenue    {sum(row[2] or 0 for row in actives):,.2f} {settings.currency}, net of refunds",
        f"Conflicts  {conflicts[0] or 0:,} in {conflicts[1]:,} matches",
        "Lines      {:,} received = {:,} accepted + {:,} duplicate + {:,} rejected".format(
            *(n or 0 for n in books)
        ),
        "",
        "Next",
        "  make dashboard     players, money, matches and the health of the data, http://127.0.0.1:8501",
        "  make dev           the asset graph, its checks and backfills in the Dagster UI, http://127.0.0.1:3000",
        f"  duckdb -readonly {settings.published_path}     the tables, in SQL",
        "  README.md          how to load your own telemetry, add a mart, schedule it",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
