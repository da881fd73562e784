"""Orders in which the days of a world are run, and whether the warehouse is the same after each."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

from leap_assets.partitions import Window

from .running import Warehouse, open_warehouse, spans
from .worlds import World

MOST_RUNS = 12


def orders_of(world: World, seed: int, count: int = 1) -> list[list[Window]]:
    """Some orders, drawn: single days and ranges, mixed up, some of them twice; each day is in one run at least."""
    rng = random.Random(seed)
    return [_draw_order(world.days, rng) for _ in range(count)]


def _draw_order(days: Sequence[dt.date], rng: random.Random) -> list[Window]:
    share = min(1.0, MOST_RUNS / len(days))
    runs = []
    for window in spans(days):
        begin = window.first
        for day in window:
            if day == window.last or rng.random() < share:
                runs.append(Window(begin, day))
                begin = day + dt.timedelta(days=1)
    rng.shuffle(runs)
    # Again: a day that was run already, in the middle of the others.
    for _ in range(rng.randint(0, 2)):
        runs.insert(rng.randrange(len(runs) + 1), rng.choice(runs))
    return runs


def differing(warehouse: Warehouse, runs: Sequence[Window]) -> dict[str, list[Any]]:
    """Tables that are others after some runs, each with rows of one side only."""
    other = open_warehouse(warehouse.world, warehouse.settings.data_dir)
    try:
        for number, window in enumerate(runs):
            # A statement per day here: what pieces of a window give must be what the window gives.
            is_last = number == len(runs) - 1
            other.run(window, is_last=is_last, by_day=number % 2 == 1)
        return compare(warehouse, other)
    finally:
        other.close()


def compare(one: Warehouse, other: Warehouse) -> dict[str, list[Any]]:
    """Tables that differ, with some rows that only one of two warehouses has, signed by which."""
    prints = one.fingerprints(), other.fingerprints()
    found = {}
    for table in sorted(set(prints[0]) | set(prints[1])):
        if prints[0].get(table) != prints[1].get(table):
            rows = [sorted(map(repr, side.rows(f"from {table}"))) for side in (one, other)]
            only = [f"- {row}" for row in _without(rows[0], rows[1])]
            found[table] = (only + [f"+ {row}" for row in _without(rows[1], rows[0])])[:6]
    return found


def _without(rows: list[str], others: list[str]) -> list[str]:
    left = list(others)
    found = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            found.append(row)
    return found
