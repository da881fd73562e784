"""stage_conflicts and stage_contacts: the NumPy kernel between the dbt models before and after it.

What a conflict is lives in `leap_assets.conflicts`, how rows become arrays and back in `leap_assets.warehouse`.
"""

from collections.abc import Iterator

import dagster as dg

from leap_assets.assets.layers import CONFLICTS, OWNERS, columns_of, relation_key
from leap_assets.partitions import delivery_window, event_window
from leap_assets.resources import Warehouse, rule_of
from leap_assets.settings import Settings
from leap_assets.warehouse.match_day import SCHEMA, TABLES


def build_conflicts(partitions: dg.PartitionsDefinition, settings: Settings) -> dg.AssetsDefinition:
    """Conflict detection over the event days that a run's deliveries can change."""
    read = [relation_key(SCHEMA, table) for table in ("event_heartbeat", "stage_centroids", "stage_matches")]
    specs = [
        dg.AssetSpec(
            relation_key(SCHEMA, table),
            deps=read,
            description=description,
            group_name=CONFLICTS,
            owners=OWNERS,
            kinds={"numpy", settings.engine, "table"},
            metadata=columns_of(columns),
        )
        for table, (columns, description) in TABLES.items()
    ]

    @dg.multi_asset(
        name="detect",
        specs=specs,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def detect(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None]]:
        delivered = delivery_window(context)
        window = event_window(delivered, settings.start_date, settings.session_max_hours)
        found = warehouse.replace_conflicts(window, rule_of(settings))
        for table, rows_by_day in found.items():
            key = relation_key(SCHEMA, table)
            for day in delivered:
                rows = {"dagster/partition_row_count": rows_by_day[day]}
                context.add_asset_metadata(rows, key, day.isoformat())
            context.log.info(f"{table}: {sum(rows_by_day.values()):,} rows in {len(rows_by_day)} event days")
            yield dg.MaterializeResult(key)

    return detect
