"""`make spark-demo`: a week of the simulated world on a Spark cluster of two workers on this machine, and a summary."""

import dataclasses
import datetime as dt
import sys
import time

from leap_assets.demo import read_settings, summarize
from leap_assets.materialization import materialize
from leap_assets.partitions import Window
from leap_assets.settings import SPARK
from leap_assets.spark.local_cluster import ClusterError, run_cluster

DAYS = 7


def main() -> int:
    """Run the demo; the exit code says whether it worked."""
    if (settings := read_settings()) is None:
        return 2
    data_dir = settings.data_dir / SPARK
    started = time.monotonic()
    try:
        print(
            "Starting a Spark cluster on this machine: a master, two workers and a Spark Connect server",
            flush=True,
        )
        with run_cluster(data_dir / "cluster") as cluster:
            environment = {
                "LEAP_ENGINE": SPARK,
                "SPARK_REMOTE": cluster.address,
                "LEAP_DATA_DIR": str(data_dir),
            }
            settings = dataclasses.replace(settings, data_dir=data_dir)
            days = Window(settings.start_date, settings.start_date + dt.timedelta(days=DAYS - 1))
            if not materialize("*", days, environment):
                return 1
    except ClusterError as error:
        print(error)
        return 1
    print(summarize(settings, days, time.monotonic() - started))
    print(
        f"\nThe tables on Spark are in {data_dir / 'cluster'}; the dashboard: LEAP_DATA_DIR={data_dir} make dashboard"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
