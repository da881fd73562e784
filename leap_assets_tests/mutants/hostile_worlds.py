"""The hostile worlds as worlds for mutants: the cases made by hand, and some that are drawn.

The second opinion has agreed with their tables before anything is changed; what changes a table that it computes is
then noticed by it.
"""

import shutil
from collections.abc import Collection
from pathlib import Path

import duckdb

from leap_assets.partitions import Window
from leap_assets.warehouse.connections import open_for_writing
from leap_assets_tests.hostile import running
from leap_assets_tests.hostile.cases import ALL_CASES, GROUPS, world_of
from leap_assets_tests.hostile.generator import draw_world
from leap_assets_tests.hostile.oracle import disagreements
from leap_assets_tests.hostile.worlds import SETUPS, write_landing
from leap_assets_tests.hostile.worlds import World as HostileWorld

from .worlds import HOSTILE_PREFIX, World

# Drawn worlds, by their seed and number: more notice hardly more, and each costs a second per mutant.
DRAWN = ((1, 0), (1, 1), (1, 7))


def build_hostile_worlds(folder: Path, names: Collection[str] = ()) -> list[World]:
    """All of them in a folder, or those with some names, made anew where they are not there yet."""
    worlds = [world_of(ALL_CASES, group) for group in GROUPS] + [draw_world(*number) for number in DRAWN]
    worlds = [world for world in worlds if not names or world.name in names]
    return [_build(folder / world.name, world) for world in worlds]


def _build(folder: Path, world: HostileWorld) -> World:
    settings = SETUPS[world.setup].settings(folder / "data")
    path = folder / "world" / "leap.duckdb"
    kept = folder / "world.json"
    if not path.exists() or kept.read_text() != world.to_json():
        shutil.rmtree(folder, ignore_errors=True)
        write_landing(world, settings.landing_dir)
        partial = folder / "partial" / path.name
        partial.parent.mkdir(parents=True)
        warehouse = running.build(world, settings.data_dir, path=partial)
        warehouse.close()
        path.parent.mkdir()
        partial.replace(path)
        kept.write_text(world.to_json())
    with duckdb.connect(str(path), read_only=True) as connection:
        first, last = connection.execute(
            "select min(event_date), max(event_date) from leap_stage.fact_player_day"
        ).fetchall()[0]
    window = Window(first, last)
    project = running.project_in_window(world.setup, window)
    return World(f"{HOSTILE_PREFIX}{world.name}", path, settings, window, project)


def find_disagreements(world: World) -> list[str]:
    """What is wrong with a hostile world in which nothing was changed."""
    with open_for_writing(world.path) as connection:
        return [
            f"{table} of {world.name}: {said}"
            for table, said in disagreements(connection, world.settings).items()
        ]
