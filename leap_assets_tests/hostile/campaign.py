"""One world tried out: built in one order, compared with the second opinion and with other orders of its days.

Everything that can be wrong with a world is a finding with a name; a world without findings is right.
"""

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from leap_assets.landing.files import LandingError

from .oracle import disagreements
from .orders import differing, orders_of
from .rules import reached
from .running import build, landed
from .worlds import World


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of a world: the rules that it reached, and what is wrong, by what noticed it."""

    world: World
    rules: frozenset[str]
    findings: dict[str, str]
    seconds: float


def try_world(world: World, seed: int, orders: int = 1) -> Trial:
    """Build a world and look at it from all sides.

    Parameters
    ----------
    world : World
    seed : int
        Of the orders of days.
    orders : int
        How many there are beside the first.
    """
    started = time.perf_counter()
    findings: dict[str, str] = {}
    rules: set[str] = set()
    with landed(world) as folder:
        try:
            warehouse = build(world, folder)
        except LandingError as error:
            # Ten lines or more, all of another day: the loader refuses the file, as it must.
            return Trial(
                world, frozenset(), {} if "belongs to another day" in str(error) else {"load": str(error)}, 0
            )
        except (duckdb.Error, ValueError) as error:
            return Trial(world, frozenset(), {"run stopped": str(error)[:500]}, time.perf_counter() - started)
        try:
            rules = reached(warehouse)
            findings |= {f"data test {name}": "it has rows" for name in warehouse.failing_data_tests()}
            opinions = disagreements(warehouse.connection, warehouse.settings)
            findings |= {f"second opinion on {table}": said for table, said in opinions.items()}
            for runs in orders_of(world, seed, orders):
                found = differing(warehouse, runs)
                order = ", ".join(map(str, runs))
                findings |= {f"order of days: {table}": f"{order}: {rows}" for table, rows in found.items()}
        finally:
            warehouse.close()
    return Trial(world, frozenset(rules), findings, time.perf_counter() - started)


def shrink(world: World, seed: int, seconds: float = 120) -> Iterator[World]:
    """Ever smaller worlds in which something that was wrong with a world is wrong still; the last is the smallest."""
    wanted = set(try_world(world, seed).findings)
    ends_at = time.monotonic() + seconds
    size = max(1, len(world.lines) // 2)
    while time.monotonic() < ends_at:
        for begin in range(0, len(world.lines), size):
            lines = world.lines[:begin] + world.lines[begin + size :]
            smaller = dataclasses.replace(world, lines=lines)
            if time.monotonic() > ends_at:
                return
            if wanted & set(try_world(smaller, seed).findings):
                world = smaller
                yield world
                break
        else:
            if size == 1:
                return
            size = max(1, size // 2)


def write_failure(trial: Trial, path: Path) -> None:
    """Write a world with what is wrong with it, to be played again."""
    kept = json.loads(trial.world.to_json()) | {"findings": trial.findings}
    path.write_text(json.dumps(kept, indent=1))
