"""A Spark Connect server on this machine, for the tests that need one.

It runs from an environment of its own (`.venv-spark`, made by `make test-spark`): the package of the server and that of
the thin client share a folder, so that one environment cannot hold both.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from leap_assets.settings import PROJECT_DIR
from leap_assets_tests.dashboard.servers import find_port

PYTHON = PROJECT_DIR / ".venv-spark" / "bin" / "python"
STARTED_WITHIN_S = 120


def find_lack() -> str:
    """What is not there that a server needs; empty when all is."""
    if not PYTHON.exists():
        return f"{PYTHON} is not there: make test-spark"
    java = Path(os.environ.get("JAVA_HOME", "/nowhere")) / "bin" / "java"
    return "" if java.exists() or shutil.which("java") else "no Java: install version 17 or 21"


@contextlib.contextmanager
def spark_connect(folder: Path, master: str = "local[2]") -> Iterator[str]:
    """The address (sc://...) of a server with a Hive catalogue of its own in a folder; stopped at the end.

    Raises
    ------
    RuntimeError
        When the server does not come up; with the end of what it said.
    """
    port, log = find_port(), folder / "server.log"
    home = subprocess.run(
        [PYTHON, "-c", "import pyspark; print(pyspark.__path__[0])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder / 'catalogue'}",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
    }
    command = [f"{home}/bin/spark-submit", "--master", master]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    variables = os.environ | {
        "SPARK_HOME": home,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "work"),
        "PYSPARK_PYTHON": str(PYTHON),
    }
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "spark-internal"],
            cwd=folder,
            env=variables,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(server, port, log)
        yield f"sc://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"The Spark Connect server did not come up:\n{log.read_text()[-4000:]}")
