"""dbt as a child process that never outlives the run that started it: the program `leap-dbt`.

A run that is killed leaves its children behind, and a dbt left behind would go on writing while the next run
already does. So this child dies with its parent, and holds a lock of its own for as long as it lives. And it works in
the folder of the warehouse, so that the project as parsed once serves every data folder. Nothing else is different
from dbt. Kept free of other imports of Leap: it starts with every dbt command.
"""

import atexit
import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

LOCK_VARIABLE = "DBT_LEAP_CHILD_LOCK"
WAREHOUSE_VARIABLE = "DBT_LEAP_WAREHOUSE"
PR_SET_PDEATHSIG = 1
# prctl(2): the signal this process gets when its parent dies
POLL_S = 0.5
# where the kernel has no such signal (macOS), look this often


def ask_for_death_signal() -> None:
    """Let the kernel send SIGKILL to this process when its parent ends, where it can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def die_with_parent(parent: int) -> None:
    """Arrange for SIGKILL when the process `parent` ends."""
    ask_for_death_signal()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="die-with-parent").start()


def enter_folder_of_warehouse() -> None:
    """Make the warehouse's path relative to the working directory.

    dbt parses a whole project anew when a connection's path is another than the last time.
    """
    path = Path(os.environ.get(WAREHOUSE_VARIABLE, ""))
    if not path.is_absolute():
        return
    # a folder that cannot be entered is dbt's to report
    with contextlib.suppress(OSError):
        os.chdir(path.parent)
        os.environ[WAREHOUSE_VARIABLE] = path.name


def main() -> None:
    """Run dbt with the arguments of this process."""
    die_with_parent(os.getppid())
    enter_folder_of_warehouse()
    if path := os.environ.get(LOCK_VARIABLE):
        from filelock import FileLock

        Path(path).parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire()
        # registered before dbt is imported, so that it comes after dbt has closed the warehouse at its exit
        atexit.register(lock.release)
    from dbt.cli.main import cli

    cli()


if __name__ == "__main__":
    main()
