"""What a page is narrowed down to, kept in its address so that a view can be shared, and as conditions in SQL."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from leap_assets.dashboard.snapshot import Snapshot
from leap_assets.landing.validation import quote_literal


@dataclass(frozen=True)
class Filters:
    """What was chosen; an empty choice means everything.

    Attributes
    ----------
    first, last : date
        Both included.
    countries, platforms : sequence of str
    cohort_weeks : sequence of date
        Mondays of the weeks in which players were acquired.
    """

    first: dt.date
    last: dt.date
    countries: Sequence[str] = ()
    platforms: Sequence[str] = ()
    cohort_weeks: Sequence[dt.date] = ()

    @property
    def days(self) -> int:
        """Days in the range."""
        return (self.last - self.first).days + 1

    @property
    def by_segment(self) -> bool:
        """Whether a country or a platform was chosen."""
        return bool(self.countries or self.platforms)

    def where(self, day: str = "", *, segment: bool = False, week: str = "", also: str = "") -> str:
        """A where clause: on a column of days, on country and platform, on a column of cohort weeks, and more."""
        conditions = []
        if day:
            conditions.append(f"{day} between date '{self.first}' and date '{self.last}'")
        if segment and self.countries:
            conditions.append(f"country in ({_listed(self.countries)})")
        if segment and self.platforms:
            conditions.append(f"platform in ({_listed(self.platforms)})")
        if week and self.cohort_weeks:
            mondays = ", ".join(f"date '{monday}'" for monday in self.cohort_weeks)
            conditions.append(f"{week} in ({mondays})")
        if also:
            conditions.append(also)
        return f"where {' and '.join(conditions)}" if conditions else ""


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(quote_literal(text) for text in texts)


def choose(
    snapshot: Snapshot, *, segment: bool = False, cohorts: bool = False, days: str = "leap_dim.dim_dates.date"
) -> Filters:
    """Show the filters of a page and return what is chosen; `days` is the column whose range can be chosen."""
    table, _, column = days.rpartition(".")
    bounds = snapshot.query(f"select min({column}) as first, max({column}) as last from {table}")
    if bounds["first"].isna().any():
        st.info("No day is loaded yet. Figures appear with the first run that publishes one.")
        st.stop()
    first, last = (bounds[name][0].date() for name in ("first", "last"))
    with st.container(horizontal=True, key="filters"):
        chosen = st.date_input(
            "Days (UTC)",
            value=(_usual_first(first, last), last),
            min_value=first,
            max_value=last,
            key="days",
            format="YYYY-MM-DD",
            bind="query-params",
            persist_state="session",
            width=260,
        )
        countries = platforms = []
        weeks: list[str] = []
        if segment:
            countries = _choose_some(snapshot, "Country", "country", "All countries")
            platforms = _choose_some(snapshot, "Platform", "platform", "All platforms")
        if cohorts:
            weeks = _choose_some(snapshot, "Cohort week", "cohort_week", "All cohorts")
    # while the second day of a range is not picked yet, there is one
    begin, end = (chosen[0], chosen[-1]) if isinstance(chosen, tuple) and chosen else (first, last)
    return Filters(begin, end, countries, platforms, [dt.date.fromisoformat(week) for week in weeks])


def _usual_first(first: dt.date, last: dt.date) -> dt.date:
    """First day shown when none is chosen: whole weeks, so that as many days before them can be compared with."""
    weeks = min(((last - first).days + 1) // 2 // 7, 4)
    return last - dt.timedelta(days=7 * weeks - 1) if weeks else first


def _choose_some(snapshot: Snapshot, label: str, column: str, everything: str) -> list[str]:
    options = snapshot.query(
        f"""select cast({column} as varchar) as option from leap_dim.dim_players
        where not is_internal and {column} is not null group by 1 order by count(*) desc, 1"""
        if column != "cohort_week"
        else """select distinct cast(cohort_week as varchar) as option from leap_dim.dim_players
        where not is_internal and cohort_week is not null order by 1"""
    )["option"].tolist()
    return st.multiselect(
        label,
        options,
        key=column,
        placeholder=everything,
        bind="query-params",
        persist_state="session",
        width=230,
    )
