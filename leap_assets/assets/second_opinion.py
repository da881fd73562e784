"""The second opinion as checks: tables computed again from the delivered files, compared with what is published.

A job of its own, which no other run waits for. What is compared with what lives in `leap_assets.warehouse.verifying`.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from leap_assets.assets.layers import MARTS, OWNERS, columns_of, relation_key
from leap_assets.assets.proofs import given_by
from leap_assets.partitions import Window
from leap_assets.proofs.delivered.reading import UnreadableError
from leap_assets.proofs.delivered.registry import LINES, TABLES
from leap_assets.resources import DBT_PROJECT_DIR, Warehouse
from leap_assets.settings import Settings
from leap_assets.sources.declaration import SourceError, declared_event_types
from leap_assets.warehouse.connections import limit_memory
from leap_assets.warehouse.proving import COLUMNS, SCHEMA, SECOND_OPINION, TABLE, Outcome, write_outcomes
from leap_assets.warehouse.publication import amend
from leap_assets.warehouse.verifying import (
    SHOWN_FILES,
    VerificationError,
    Verified,
    changed_files,
    verify,
)

CHECK = "equals_second_opinion"
VERIFY_JOB, VERIFY_OP = "second_opinion", "compute_again"
# a job and an op must not have one name
DAYS_TAG = "leap/verify_days"
# of a run: the days to verify, first...last; all when it is not there
KEY = relation_key(SCHEMA, TABLE)
KEYS = {
    name: relation_key("leap_raw", "rejected_line")
    if name == LINES
    else relation_key(table.proof.schema, name)
    for name, table in TABLES.items()
}


def proof_daily_spec() -> dg.AssetSpec:
    """proof_daily of a source without a truth: only the second opinion writes it."""
    return dg.AssetSpec(
        KEY,
        description=(
            "One row per day and table that `make verify` compared: how many of its rows were compared with an "
            "independent computation from the delivered files, and how many differ. Of a table without days, all rows "
            "count on the last loaded day.\n\nThe rows are those of the last verification."
        ),
        group_name=MARTS,
        owners=OWNERS,
        kinds={"python", "numpy", "duckdb", "table"},
        metadata=columns_of(COLUMNS),
    )


def build_second_opinion(settings: Settings) -> dg.AssetChecksDefinition:
    """One check a table, on that table's asset."""
    specs = [
        dg.AssetCheckSpec(
            CHECK,
            asset=key,
            description=(
                "Per log and delivery day, as many lines are accepted, and rejected for each reason, as a second "
                "reader finds in the delivered files."
                if name == LINES
                else f"Every row of {name} equals an independent computation from the delivered files. Run by the job "
                f"{VERIFY_JOB} (`make verify`) alone."
            ),
        )
        for name, key in KEYS.items()
    ]

    @dg.multi_asset_check(name=VERIFY_OP, specs=specs, can_subset=True)
    def second_opinion(
        context: dg.AssetCheckExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.AssetCheckResult]:
        if context.run.asset_selection:
            # a run of the tables: this is asked for by itself
            return
        wanted = {key.asset_key for key in context.selected_asset_check_keys}
        tables = [name for name, key in KEYS.items() if key in wanted]
        days = _days_of(context.run.tags.get(DAYS_TAG, ""))
        verified = _verify(context, warehouse, settings, days, tables)
        for outcome in verified.outcomes:
            (context.log.info if outcome.passed else context.log.warning)(f"{outcome.mart}: {outcome.said}")
        context.log.info(verified.summary())
        context.op_execution_context.log_event(
            dg.AssetMaterialization(
                KEY,
                metadata={
                    "seconds": verified.seconds,
                    "lines": verified.lines,
                    "rows_compared": verified.rows_compared,
                    "by": SECOND_OPINION,
                },
            )
        )
        for outcome in verified.outcomes:
            yield _judge(outcome)
        if not verified.passed:
            raise dg.Failure(_said_of(verified, settings), allow_retries=False)

    return second_opinion


def build_verify_job(hooks: set[dg.HookDefinition]) -> Any:
    """The job of the second opinion."""
    return dg.define_asset_job(
        VERIFY_JOB,
        selection=dg.AssetSelection.checks(
            *(dg.AssetCheckKey(key, CHECK) for key in dict.fromkeys(KEYS.values()))
        ),
        hooks=hooks,
        description=(
            "Every table computed again from landing/ and compared with the published file. Fails when a row differs. "
            f"With the tag {DAYS_TAG}=first...last, only day tables and only those days."
        ),
    )


def _days_of(text: str) -> Window | None:
    """Days written as first...last, or one day.

    Raises
    ------
    dagster.Failure
        When they are not.
    """
    if not text.strip():
        return None
    try:
        return parse_days(text)
    except ValueError as error:
        raise dg.Failure(f"{DAYS_TAG}={text}: {error}", allow_retries=False) from None


def parse_days(text: str) -> Window:
    """Days written as first...last, or one day.

    Raises
    ------
    ValueError
        When they are not; the message says what is wrong.
    """
    first, _, last = text.strip().partition("...")
    try:
        days = [dt.date.fromisoformat(day.strip()) for day in (first, last or first)]
    except ValueError:
        raise ValueError(
            f"{text.strip()!r} is not a range of days. Write first...last, such as 2025-01-01...2025-01-31"
        ) from None
    if days[1] < days[0]:
        raise ValueError(f"{text.strip()!r} ends before it starts. Write the earlier day first")
    return Window(*days)


def _verify(
    context: Any, warehouse: Warehouse, settings: Settings, days: Window | None, tables: list[str]
) -> Verified:
    path = settings.published_path
    try:
        if not path.exists():
            raise VerificationError(
                f"{path} does not exist: nothing is published yet. Materialise some days first."
            )
        with warehouse.get_connection() as connection:
            with duckdb.connect(str(path), read_only=True) as published:
                limit_memory(published, settings.memory_limit)
                verified = verify(
                    published,
                    connection,
                    settings.landing_dir,
                    given_by(settings, connection),
                    DBT_PROJECT_DIR / "seeds",
                    days,
                    tables,
                    event_types=declared_event_types(settings),
                    say=context.log.debug,
                )
            write_outcomes(connection, verified.outcomes, days, SECOND_OPINION, TABLES)
        with amend(path) as copy:
            write_outcomes(copy, verified.outcomes, days, SECOND_OPINION, TABLES)
    except (VerificationError, UnreadableError, SourceError) as error:
        # the message says it all: a stack trace would only bury it
        raise dg.Failure(str(error), allow_retries=False) from None
    return verified


def _said_of(verified: Verified, settings: Settings) -> str:
    wrong = [outcome for outcome in verified.outcomes if not outcome.passed]
    said = f"{len(wrong)} of {len(verified.outcomes)} tables do not equal the second opinion: "
    said += ", ".join(outcome.mart for outcome in wrong)
    with duckdb.connect(str(settings.published_path), read_only=True) as published:
        (since,) = published.execute(
            "select epoch_us(published_at) / 1e6 from leap_published.snapshot"
        ).fetchall()[0]
    changed = list(changed_files(settings.landing_dir, dt.datetime.fromtimestamp(since, dt.UTC)))
    if changed:
        shown = ", ".join(map(str, changed[:SHOWN_FILES]))
        more = f" and {len(changed) - SHOWN_FILES} more" if len(changed) > SHOWN_FILES else ""
        said += f". {len(changed)} delivered files changed after the last publication, which may be why: {shown}{more}"
    return f"{said}. The warehouse and the published file are as they were, but for {SCHEMA}.{TABLE}."


def _judge(outcome: Outcome) -> dg.AssetCheckResult:
    found = outcome.comparison
    metadata: dict[str, float | int | str] = {"seconds": outcome.seconds}
    if found:
        metadata |= {"rows_compared": found.rows_compared, "rows_differing": found.rows_differing}
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
