"""Runs of the asset graph from a terminal, with progress a person can read: what `make demo` and `make rebuild` share.

Starts the same `dagster asset materialize` that users start; only its log is told shorter. What is run, and what is
said at the end, is decided by the callers.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence

from leap_assets.partitions import Window
from leap_assets.settings import PROJECT_DIR

STEPS = {
    "simulate": "simulating the game",
    "take_in": "taking in what was delivered",
    "take_in_files": "taking in what was delivered",
    "load": "loading the deliveries",
    "stage": "building the staging models",
    "detect": "detecting conflicts",
    "model": "building dimensions and marts",
    "prove": "comparing the marts with the truth",
    "compute_again": "computing every table again from landing/",
    "published__leap": "publishing",
}
KEPT_LINES = 60
# of the log, shown when a run fails
_EVENT = re.compile(r" - (?:STEP_START|STEP_SUCCESS) - (Started|Finished) execution of step \"(\w+)\"")
_SAID = re.compile(r" - dagster - (INFO|WARNING) - \S+ - \S+ - (?:\w+ - )?(.*)$")
_CAUSE = re.compile(r"(?:[\w.]+\.)?(?:\w+Error|Failure): (.+)")
# the last one in a chain of exceptions is the cause
_TESTED = re.compile(r"Done\. PASS=(\d+) WARN=(\d+) ERROR=(\d+)")
_QUIET = (
    "A dbt subsetted",
    "Running dbt command",
    "Finished dbt command",
    "Copying `",
    # a step that has nothing to do in this run
    "op 'compute_again' did not yield",
)


def materialize(selection: str, days: Window, environment: Mapping[str, str] | None = None) -> bool:
    """Materialise a selection of assets for a range of days in one run, telling its progress.

    Parameters
    ----------
    selection : str
        In the syntax of `--select`.
    days : Window
        Delivery days.
    environment : mapping, optional
        Variables beside those of this process.

    Returns
    -------
    bool
        Whether the run succeeded. When it did not, the end of its log and the cause have been printed.
    """
    print(f"Materialising {days} ({len(days)} days) in one run", flush=True)
    arguments = ["asset", "materialize", "--select", selection]
    return _run([*arguments, "--partition-range", f"{days.first}...{days.last}"], environment)


def execute(
    job: str,
    environment: Mapping[str, str] | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    shows_log: bool = True,
) -> bool:
    """Run a job that has no days, telling its progress; gives whether it succeeded, like `materialize`.

    Without `shows_log`, of a run that failed only the cause is printed.
    """
    arguments = ["job", "execute", "--job", job]
    if tags:
        arguments += ["--tags", json.dumps(tags)]
    return _run(arguments, environment, shows_log=shows_log)


def _run(arguments: Sequence[str], environment: Mapping[str, str] | None, *, shows_log: bool = True) -> bool:
    command = [sys.executable, "-m", "dagster", *arguments, "-m", "leap_assets.definitions"]
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=PROJECT_DIR,
        env={**os.environ, **(environment or {}), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        kept: deque[str] = deque(maxlen=KEPT_LINES)
        causes: list[str] = []
        for line in process.stdout or ():
            kept.append(line)
            if cause := _CAUSE.match(line):
                causes.append(cause[1])
            if sentence := retell(line):
                print(f"  {time.monotonic() - started:5.1f} s  {sentence}", flush=True)
    if process.returncode:
        if shows_log or not causes:
            print("\nThe run failed. The end of its log:\n")
            print("".join(kept))
        if causes:
            print(f"The run failed: {causes[-1]}")
    return process.returncode == 0


def retell(line: str) -> str | None:
    """The sentence for a person in a line of a run's log, None when there is none."""
    if event := _EVENT.search(line):
        state, step = event.groups()
        return STEPS.get(step, step) if state == "Started" else None
    if tested := _TESTED.search(line):
        passed, warned, failed = map(int, tested.groups())
        return f"  {passed} models and tests passed, {warned} warned, {failed} failed"
    if line.startswith("{"):
        return None
    if said := _SAID.search(line):
        level, sentence = said.groups()
        if not sentence.startswith(_QUIET):
            return f"  {'WARNING: ' if level == 'WARNING' else ''}{sentence}"
    return None
