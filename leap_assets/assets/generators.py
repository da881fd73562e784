"""The generators: the simulated world writes its logs into landing/, and its truth into truth/, a day at a time.

With another source the same keys are external assets: somebody else puts the files there. What a day of the world
looks like is decided in `simulation`, what its files look like in `landing`.
"""

import datetime as dt
from collections.abc import Iterator, Mapping

import dagster as dg

from leap_assets.assets.layers import GENERATORS, OWNERS, TRUTH, columns_of, landing_key, truth_key
from leap_assets.landing.contracts import CONTRACTS
from leap_assets.partitions import LATE_DAYS, delivery_window
from leap_assets.proofs.known import READ
from leap_assets.proofs.truth import OF_DELIVERY, TABLES, has_truth, write_truth
from leap_assets.resources import LandingZone, Warehouse
from leap_assets.settings import Settings
from leap_assets.simulated_day import DayWriter
from leap_assets.simulation import World

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


def truth_specs() -> list[dg.AssetSpec]:
    """One spec a table of the truth: what really happened on an event day."""
    return [
        dg.AssetSpec(
            truth_key(table),
            description=(
                f"{grain}\n\nThe truth that proofs compare the marts with; nothing else reads it. The partition is "
                f"the {'delivery' if table in OF_DELIVERY else 'event'} day."
            ),
            group_name=TRUTH,
            owners=OWNERS,
            kinds={"file", "parquet"},
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    columns=[
                        dg.TableColumn(name, type=kind, description=said) for name, kind, said in columns
                    ]
                )
            },
        )
        for table, (grain, columns) in TABLES.items()
    ]


def build_generators(partitions: dg.PartitionsDefinition, settings: Settings) -> dg.AssetsDefinition:
    """Generators of the simulated world, as one subsettable multi-asset: a day is simulated once for all its files."""
    specs = [*landing_specs(), *(truth_specs() if settings.proofs else ())]

    @dg.multi_asset(
        name="simulate",
        specs=[spec.merge_attributes(kinds={"numpy"}) for spec in specs],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def simulate(
        context: dg.AssetExecutionContext, landing: LandingZone, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None]]:
        selected = context.selected_asset_keys
        logs = [log for log, c in CONTRACTS.items() if landing_key(c) in selected]
        tables = [table for table in TABLES if truth_key(table) in selected]
        days = delivery_window(context)
        if tables:
            _tell_days_before(context, settings, days.first)
        writer = DayWriter(settings.world, landing.dir, settings.truth_dir, logs, tables)
        for number, (day, lines, told) in enumerate(warehouse.simulate(writer, days), 1):
            _count(context, day, lines, told)
            if number % SAID_EVERY_DAYS == 0 or number == len(days):
                context.log.info(
                    f"Simulated {day}, day {number} of {len(days)}: {sum(lines.values()):,} lines delivered"
                )
        for key in sorted(selected):
            yield dg.MaterializeResult(key)

    return simulate


def _count(
    context: dg.AssetExecutionContext, day: dt.date, lines: Mapping[str, int], told: Mapping[str, int]
) -> None:
    """Row counts of a day, for the UI."""
    keys = {landing_key(CONTRACTS[log]): rows for log, rows in lines.items()}
    keys |= {truth_key(table): rows for table, rows in told.items()}
    for key, rows in keys.items():
        context.add_asset_metadata({"dagster/partition_row_count": rows}, key, day.isoformat())


def _tell_days_before(context: dg.AssetExecutionContext, settings: Settings, first: dt.date) -> None:
    """Late lines of the days before a run are in its deliveries: their truth must be there, simulated or not."""
    before = [first - dt.timedelta(days=late) for late in range(LATE_DAYS, 0, -1)]
    untold = [
        day for day in before if day >= settings.start_date and not has_truth(settings.truth_dir, day, READ)
    ]
    if not untold:
        return
    world = World(settings.world)
    for day in untold:
        rows = write_truth(settings.truth_dir, day, world.tell(day), tuple(TABLES))
        context.log.info(f"Wrote the truth of {day}, of which late lines come: {sum(rows.values()):,} rows")
