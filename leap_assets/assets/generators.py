"""The generators: the simulated world writes its logs into landing/, a day at a time.

With another source the same keys are external assets: somebody else puts the files there. What a day of the world
looks like is decided in `simulation`, what its files look like in `landing`.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from leap_assets.assets.layers import GENERATORS, OWNERS, columns_of, landing_key
from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.writing import write_delivery
from leap_assets.partitions import Window, delivery_window
from leap_assets.resources import LandingZone, Warehouse
from leap_assets.simulation import World, WorldConfig

SAID_EVERY_DAYS = 10
# days between two lines of progress


def landing_specs() -> list[dg.AssetSpec]:
    """One spec a log: the files of a delivery day."""
    return [
        dg.AssetSpec(
            landing_key(contract),
            description=(
                f"One line per {contract.line.removeprefix('a ').removeprefix('an ')}, delivered as files in "
                f"`landing/{contract.log}/<day>/`; the partition is the delivery day.\n\nLines are as the game sent "
                "them: repeats, late lines and damage included."
            ),
            group_name=GENERATORS,
            owners=OWNERS,
            kinds={"file", {"ndjson": "json", "csv": "csv", "parquet": "parquet"}[contract.simulator_writes]},
            metadata=columns_of(contract.columns),
        )
        for contract in CONTRACTS.values()
    ]


def build_generators(partitions: dg.PartitionsDefinition, config: WorldConfig) -> dg.AssetsDefinition:
    """Generators of the simulated world, as one subsettable multi-asset: a day is simulated once for all its logs."""
    specs = [spec.merge_attributes(kinds={"numpy"}) for spec in landing_specs()]

    @dg.multi_asset(
        name="simulate",
        specs=specs,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def simulate(
        context: dg.AssetExecutionContext, landing: LandingZone, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None]]:
        logs = [log for log, c in CONTRACTS.items() if landing_key(c) in context.selected_asset_keys]
        _simulate(context, landing, World(config), logs, delivery_window(context))
        for log in logs:
            yield dg.MaterializeResult(landing_key(CONTRACTS[log]))

    return simulate


def _simulate(
    context: dg.AssetExecutionContext, landing: LandingZone, world: World, logs: Sequence[str], window: Window
) -> None:
    for number, day in enumerate(window, 1):
        lines = write_delivery(landing.dir, world.day(day, logs=tuple(logs), truth=False))
        for log, count in lines.items():
            context.add_asset_metadata(
                {"dagster/partition_row_count": count}, landing_key(CONTRACTS[log]), day.isoformat()
            )
        if number % SAID_EVERY_DAYS == 0 or number == len(window):
            context.log.info(
                f"Simulated {day}, day {number} of {len(window)}: {sum(lines.values()):,} lines delivered"
            )
