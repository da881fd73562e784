"""The command: `make fuzz`, or `python -m leap_assets_tests.fuzz --inputs 100000`."""

import argparse
import os
import sys

from leap_assets_tests.fuzz.campaign import run


def main() -> int:
    """Exit code 1 when something was found."""
    parser = argparse.ArgumentParser(description="Try bad inputs.")
    parser.add_argument("--inputs", type=int, default=100_000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="other inputs for another seed")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    return 1 if run(options.seed, options.inputs, options.first, options.processes) else 0


if __name__ == "__main__":
    sys.exit(main())
