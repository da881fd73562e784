"""The step of a mapped source: what is new among the delivered files becomes files of landing/, whatever their days.

It stands where the simulator stands otherwise, with the same keys. How files are read and mapped lives in `sources`.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg

from leap_assets.assets.generators import landing_specs
from leap_assets.assets.layers import landing_key
from leap_assets.landing.contracts import CONTRACTS
from leap_assets.partitions import Window, delivery_window
from leap_assets.resources import LandingZone, Warehouse
from leap_assets.settings import Settings
from leap_assets.sources.declaration import SourceError, hashing_of, read_source
from leap_assets.sources.ledger import Ledger
from leap_assets.sources.taking_in import (
    SHOWN_RANGES,
    TAKE_IN_JOB,
    TAKE_IN_OP,
    TakenIn,
    buildable,
    ranges_of,
    take_in,
)
from leap_assets.warehouse.connections import describe_disk_error

TAKEN_IN_TAG = "leap/taken_in"
# of a run whose deliveries were taken in by the run before it


def build_take_in(partitions: dg.PartitionsDefinition, settings: Settings) -> dg.AssetsDefinition:
    """The landing files of a mapped source, as one multi-asset: a run takes in all that is new, for all logs."""
    specs = [
        spec.replace_attributes(kinds={"python", "duckdb", "parquet"}, deps=())
        for spec in landing_specs()
        if spec.key in {landing_key(CONTRACTS[log]) for log in settings.logs}
    ]

    @dg.multi_asset(
        name="take_in",
        specs=specs,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def take_in_step(
        context: dg.AssetExecutionContext, landing: LandingZone, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None]]:
        days = delivery_window(context)
        if TAKEN_IN_TAG not in context.run.tags:
            with warehouse.errors_explained():
                _take_in(context.log, settings)
        selected = context.selected_asset_keys
        ledger = Ledger(landing.dir)
        keys = {log: landing_key(contract) for log, contract in CONTRACTS.items()}
        for (log, day), lines in ledger.lines().items():
            if keys[log] in selected and days.first <= day <= days.last:
                metadata = {"dagster/partition_row_count": lines}
                context.add_asset_metadata(metadata, keys[log], day.isoformat())
        tell_stale_days(context.log, settings, ledger, days)
        totals = _totals(ledger)
        for key in sorted(selected):
            yield dg.MaterializeResult(key, metadata=totals)

    return take_in_step


def build_take_in_job(settings: Settings) -> dg.JobDefinition:
    """The job that only takes in: no day is built by it."""

    @dg.op(
        name=TAKE_IN_OP,
        config_schema={"leave": dg.Field(dg.Array(str), default_value=[], is_required=False)},
        description="Takes in the delivered files that are new or changed, apart from those in `leave`.",
    )
    def take_in_files(context: dg.OpExecutionContext, landing: LandingZone, warehouse: Warehouse) -> None:
        with warehouse.errors_explained():
            taken = _take_in(context.log, settings, context.op_config["leave"])
        ledger = Ledger(landing.dir)
        tell_stale_days(context.log, settings, ledger, None)
        context.add_output_metadata({"taken_in": len(taken.read), **_totals(ledger)})

    @dg.job(
        name=TAKE_IN_JOB,
        description="Delivered files into landing/, for all days that they touch; builds nothing.",
    )
    def job() -> None:
        take_in_files()

    return job


def _take_in(log: Any, settings: Settings, leave: Collection[str] = ()) -> TakenIn:
    is_private = False
    try:
        source = read_source(settings.source_dir)
        hashing = hashing_of(source, settings.hash_key)
        is_private = source.is_private
        return take_in(
            source,
            settings.delivered_dir,
            settings.landing_dir,
            start_date=settings.start_date,
            today=dt.datetime.now(dt.UTC).date(),
            leave=leave,
            hashing=hashing,
            erased_path=settings.erased_path,
            say=log.info,
            warn=log.warning,
        )
    except SourceError as error:
        # the message says it all: a stack trace would only bury it
        raise dg.Failure(str(error), allow_retries=False) from None
    except Exception as error:
        if not is_private or describe_disk_error(error, settings.data_dir):
            raise
        # whatever it is may quote a value, and the history of runs keeps what is raised here
        raise dg.Failure(
            f"Taking in failed with {type(error).__name__}. What it says is not repeated, because the source has "
            "personal data; `make check-source` tries the same files outside of any run.",
            allow_retries=False,
        ) from None


def tell_stale_days(log: Any, settings: Settings, ledger: Ledger, days: Window | None) -> None:
    """Say which days outside those of the run have other lines than when they were built, and how to build them."""
    today = dt.datetime.now(dt.UTC).date()
    stale = [
        day
        for day in buildable(ledger.stale_days(), settings.start_date, today)
        if days is None or not days.first <= day <= days.last
    ]
    if not stale:
        return
    ranges = ranges_of(stale)
    commands = [
        f"dagster asset materialize --select '*' --partition-range {first}...{last} -m leap_assets.definitions"
        for first, last in ranges[:SHOWN_RANGES]
    ]
    more = f"\n(and {len(ranges) - SHOWN_RANGES} more ranges)" if len(ranges) > SHOWN_RANGES else ""
    count = "1 day has" if len(stale) == 1 else f"{len(stale):,} days have"
    listed = "\n".join(commands) + more
    if days is None:
        # whoever asked for the files builds them next: the sensor, a rebuild, an erasure
        log.info(
            f"{count} new lines, which the next runs build. When nothing is to follow (the sensor is off), "
            f"build them with:\n{listed}"
        )
    else:
        log.warning(f"{count} new lines that this run does not build. Build them with:\n{listed}")


def _totals(ledger: Ledger) -> dict[str, Any]:
    """What is known of all delivered files, as metadata."""
    known = list(ledger.delivered().values())
    columns = ("source_file", "records", "unreadable", "ignored", "first_day", "last_day")
    rows = [
        (
            one.path,
            one.records,
            one.unreadable,
            "unknown" if one.ignored is None else str(one.ignored),
            str(one.first_day or ""),
            str(one.last_day or ""),
        )
        for one in known[-SHOWN_FILES:]
    ]
    totals: dict[str, Any] = {
        "delivered_files": len(known),
        "records": sum(one.records for one in known),
        "unreadable": sum(one.unreadable for one in known),
        "left_out": ledger.left_out(),
    }
    if all(one.ignored is not None for one in known):
        totals["ignored"] = sum(one.ignored or 0 for one in known)
    totals["last_files"] = dg.TableMetadataValue(
        [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows],
        dg.TableSchema(
            [
                dg.TableColumn(name, "int" if name in ("records", "unreadable") else "string")
                for name in columns
            ]
        ),
    )
    return totals


SHOWN_FILES = 50
