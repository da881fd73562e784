"""Start Dagster under a file-size limit or bound by permissions: `python -m leap_assets_tests.chaos.child 0 1 ...`.

A program and not a function that runs between fork and exec: those may hang in a process with threads.
"""

import ctypes
import os
import resource
import sys

PR_CAPBSET_DROP = 24
# prctl(2): programs that are started from now on do not get the capability
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
# capabilities(7): what lets root pass by the permissions of files


def main() -> None:
    """Arguments: the limit in bytes (0: none), whether permissions bind (root too), then those of dagster."""
    limit, bound = int(sys.argv[1]), int(sys.argv[2])
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    if bound and os.getuid() == 0:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "the capability cannot be dropped")
    os.execv(sys.executable, [sys.executable, "-m", "dagster", *sys.argv[3:]])


if __name__ == "__main__":
    main()
