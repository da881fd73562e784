"""The published file, the last asset of a run: it is written only when every check of error severity has passed."""

from collections.abc import Iterator

import dagster as dg

from leap_assets.assets.layers import OWNERS, PUBLISHED
from leap_assets.partitions import delivery_window
from leap_assets.resources import Warehouse
from leap_assets.settings import Settings
from leap_assets.sources.ledger import Ledger
from leap_assets.warehouse.publication import is_published, publish

KEY = dg.AssetKey(["published", "leap"])


def build_published(
    partitions: dg.PartitionsDefinition, tables: list[dg.AssetKey], settings: Settings
) -> dg.AssetsDefinition:
    """The read-only copy of the tables that people look at.

    Parameters
    ----------
    partitions : dagster.PartitionsDefinition
    tables : list of dagster.AssetKey
        Tables of the warehouse, of which those that are published become dependencies.
    settings : Settings
        Where the published file is, and where a rebuilt warehouse goes.
    """
    path = settings.published_path

    @dg.asset(
        key=KEY,
        deps=[key for key in tables if is_published(*key.path)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=PUBLISHED,
        owners=OWNERS,
        kinds={"duckdb", "file"},
        description=(
            "One file per warehouse: `published/leap.duckdb`, the marts, dimensions and the stage tables that people "
            "look at; the partition says that the day is in it.\n\nReplaced at once by rename: readers always see one "
            "consistent state and never hold up a run."
        ),
    )
    def published(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None]]:
        days = delivery_window(context)
        with warehouse.get_connection() as connection:
            rows = publish(connection, path, context.run.run_id)
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
