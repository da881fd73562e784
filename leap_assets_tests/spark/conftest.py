"""Installations on a Spark cluster of this machine, in an environment without Java."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leap_assets.settings import SPARK
from leap_assets.spark.local_cluster import Cluster, find_lack, run_cluster
from leap_assets_tests.conftest import Leap, Run


@dataclasses.dataclass(frozen=True)
class SparkLeap:
    """An installation whose tables are on a cluster."""

    leap: Leap
    cluster: Cluster

    def start(self, *arguments: str, **variables: str) -> Run:
        """Start a run whose environment has no Java: the client is thin."""
        thin = {"PATH": str(Path(sys.executable).parent), "JAVA_HOME": ""}
        engine = {"LEAP_ENGINE": SPARK, "SPARK_REMOTE": self.cluster.address}
        return self.leap.start(*arguments, **thin, **engine, **variables)

    def run(self, first: str, last: str, *, select: str = "*", **variables: str) -> str:
        """A range of days in one run, which must succeed; gives its log."""
        run = self.start("--select", select, "--partition-range", f"{first}...{last}", **variables)
        output, _ = run.communicate()
        assert run.returncode == 0, output[-6000:]
        return output


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master, two workers and a Spark Connect server."""
    if lack := find_lack():
        pytest.skip(lack)
    with run_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Spark Connect server that does the work itself."""
    if lack := find_lack():
        pytest.skip(lack)
    with run_cluster(tmp_path_factory.mktemp("server"), workers=0) as running:
        yield running
