"""What the benchmarks share: steps in processes of their own, medians, the line on the machine, Markdown tables.

A contender is a step that tells in a file what its own work cost; what the process cost is seen from outside. What is
measured is not known in here. Imports nothing large: a child's peak starts with its parent's.
"""

import contextlib
import dataclasses
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


class BenchmarkError(Exception):
    """The benchmark cannot go on; the message says why."""


class Stopwatch:
    """Wall and processor time since it was made, of this process with all its threads."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Seconds so far."""
        return {
            "wall": time.perf_counter() - self._started[0],
            "cpu": time.process_time() - self._started[1],
        }


@dataclasses.dataclass(frozen=True)
class Step:
    """One process of a contender: what it cost seen from outside, and what it told of itself."""

    wall_s: float
    peak_mb: float
    told: Mapping[str, Any]

    @property
    def work_s(self) -> float:
        """Wall time without imports and start-up."""
        return float(self.told["work"]["wall"])

    @property
    def work_cpu_s(self) -> float:
        """User and system time without imports and start-up."""
        return float(self.told["work"]["cpu"])


def run_step(
    arguments: Sequence[str],
    answer: Path,
    *,
    threads: int,
    variables: Mapping[str, str] | None = None,
) -> Step:
    """Run this Python with arguments and, behind them, the file in which the step tells of itself.

    Parameters
    ----------
    arguments : sequence of str
    answer : Path
        Its folder is LEAP_DATA_DIR of the step, unless `variables` says otherwise.
    threads : int
        The step gets so many of the processors, where the system can do that.
    variables : mapping, optional
        Added to the environment, from which all settings of Leap and dbt are gone.

    Raises
    ------
    BenchmarkError
        When the process fails; what it said is on stderr.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEAP_", "DBT_"))}
    environment = (
        inherited
        | dict.fromkeys(THREAD_VARIABLES, str(threads))
        | {"LEAP_DATA_DIR": str(answer.parent)}
        | dict(variables or {})
    )
    answer.write_text("{}")
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments, str(answer)], cwd=ROOT, env=environment, stdout=sys.stderr
    )
    try:
        pin(threads, process.pid)
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(f"{' '.join(arguments[:4])} ended with {process.returncode}")
    return Step(wall, _megabytes(usage.ru_maxrss), json.loads(answer.read_text()))


def pin(threads: int, process: int = 0) -> None:
    """Keep a process (this one: 0) to some processors, where the system can: engines take all that they see."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process, sorted(os.sched_getaffinity(0))[:threads])


def peak_mb() -> float:
    """Largest resident memory of this process, since `reset_peak` where the system can tell that (Linux)."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1e3
    return _megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def reset_peak() -> float:
    """Let the peak of this process begin anew, where the system can (Linux); gives the peak that is left."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()


def _megabytes(maxrss: int) -> float:
    # in kilobytes, on macOS in bytes
    return maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def machine_line(packages: Iterable[str] = ()) -> str:
    """Processors, their model, memory, system and the versions of Python and of some packages."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{seen} processors ({model}), {memory_gb:.0f} GB, {system}" + (
        f", {versions}" if versions else ""
    )


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
