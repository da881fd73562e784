"""`make verify`: every table computed again from landing/ by other code, and compared with the published file.

Starts the job that the UI has, too, after looking at what would be in vain. What is compared is decided in
`leap_assets.warehouse.verifying`.
"""

import argparse
import sys

from leap_assets.assets.second_opinion import DAYS_TAG, VERIFY_JOB, parse_days
from leap_assets.materialization import execute
from leap_assets.settings import SPARK, SettingsError, load_settings


def main(arguments: list[str] | None = None) -> int:
    """Verify; the exit code says whether every row was equal (0), one was not (1), or nothing could be done (2)."""
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__.splitlines()[0])
    parser.add_argument("--days", default="", help="first...last: only day tables, and only these days")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        days = parse_days(options.days) if options.days.strip() else None
    except SettingsError as error:
        print(error)
        return 2
    except ValueError as error:
        print(f"DAYS={error}. Nothing was compared.")
        return 2
    if settings.engine == SPARK:
        print(
            f"LEAP_ENGINE={SPARK} cannot be verified: what the second opinion is compared with is the warehouse in a "
            "DuckDB file. Build the same days with LEAP_ENGINE=duckdb in a data folder of its own, and verify that."
        )
        return 2
    if not settings.published_path.exists():
        print(
            f"{settings.published_path} does not exist: nothing is published yet, so there is nothing to verify. "
            "Materialise some days first, or set LEAP_DATA_DIR to the folder that holds them."
        )
        return 2
    print(f"Verifying {settings.published_path}{f', {days}' if days else ''}", flush=True)
    tags = {DAYS_TAG: f"{days.first}...{days.last}"} if days else {}
    if not execute(VERIFY_JOB, tags=tags, shows_log=False):
        return 1
    print("Every table that was compared equals the second opinion.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
