"""`make erase PLAYER=<id>`: a player of a mapped source taken out of landing/, the warehouse and the published file.

The hashed id goes on a list first, which every later delivery is compared with. Then a run takes in (and takes the
player's rows out of landing/), and the warehouse is built anew. Interrupted, the same command ends it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from leap_assets import rebuild
from leap_assets.landing.validation import quote_identifier
from leap_assets.materialization import execute
from leap_assets.settings import LANDING, SPARK, Settings, SettingsError, load_settings
from leap_assets.sources.declaration import PLAYER, SourceError, hashing_of, read_source
from leap_assets.sources.erasing import add_erased, check_personal, is_applied, read_erased
from leap_assets.sources.ledger import Ledger
from leap_assets.sources.taking_in import TAKE_IN_JOB


def main(arguments: Sequence[str] | None = None) -> int:
    """Erase a player; the exit code says whether nothing of the player is left."""
    parser = argparse.ArgumentParser(prog="python -m leap_assets.erase", description=__doc__)
    parser.add_argument("--player", required=True, help="id of the player as it was delivered")
    parser.add_argument("--hashed", action="store_true", help="the id is the hash that the tables have")
    given = parser.parse_args(arguments)
    if not given.player:
        print("Which player? Say make erase PLAYER=<id>, with the id as it was delivered.")
        return 2
    try:
        settings = load_settings()
        hashed = _put_on_list(settings, given.player, is_hashed=given.hashed)
    except (SettingsError, SourceError) as error:
        print(f"Refused: {error}")
        return 2
    before = count_rows(settings.published_path, hashed)
    if not execute(TAKE_IN_JOB, {"LEAP_REBUILD": "1"}):
        if not is_applied(settings.landing_dir, settings.erased_path):
            print(_unfinished(settings))
            return 1
        print("What could not be taken in is said above. The player is out of landing/: going on.")
    if not rebuild.build_anew(settings):
        print(_unfinished(settings))
        return 1
    after = count_rows(settings.published_path, hashed)
    for table, rows in before.items():
        print(f"{table}: {rows:,} rows of the player before, {after.get(table, 0):,} now")
    if after:
        print(_unfinished(settings))
        return 1
    if not before:
        print(
            f"WARNING: no table of {settings.published_path} had a row of this player before. Is it the id as it was "
            "delivered? (When this is a second try, the first one may have removed them.)"
        )
    print(
        f"Erased. {settings.erased_path} keeps the hashed id alone, and later deliveries leave the player out. Delete "
        f"the player from {settings.delivered_dir}, and from copies and backups of {settings.data_dir}, yourself."
    )
    return 0


def _put_on_list(settings: Settings, player: str, *, is_hashed: bool) -> str:
    """Check that the player can be erased, and put the hashed id on the list; gives it."""
    if settings.engine == SPARK:
        raise SourceError(
            f"LEAP_ENGINE={SPARK}: a player is erased from the tables of a DuckDB file alone. Take the player's lines "
            "out of what was delivered, and run their days again (docs/spark.md)."
        )
    if not settings.is_mapped:
        raise SourceError(
            f"LEAP_SOURCE={settings.source}: only players of mapped sources can be erased. "
            + (
                f"The files in {settings.landing_dir} are not written by Leap: take the player's lines out of them "
                "yourself, then run make rebuild."
                if settings.source == LANDING
                else "Those of the simulator are nobody."
            )
        )
    source = read_source(settings.source_dir)
    hashing = hashing_of(source, settings.hash_key)
    if hashing is None or PLAYER not in {name for names in source.personal.values() for name in names}:
        raise SourceError(
            f"{source.folder / 'source.toml'}: {PLAYER} is not personal, so that ids are stored as they are, also in "
            f"texts of rejected lines. Write {PLAYER} = true into [personal], build another data folder with "
            "LEAP_DATA_DIR=<folder>, and erase the player there; then delete this one."
        )
    if not settings.landing_dir.is_dir():
        raise SourceError(
            f"{settings.landing_dir} does not exist: nothing was taken in. Is LEAP_DATA_DIR right?"
        )
    check_personal(source, Ledger(settings.landing_dir), hashing, read_erased(settings.erased_path))
    hashed = player if is_hashed else hashing.of(player)
    is_new = add_erased(settings.erased_path, hashed)
    print(
        f"{hashed} {'is now' if is_new else 'was already'} on the list of erased players, {settings.erased_path}"
    )
    return hashed


def _unfinished(settings: Settings) -> str:
    return (
        f"Not finished: the player is on the list, but may still be in {settings.warehouse_path} and "
        f"{settings.published_path}. Mend what is said above and give the same command again."
    )


def count_rows(path: Path, hashed: str) -> dict[str, int]:
    """Rows of the published file with a player's hashed id, by table; those without one are left out."""
    if not path.exists():
        return {}
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            """select distinct schema_name || '.' || table_name
            from duckdb_columns() where not internal and column_name = ? order by 1""",
            [PLAYER],
        ).fetchall()
        counts = {
            table: connection.execute(
                f"select count(*) from {'.'.join(map(quote_identifier, table.split('.')))} where {PLAYER} = ?",
                [hashed],
            ).fetchall()[0][0]
            for (table,) in tables
        }
    return {table: count for table, count in counts.items() if count}


if __name__ == "__main__":
    sys.exit(main())
