"""The published file, the last asset of a run: it is written only when every check of error severity has passed."""

from collections.abc import Iterator, Sequence

import dagster as dg

from leap_assets.assets.layers import OWNERS, PUBLISHED, meanings_of
from leap_assets.partitions import delivery_window, event_window
from leap_assets.resources import Warehouse
from leap_assets.settings import Settings
from leap_assets.sources.ledger import Ledger
from leap_assets.warehouse.publication import Meaning, is_published, key_figures, publish

KEY = dg.AssetKey(["published", "leap"])


def build_published(
    partitions: dg.PartitionsDefinition, tables: Sequence[dg.AssetSpec], settings: Settings
) -> dg.AssetsDefinition:
    """The read-only copy of the tables that people look at.

    Parameters
    ----------
    partitions : dagster.PartitionsDefinition
    tables : sequence of dagster.AssetSpec
        Tables of the warehouse. Those that are published become dependencies, and their descriptions comments.
    settings : Settings
        Where the published file is, and where a rebuilt warehouse goes.
    """
    path = settings.published_path
    shown = [spec for spec in tables if is_published(*spec.key.path)]

    @dg.asset(
        key=KEY,
        deps=[spec.key for spec in shown],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=PUBLISHED,
        owners=OWNERS,
        kinds={"duckdb", "file"},
        description=(
            "One file per warehouse: `published/leap.duckdb`, the marts, dimensions and the stage tables that people "
            "look at; the partition says that the day is in it, with the day's key figures.\n\nReplaced at once by "
            "rename: readers always see one consistent state and never hold up a run."
        ),
    )
    def published(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None]]:
        days = delivery_window(context)
        window = event_window(days, settings.start_date, settings.session_max_hours)
        with warehouse.shown(window) as connection:
            rows = publish(connection, path, context.run.run_id, _meanings(shown), currency=settings.currency)
            for day, figures in key_figures(connection, days).items():
                context.add_asset_metadata(figures, partition_key=day)
        if settings.rebuild:
            warehouse.put_in_place(settings.warehouse_path)
        if settings.is_mapped:
            # only now are its days built
            Ledger(settings.landing_dir).record_built(list(days))
        context.log.info(f"Published {sum(rows.values()):,} rows in {len(rows)} tables after {days}: {path}")
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(rows.values()),
                "tables": len(rows),
                "size_mb": round(path.stat().st_size / 1e6, 1),
                "path": dg.MetadataValue.path(str(path)),
            }
        )

    return published


def _meanings(specs: Sequence[dg.AssetSpec]) -> dict[tuple[str, str], Meaning]:
    """The words that the graph has for its tables."""
    meanings = {}
    for spec in specs:
        schema, table = spec.key.path
        meanings[schema, table] = Meaning(spec.description or "", meanings_of(spec))
    return meanings
