"""A Spark cluster on this machine, for trying and testing: a master, workers of one core each, a Spark Connect server.

It runs from an environment of its own (`.venv-spark`, made by `make spark-demo` and `make test-spark`): the package of
the server and that of the thin client share a folder, so that one environment cannot hold both.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leap_assets.dbt_child import ask_for_death_signal
from leap_assets.settings import PROJECT_DIR

PYTHON = PROJECT_DIR / ".venv-spark" / "bin" / "python"
STARTED_WITHIN_S = 120
HOST = "127.0.0.1"
DEPLOY = "org.apache.spark.deploy"


class ClusterError(Exception):
    """The cluster does not come up; the message says what is lacking, or what it said last."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs.

    Attributes
    ----------
    address : str
        Of its Spark Connect server, `sc://...`.
    folder : Path
        Tables, catalogue and logs.
    """

    address: str
    folder: Path


def find_lack(python: Path = PYTHON) -> str:
    """What is not there that a cluster needs; empty when all is."""
    if not python.exists():
        return f"{python} is not there: make test-spark"
    java = Path(os.environ.get("JAVA_HOME", "/nowhere")) / "bin" / "java"
    return "" if java.exists() or shutil.which("java") else "no Java: install version 17 or 21"


@contextlib.contextmanager
def run_cluster(
    folder: Path,
    *,
    workers: int = 2,
    memory: str = "768m",
    python: Path = PYTHON,
    worker_python: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """Start a cluster with a Hive catalogue of its own in a folder, and stop it at the end.

    Parameters
    ----------
    folder : Path
    workers : int
        Of one core each, in processes of their own; 0: none, the server does the work on two cores.
    memory : str
        Of each executor.
    python : Path
        Of the environment that has Spark.
    worker_python : Path, optional
        Of the environment that the workers run; the same when left out.
    settings : mapping, optional
        Settings of Spark beside the own ones.

    Raises
    ------
    ClusterError
        When it does not come up.
    """
    if lack := find_lack(python):
        raise ClusterError(lack)
    folder.mkdir(parents=True, exist_ok=True)
    home = subprocess.run(
        [python, "-c", "import pyspark; print(pyspark.__path__[0])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    environment = os.environ | {
        "SPARK_HOME": home,
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "work"),
        "SPARK_WORKER_DIR": str(folder / "workers"),
        "PYSPARK_PYTHON": str(worker_python or python),
    }
    with contextlib.ExitStack() as running:

        def start(name: str, command: Sequence[str], **more: str) -> subprocess.Popen[bytes]:
            out = running.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment | more,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # a cluster left behind by who was killed would keep the catalogue locked
                preexec_fn=ask_for_death_signal,
            )
            running.callback(_stop, process)
            return process

        master = "local[2]"
        if workers:
            port, page = find_port(), find_port()
            options = ["--host", HOST, "--port", str(port), "--webui-port", str(page)]
            command = [f"{home}/bin/spark-class", f"{DEPLOY}.master.Master", *options]
            start("master", command, SPARK_DAEMON_MEMORY="256m")
            master = f"spark://{HOST}:{port}"
            for number in range(workers):
                options = ["--host", HOST, "--webui-port", "0", "-c", "1", "-m", "2g", master]
                start(
                    f"worker-{number}",
                    [f"{home}/bin/spark-class", f"{DEPLOY}.worker.Worker", *options],
                    SPARK_DAEMON_MEMORY="256m",
                )
            _wait(lambda: _alive(page) >= workers, folder / "master.log")
        port = find_port()
        chosen = {
            "spark.ui.enabled": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.ansi.enabled": "true",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.catalogImplementation": "hive",
            "spark.sql.warehouse.dir": str(folder / "tables"),
            "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder / 'catalogue'}",
            "spark.driver.memory": "1g",
            "spark.executor.memory": memory,
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.connect.grpc.binding.address": HOST,
            "spark.connect.grpc.binding.port": str(port),
            **(settings or {}),
        }
        command = [f"{home}/bin/spark-submit", "--master", master]
        command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
        command += [part for name, value in chosen.items() for part in ("--conf", f"{name}={value}")]
        server = start("server", [*command, "spark-internal"])
        _wait(lambda: _answers(port), folder / "server.log", server)
        yield Cluster(f"sc://{HOST}:{port}", folder)


def find_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _alive(page: int) -> int:
    """Workers that the master knows."""
    with urllib.request.urlopen(f"http://{HOST}:{page}/json/", timeout=2) as answer:
        return sum(worker["state"] == "ALIVE" for worker in json.load(answer)["workers"])


def _answers(port: int) -> bool:
    with socket.create_connection((HOST, port), timeout=1):
        return True


def _wait(is_there: Callable[[], bool], log: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        with contextlib.suppress(OSError):
            if is_there():
                return
        time.sleep(0.2)
    raise ClusterError(f"The Spark cluster did not come up:\n{log.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
