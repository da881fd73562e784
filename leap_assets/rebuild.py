"""`make rebuild`: the warehouse anew from landing/, beside the old one, which stays until the new one is complete.

For after an upgrade, a changed rule or a changed setting of the model. The landing files are only read; but those of a
mapped source are made first of what was delivered, where that or the mapping has changed.
"""

import dataclasses
import datetime as dt
import sys

from leap_assets.landing.files import list_days
from leap_assets.materialization import execute, materialize
from leap_assets.partitions import Window
from leap_assets.settings import SPARK, Settings, SettingsError, load_settings
from leap_assets.sources.taking_in import TAKE_IN_JOB

EVERYTHING_BEHIND_LANDING = "not (group:generators or group:truth)"


def main() -> int:
    """Rebuild; the exit code says whether it worked."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error)
        return 2
    if settings.engine == SPARK:
        print(
            f"LEAP_ENGINE={SPARK} has no second set of tables to build beside the first. Run the days again: each "
            "partition is replaced (docs/spark.md)."
        )
        return 2
    if settings.is_mapped and not execute(TAKE_IN_JOB, {"LEAP_REBUILD": "1"}):
        # a changed mapping may have other logs and other days
        print("The warehouse is as it was before.")
        return 1
    return 0 if build_anew(settings) else 1


def build_anew(settings: Settings) -> bool:
    """Build the warehouse anew from what is in landing/; gives whether it worked, and prints what came of it."""
    if (days := landed_days(settings, dt.datetime.now(dt.UTC).date())) is None:
        print(
            f"{settings.landing_dir} holds no delivery from {settings.start_date} on: there is nothing to rebuild."
        )
        return False
    if not materialize(EVERYTHING_BEHIND_LANDING, days, {"LEAP_REBUILD": "1"}):
        print("The warehouse is as it was before.")
        return False
    if dataclasses.replace(settings, rebuild=True).written_path.exists():
        print("The run ended without putting the new warehouse in place. The warehouse is as it was before.")
        return False
    print(f"{settings.warehouse_path} was built anew from {len(days)} delivery days, {days}.")
    return True


def landed_days(settings: Settings, today: dt.date) -> Window | None:
    """From the first to the last complete day that has a delivery, None when there is none."""
    days = [day for day in list_days(settings.landing_dir) if settings.start_date <= day < today]
    return Window(days[0], days[-1]) if days else None


if __name__ == "__main__":
    sys.exit(main())
