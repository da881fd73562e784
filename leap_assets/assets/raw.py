"""leap_raw: deliveries checked line by line, the good ones typed, the bad ones kept.

One subsettable multi-asset, so that a run reads landing/ once and keeps its books in one transaction. How a line is
checked lives in `landing`.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from leap_assets.assets.layers import OWNERS, RAW, columns_of, landing_key, relation_key
from leap_assets.landing.contracts import CONTRACTS, Column
from leap_assets.landing.files import LandingError, find_strays
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.ingestion import DELIVERY, REJECTED_LINE, Loaded, raw_columns
from leap_assets.landing.seeds import read_seeds
from leap_assets.landing.thresholds import CLAIMS, Finding, Thresholds
from leap_assets.partitions import delivery_window
from leap_assets.resources import LandingZone, Warehouse
from leap_assets.settings import Settings
from leap_assets.sources.declaration import SourceError, declared_event_types
from leap_assets.sources.ledger import Ledger

SCHEMA = "leap_raw"
BOOKS: dict[str, tuple[tuple[Column, ...], str]] = {
    "rejected_line": (
        REJECTED_LINE,
        "One row per line that breaks its log's contract, as delivered, with the reason.\n\nFix the contract, the "
        "mapping or the exchange rates and run the delivery day again: landing/ still has the line.",
    ),
    "delivery": (
        DELIVERY,
        "One row per log and loaded delivery day: how many files and lines were read, 0 where none came.\n\nThe "
        "record of which days are loaded, and the left side of `received = accepted + duplicate + rejected`.",
    ),
}


def _specs(engine: str) -> list[dg.AssetSpec]:
    logs = [
        dg.AssetSpec(
            relation_key(SCHEMA, contract.table),
            deps=[landing_key(contract)],
            description=(
                f"One row per valid line of the log `{contract.log}` ({contract.line}), repeats included; the "
                "partition is the delivery day.\n\nTyped by the log's contract; times are UTC."
            ),
            metadata=columns_of(raw_columns(contract)),
        )
        for contract in CONTRACTS.values()
    ]
    books = [
        dg.AssetSpec(
            relation_key(SCHEMA, table),
            deps=[landing_key(contract) for contract in CONTRACTS.values()],
            description=description,
            metadata=columns_of(columns),
        )
        for table, (columns, description) in BOOKS.items()
    ]
    return [
        spec.replace_attributes(group_name=RAW, owners=OWNERS, kinds={"python", engine, "table"})
        for spec in (*logs, *books)
    ]


def build_raw(partitions: dg.PartitionsDefinition, settings: Settings) -> dg.AssetsDefinition:
    """The raw tables. A selection of some logs loads those; the books are kept for the logs that are loaded.

    Thresholds are checked over the delivery days of the run: in strict mode a missed one stops the whole range.
    """
    thresholds = Thresholds(
        **{field.name: getattr(settings, field.name) for field in dataclasses.fields(Thresholds)}
    )

    @dg.multi_asset(
        name="load",
        specs=_specs(settings.engine),
        check_specs=_check_specs(settings),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def load(
        context: dg.AssetExecutionContext, landing: LandingZone, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        days = list(delivery_window(context))
        selected = context.selected_asset_keys
        # the books alone are selected: they are made by reading every log
        logs = [log for log, c in CONTRACTS.items() if relation_key(SCHEMA, c.table) in selected] or CONTRACTS
        logs = [log for log in logs if log in settings.logs]
        hashing = _hashing(settings, landing)
        try:
            # All of them, before anything is written: dbt would misread some of what is wrong with one.
            rates = read_seeds(landing.seeds_dir).rated_from
        except LandingError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        for stray in find_strays(landing.dir, settings.logs):
            context.log.warning(stray)
        try:
            loaded, findings = warehouse.load(
                landing.dir,
                days,
                logs=logs,
                start_date=settings.start_date,
                rates=rates,
                session_max_hours=settings.session_max_hours,
                hashing=hashing,
                event_types=_event_types(settings),
                thresholds=thresholds,
                expected_logs=settings.logs,
                say=context.log.warning,
            )
        except LandingError as error:
            # the message says it all: a stack trace would only bury it
            raise dg.Failure(str(error), allow_retries=False) from None
        _tell(context, loaded)
        for key in sorted(selected):
            yield dg.MaterializeResult(key)
        yield from _judge(context, findings, strict=settings.strict)

    return load


def _event_types(settings: Settings) -> tuple[str, ...]:
    """Types of client events that the source declares, as of now: declared later, they count from the next run on."""
    try:
        return declared_event_types(settings)
    except SourceError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _hashing(settings: Settings, landing: LandingZone) -> KeyedHash | None:
    """What hashes the rejected lines of a source with personal data: by what landing/ was made with."""
    declared, fingerprint = (Ledger(landing.dir).personal() if settings.is_mapped else None) or ("", "")
    if not declared:
        return None
    if not settings.hash_key or KeyedHash(settings.hash_key).fingerprint != fingerprint:
        raise dg.Failure(
            f"{landing.dir} was made with personal columns ({declared}), and LEAP_HASH_KEY is not their key. Nothing "
            "was changed. Set the key that it was made with.",
            allow_retries=False,
        )
    return KeyedHash(settings.hash_key)


def _check_specs(settings: Settings) -> list[dg.AssetCheckSpec]:
    # a source without the log has nothing that could be looked at
    needs = {"event_client": "client", "event_transaction": "transaction"}
    return [
        dg.AssetCheckSpec(
            name, asset=relation_key(SCHEMA, table), description=description, blocking=settings.strict
        )
        for name, (table, description) in CLAIMS.items()
        if table not in needs or needs[table] in settings.logs
    ]


def _judge(
    context: dg.AssetExecutionContext, findings: Sequence[Finding], *, strict: bool
) -> Iterator[dg.AssetCheckResult]:
    """Findings as results of asset checks: a warning, or an error where the check blocks."""
    severity = dg.AssetCheckSeverity.ERROR if strict else dg.AssetCheckSeverity.WARN
    for finding in findings:
        key = dg.AssetCheckKey(relation_key(SCHEMA, finding.table), finding.name)
        if key in context.selected_asset_check_keys:
            yield dg.AssetCheckResult(
                check_name=finding.name,
                asset_key=key.asset_key,
                passed=finding.passed,
                severity=severity,
                description=finding.said,
                metadata={"figure": finding.figure, "limit": finding.limit},
            )


def _tell(context: dg.AssetExecutionContext, loaded: Sequence[Loaded]) -> None:
    """Row counts a partition for the UI, and one line of totals for the log."""
    rejected: Counter[str] = Counter()
    logs: Counter[str] = Counter()
    selected = context.selected_asset_keys
    for row in loaded:
        day = row.delivery_date.isoformat()
        rejected[day] += row.rejected
        logs[day] += 1
        key = relation_key(SCHEMA, CONTRACTS[row.log].table)
        if key in selected:
            context.add_asset_metadata(
                {
                    "dagster/partition_row_count": row.valid,
                    "files": row.files,
                    "received": row.received,
                    "rejected": row.rejected,
                },
                key,
                day,
            )
    for day, count in rejected.items():
        if (key := relation_key(SCHEMA, "rejected_line")) in selected:
            context.add_asset_metadata({"dagster/partition_row_count": count}, key, day)
        if (key := relation_key(SCHEMA, "delivery")) in selected:
            context.add_asset_metadata({"dagster/partition_row_count": logs[day]}, key, day)
    received, valid = sum(row.received for row in loaded), sum(row.valid for row in loaded)
    context.log.info(
        f"Read {received:,} lines from {sum(row.files for row in loaded):,} files: {valid:,} valid, "
        f"{received - valid:,} rejected"
    )
