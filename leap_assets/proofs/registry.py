"""Which mart is proven by which function, and what identifies its rows. A table of contents that proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from leap_assets.proofs import activity, books, cohorts, conflicts, events, kpi, money
from leap_assets.proofs.frames import Frame

COHORT = ("cohort_date", "country", "platform", "experiment_group", "age")


@dataclass(frozen=True)
class Proof:
    """How a table is proven.

    Attributes
    ----------
    prove : callable
        Gives the expected rows from `Known`, or from `Books` where `of_books`.
    key : tuple of str
        Columns that identify a row.
    day : str
        The column that says on which day a row is counted; empty where no column does.
    is_day_table : bool
        Whether a run writes the days of its window only.
    of_books : bool
    schema : str
    """

    prove: Callable[[Any], Frame]
    key: tuple[str, ...]
    day: str = "event_date"
    is_day_table: bool = False
    of_books: bool = False
    schema: str = "leap_mart"


PROOFS: dict[str, Proof] = {
    "player_activity_daily": Proof(activity.prove_player_activity_daily, ("player_id", "event_date")),
    "player_stats_lifetime": Proof(activity.prove_player_stats_lifetime, ("player_id",), day=""),
    "player_consecutive_days_monthly": Proof(
        activity.prove_player_consecutive_days_monthly, ("player_id", "month_start"), day="month_start"
    ),
    "country_monthly_playtime": Proof(
        activity.prove_country_monthly_playtime, ("country", "month_start"), day="month_start"
    ),
    "session_metrics_daily": Proof(activity.prove_session_metrics_daily, ("event_date", "cohort_week")),
    "concurrency_hourly": Proof(activity.prove_concurrency_hourly, ("hour_start",), day="hour_start"),
    "country_weekly_revenue": Proof(
        money.prove_country_weekly_revenue, ("country", "week_start"), day="week_start"
    ),
    "ad_revenue_daily": Proof(money.prove_ad_revenue_daily, ("event_date", "ad_type"), is_day_table=True),
    "event_counts_daily": Proof(events.prove_event_counts_daily, ("event_date", "cohort_week", "event_type")),
    "level_funnel_daily": Proof(events.prove_level_funnel_daily, ("event_date", "level"), is_day_table=True),
    "feature_adoption_daily": Proof(events.prove_feature_adoption_daily, ("feature", "event_date")),
    "conversion_funnel": Proof(
        events.prove_conversion_funnel,
        ("entry_date", "country", "platform", "step_number"),
        day="entry_date",
    ),
    "kpi_daily": Proof(kpi.prove_kpi_daily, ("event_date",)),
    "kpi_daily_by_segment": Proof(kpi.prove_kpi_daily_by_segment, ("event_date", "country", "platform")),
    "lifecycle_daily": Proof(kpi.prove_lifecycle_daily, ("event_date", "state")),
    "cohort_retention": Proof(cohorts.prove_cohort_retention, COHORT, day="cohort_date"),
    "retention_summary": Proof(cohorts.prove_retention_summary, ("age",), day=""),
    "cohort_revenue": Proof(cohorts.prove_cohort_revenue, COHORT, day="cohort_date"),
    "conflict_summary_daily": Proof(
        conflicts.prove_conflict_summary_daily,
        ("session_id", "team_1_id", "team_2_id", "event_date"),
        is_day_table=True,
    ),
    "session_close_conflicts_daily": Proof(
        conflicts.prove_session_close_conflicts_daily, ("session_id", "event_date"), is_day_table=True
    ),
    "ingestion_daily": Proof(
        books.prove_ingestion_daily, ("delivery_date", "log"), day="delivery_date", of_books=True
    ),
    "rejections_daily": Proof(
        books.prove_rejections_daily, ("delivery_date", "log", "reason"), day="delivery_date", of_books=True
    ),
    "stage_conflicts": Proof(
        conflicts.prove_stage_conflicts,
        ("session_id", "team_1_id", "team_2_id", "conflict_number", "event_date"),
        is_day_table=True,
        schema="leap_stage",
    ),
    "stage_contacts": Proof(
        conflicts.prove_stage_contacts,
        ("session_id", "player_1_id", "player_2_id", "contact_number", "event_date"),
        is_day_table=True,
        schema="leap_stage",
    ),
}

DETAILS = (events.find_attempts, conflicts.find_conflicts)
# facts of the lines of the window's days
