"""A session on a Spark Connect server: made, checked, given the code of the workers, and its errors in words."""

import contextlib
import importlib
import re
import socket
import tempfile
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

import leap_assets

OLDEST = (4, 1)
PORT = 15002
# of Spark Connect, where the address has none
REACHED_WITHIN_S = 10
RETRIES = 7
# of a call whose server has gone: two minutes in all, where pyspark would try for ten
WORKER_PACKAGES = ("duckdb", "numpy", "pandas", "pyarrow")
WORKER_MODULES = ("landing.ingestion", "spark.loading", "spark.detection", "simulated_day")
NOT_FOR_WORKERS = ("dashboard", "assets")
CHECK_SCHEMA = pa.schema([("said", pa.string())])


class SparkError(Exception):
    """Spark cannot do what a run needs; the message says why and what to do."""


def place_of(remote: str) -> str:
    """Host and port of a Spark Connect address; what else it says, such as a token, is nobody's business."""
    parts = urllib.parse.urlsplit(remote)
    return f"{parts.hostname}:{parts.port or PORT}"


def connect(remote: str) -> Any:
    """A session in UTC whose workers have Leap's code.

    Parameters
    ----------
    remote : str
        Address, `sc://host:port/;parameters`.

    Returns
    -------
    pyspark.sql.connect.session.SparkSession
        To be stopped by the caller.

    Raises
    ------
    SparkError
        For a server that cannot be reached or is too old, and for workers that lack something.
    """
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    _reach(remote)
    with errors_explained(remote):
        session: Any = SparkSession.builder.remote(remote).create()
        session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
        try:
            _check_version(session.version, remote)
            session.conf.set("spark.sql.session.timeZone", "UTC")
            session.conf.set("spark.sql.ansi.enabled", "true")
            # a window's days are replaced one partition each; other days stay
            session.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
            _send_code(session)
            _check_workers(session, remote)
        except BaseException:
            session.stop()
            raise
    return session


def _reach(remote: str) -> None:
    host, _, port = place_of(remote).rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=REACHED_WITHIN_S).close()
    except OSError as error:
        raise SparkError(
            f"No Spark Connect server answers at {host}:{port} ({error.strerror or error}). Is it running, and is "
            "SPARK_REMOTE right? Nothing was changed."
        ) from None


def _check_version(version: str, remote: str) -> None:
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < OLDEST:
        raise SparkError(
            f"The Spark server at {place_of(remote)} has version {version}; Leap needs {'.'.join(map(str, OLDEST))} or "
            "newer. Upgrade it, or name another one in SPARK_REMOTE. Nothing was changed."
        )


def _send_code(session: Any) -> None:
    """Leap as a zip file that Spark puts on the path of the session's Python workers."""
    root = Path(leap_assets.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leap_assets.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(root.rglob("*.py")):
                name = file.relative_to(root)
                if name.parts[0] not in NOT_FOR_WORKERS:
                    archive.write(file, Path(root.name) / name)
        session.addArtifacts(str(path), pyfile=True)


def _check_workers(session: Any, remote: str) -> None:
    [(said,)] = session.range(0, 1, 1, 1).mapInArrow(_look_around, "said string").collect()
    if said:
        raise SparkError(
            f"The Python of the workers of {place_of(remote)} lacks something: {said}. Install "
            f"{', '.join(WORKER_PACKAGES)} on every worker, in the versions of requirements.lock, and set "
            "PYSPARK_PYTHON of the server to that Python (docs/spark.md). Nothing was changed."
        )


def _look_around(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On a worker: what cannot be imported of what the others need."""
    said = ""
    for _ in batches:
        for name in (*WORKER_PACKAGES, *(f"leap_assets.{module}" for module in WORKER_MODULES)):
            try:
                importlib.import_module(name)
            except Exception as error:
                said = said or f"{name} ({error})"
    yield pa.RecordBatch.from_pylist([{"said": said}], schema=CHECK_SCHEMA)


_CAUSES = (
    (
        "PYTHON_VERSION_MISMATCH",
        "The Python of the workers has another version than the one that runs Leap. Set PYSPARK_PYTHON of the server "
        "to the same minor version (docs/spark.md)",
    ),
    (
        r"No module named|PACKAGE_NOT_INSTALLED|ModuleNotFoundError",
        f"The Python of the workers lacks a package. Install {', '.join(WORKER_PACKAGES)} on every worker, and set "
        "PYSPARK_PYTHON of the server to that Python (docs/spark.md)",
    ),
    (
        r"OutOfMemoryError|Java heap space|GC overhead|SparkOutOfMemory|MemoryError|exit code 137|Out of Memory Error",
        "A task ran out of memory, also when it was tried again. Give the executors more (spark.executor.memory, and "
        "spark.executor.memoryOverhead for Python), fewer cores each, or deliver smaller files",
    ),
    (
        r"ExecutorLostFailure|executor lost|Executor heartbeat timed out|Worker lost|SparkContext was shut down",
        "Executors were lost, also when their tasks were tried again. Look at the cluster's own log for the reason",
    ),
    (
        r"SessionHiveMetaStoreClient",
        "The server cannot open its catalogue. Does another server use the same one? Stop it and start this one again",
    ),
    (
        r"StatusCode\.UNAVAILABLE|failed to connect to all addresses|RETRIES_EXCEEDED|Connection reset",
        "The server went away in the middle of the run. Start it again",
    ),
)


def describe_error(error: BaseException, remote: str) -> str | None:
    """What a person should know and do about an error of Spark; None when it is about something else."""
    # not above: this module is there where the workers look for duckdb
    from leap_assets.warehouse.connections import all_said

    said = all_said(error)
    for pattern, words in _CAUSES:
        if re.search(pattern, said):
            return (
                f"Spark at {place_of(remote)}: {words}; then run the days of this run again. Every day of a table is "
                "the one of before or the new one, and the published file is the one of before."
            )
    return None


@contextlib.contextmanager
def errors_explained(remote: str) -> Iterator[None]:
    """Turn what Spark raises inside into an error that says what to do, where that is known."""
    try:
        yield
    except SparkError:
        raise
    except Exception as error:
        if said := describe_error(error, remote):
            raise SparkError(said) from error
        raise
