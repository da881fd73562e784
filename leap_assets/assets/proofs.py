"""The proofs: every mart compared with the simulator's truth, as asset checks that stop the publication.

One step behind the marts. What is compared with what lives in `leap_assets.proofs` and `leap_assets.warehouse.proving`.
"""

import time
from collections.abc import Iterator, Sequence

import dagster as dg
import duckdb

from leap_assets.assets.layers import MARTS, OWNERS, columns_of, relation_key, truth_key
from leap_assets.partitions import delivery_window, event_window
from leap_assets.proofs.known import Given
from leap_assets.proofs.registry import PROOFS
from leap_assets.proofs.truth import TABLES
from leap_assets.resources import DBT_PROJECT_DIR, Warehouse
from leap_assets.settings import Settings
from leap_assets.warehouse.counts import count_rows
from leap_assets.warehouse.proving import COLUMNS, SCHEMA, TABLE, Outcome, prove, read_given, write_outcomes

CHECK = "equals_truth"
NOTHING_DIFFERS = "no_row_differs"
KEYS = {mart: relation_key(proof.schema, mart) for mart, proof in PROOFS.items()}


def build_proofs(partitions: dg.PartitionsDefinition, settings: Settings) -> dg.AssetsDefinition:
    """proof_daily, and one check a proven table on that table's asset."""
    key = relation_key(SCHEMA, TABLE)
    spec = dg.AssetSpec(
        key,
        deps=[*KEYS.values(), relation_key("leap_raw", "delivery"), *(truth_key(table) for table in TABLES)],
        description=(
            "One row per day, table and independent computation that its rows were compared with: how many were "
            "compared, and how many differ. Of a table without days, all rows count on the last loaded day.\n\nA run "
            "of the simulated world compares the days that it wrote, and history tables whole, with the simulator's "
            "truth: nothing is published while a row differs. `make verify` compares tables of any source with a "
            "second opinion, computed from delivered files; its rows are those of the last verification."
        ),
        group_name=MARTS,
        owners=OWNERS,
        kinds={"python", "numpy", "duckdb", "table"},
        metadata=columns_of(COLUMNS),
    )
    checks = [
        dg.AssetCheckSpec(
            CHECK,
            asset=asset_key,
            # blocking checks of tables that models read would split dbt's step: NOTHING_DIFFERS stands in for them
            blocking=PROOFS[mart].schema == SCHEMA,
            description=(
                f"Every row of {mart} equals an independent computation from the simulator's truth: "
                f"{'the days that the run wrote' if PROOFS[mart].is_day_table else 'the whole table'}."
            ),
        )
        for mart, asset_key in KEYS.items()
    ]
    checks.append(
        dg.AssetCheckSpec(
            NOTHING_DIFFERS,
            asset=key,
            blocking=True,
            description="No table that was compared has a row that differs from the truth.",
        )
    )

    @dg.multi_asset(
        name="prove",
        specs=[spec],
        check_specs=checks,
        # checks of other steps' assets, as dbt's tests of its sources are
        allow_arbitrary_check_specs=True,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def prove_marts(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        started, cpu_started = time.monotonic(), time.process_time()
        delivered = delivery_window(context)
        window = event_window(delivered, settings.start_date, settings.session_max_hours)
        wanted = {check.asset_key for check in context.selected_asset_check_keys}
        # proof_daily is the record of all proofs
        is_recorded = key in context.selected_asset_keys or key in wanted
        marts = [mart for mart in KEYS if KEYS[mart] in wanted or is_recorded]
        with warehouse.shown(window) as connection:
            given = given_by(settings, connection)
            outcomes = list(prove(connection, settings.truth_dir, given, window, marts))
            if key in context.selected_asset_keys:
                write_outcomes(connection, outcomes, window)
                warehouse.keep(connection, SCHEMA, TABLE)
                for day, counts in count_rows(connection, SCHEMA, TABLE, delivered).items():
                    context.add_asset_metadata(counts, key, day)
        compared = sum(outcome.comparison.rows_compared for outcome in outcomes if outcome.comparison)
        seconds, cpu_s = time.monotonic() - started, time.process_time() - cpu_started
        proven = sum(outcome.passed for outcome in outcomes)
        context.log.info(
            f"Proved {proven} of {len(outcomes)} tables, {compared:,} rows, in {seconds:.1f} s ({cpu_s:.1f} s of CPU)"
        )
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(
                key, metadata={"seconds": seconds, "cpu_seconds": cpu_s, "rows_compared": compared}
            )
        for outcome in outcomes:
            if KEYS[outcome.mart] in wanted:
                yield _judge(outcome)
        if key in wanted:
            yield _judge_all(key, outcomes)

    return prove_marts


def given_by(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Given:
    """What both sides of the proofs of a warehouse start from."""
    return read_given(
        connection,
        DBT_PROJECT_DIR / "seeds",
        start_date=settings.start_date,
        logs=settings.logs,
        currency=settings.currency,
        beat_s=settings.heartbeat_s,
        distance=settings.conflict_distance,
        cooldown_s=settings.conflict_cooldown_s,
        session_max_hours=settings.session_max_hours,
    )


def _judge_all(key: dg.AssetKey, outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    found = [outcome for outcome in outcomes if outcome.comparison]
    differing = [outcome.mart for outcome in found if not outcome.passed]
    return dg.AssetCheckResult(
        check_name=NOTHING_DIFFERS,
        asset_key=key,
        passed=not differing,
        description=f"Differing: {', '.join(differing)}." if differing else f"{len(found)} tables compared.",
        metadata={"tables_compared": len(found), "tables_not_compared": len(outcomes) - len(found)},
    )


def _judge(outcome: Outcome) -> dg.AssetCheckResult:
    """A difference is an error; truth that is not there is a warning, since nothing is known to be wrong."""
    found = outcome.comparison
    metadata: dict[str, float | int | str] = {"seconds": outcome.seconds}
    if found:
        metadata |= {
            "rows_compared": found.rows_compared,
            "rows_differing": found.rows_differing,
            "precision": found.matched / found.actual if found.actual else 1.0,
            "recall": found.matched / found.expected if found.expected else 1.0,
        }
        if found.examples:
            metadata["examples"] = "\n".join(found.examples)
    return dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=KEYS[outcome.mart],
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if found else dg.AssetCheckSeverity.WARN,
        description=outcome.said,
        metadata=metadata,
    )
