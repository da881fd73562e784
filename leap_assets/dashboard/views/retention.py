"""Retention: who comes back, by cohort and age, and how the active players are made up."""

import altair as alt
import pandas as pd
import streamlit as st

from leap_assets.dashboard.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    Board,
    Chart,
    Figure,
    bars,
    by_day,
    color,
    grid_height,
)
from leap_assets.dashboard.filters import Filters, choose

COHORTS = "leap_mart.cohort_retention"
Z = 1.959964
# of a 95 % interval
CURVE_AGES = (1, 7, 30)
HORIZONS = (1, 3, 7, 14, 30, 60, 90)
# ages up to which cohorts are followed for rolling retention, as in retention_summary
COHORTS_SHOWN = 60
TOLD_CELLS = 500
# so many can hold their figure
CELL_TEXT = 24
# pixels that the text of a cell needs


def triangle_sql(filters: Filters, grain: str) -> str:
    """Retention of each cohort at each age."""
    return f"""select
    date_trunc('{grain}', cohort_date)::date as cohort,
    age,
    sum(cohort_size) as players,
    sum(active_players) as active_players,
    sum(active_players) / nullif(sum(cohort_size), 0) as retention
from {COHORTS}
{_chosen(filters, "active_players is not null")}
group by cohort, age
having sum(cohort_size) > 0
qualify dense_rank() over (order by cohort desc) <= {COHORTS_SHOWN}
order by all"""


def curve_sql(filters: Filters) -> str:
    """Classic retention by age over all cohorts old enough, rolling over those followed equally long; not of day 0.

    Rolling retention counts who came on an age or later, so a cohort that was followed for longer would look better.
    """
    return f"""with classic as (
    select
        age,
        sum(cohort_size) as players,
        sum(active_players) / nullif(sum(cohort_size), 0) as classic
    from {COHORTS}
    {_chosen(filters, "age > 0 and active_players is not null")}
    group by age
),

cohorts as (
    select
        cohort_date,
        followed_days,
        sum(cohort_size) as players
    from {COHORTS}
    {_chosen(filters, "age = 0")}
    group by all
),

horizon as (
    select max(age) as days
    from (select unnest({list(HORIZONS)}) as age)
    where age <= (select max(followed_days) from cohorts)
),

followed as (
    select cohorts.*
    from cohorts
    inner join horizon
        on cohorts.followed_days >= horizon.days
),

last_ages as (
    select
        players.player_id,
        max(activity.days_since_acquisition) as last_age
    from (
        select player_id, acquired_on
        from leap_dim.dim_players
        {filters.where(segment=True, week="cohort_week", also="not is_internal")}
    ) as players
    inner join followed
        on players.acquired_on = followed.cohort_date
    inner join leap_mart.player_activity_daily as activity
        on players.player_id = activity.player_id
    inner join horizon
        on activity.days_since_acquisition between 0 and horizon.days
    where activity.player_sessions > 0
    group by players.player_id
)

select
    classic.*,
    horizon.days as followed_days,
    case
        when classic.age <= horizon.days
            then (select count(*) from last_ages where last_ages.last_age >= classic.age)
            / nullif((select sum(followed.players) from followed), 0)
    end as rolling
from classic
cross join horizon
order by classic.age"""


def intervals_sql(filters: Filters) -> str:
    """D1, D7 and D30 of each cohort week with Wilson's 95 % interval."""
    return f"""with cohorts as (
    select
        date_trunc('week', cohort_date)::date as cohort_week,
        age,
        sum(cohort_size) as n,
        sum(active_players) / nullif(sum(cohort_size), 0) as p
    from {COHORTS}
    {_chosen(filters, f"active_players is not null and age in {CURVE_AGES}")}
    group by all
)

select
    cohort_week,
    'D' || age as age,
    n as players,
    p as retention,
    (p + {Z}^2 / (2 * n) - {Z} * sqrt(p * (1 - p) / n + {Z}^2 / (4 * n^2))) / (1 + {Z}^2 / n) as low,
    (p + {Z}^2 / (2 * n) + {Z} * sqrt(p * (1 - p) / n + {Z}^2 / (4 * n^2))) / (1 + {Z}^2 / n) as high
from cohorts
where n > 0
order by all"""


def _chosen(filters: Filters, also: str) -> str:
    return filters.where(segment=True, week="date_trunc('week', cohort_date)::date", also=also)


def lifecycle_sql(filters: Filters) -> str:
    """Players by state and day; those who stayed away count below zero."""
    return f"""select
    event_date,
    max(players) filter (state = 'new') as new,
    max(players) filter (state = 'returning') as returning,
    max(players) filter (state = 'resurrected') as resurrected,
    -max(players) filter (state = 'dormant') as dormant
from leap_mart.lifecycle_daily
{filters.where("event_date")}
group by event_date
order by event_date"""


def show(board: Board) -> None:
    """The page."""
    filters = choose(board.snapshot, segment=True, cohorts=True)
    grain = st.segmented_control(
        "Cohorts by", ["Week", "Day"], default="Week", key="grain", bind="query-params", required=True
    )
    board.show(
        Figure(
            "Retention by cohort and age",
            triangle_sql(filters, grain.lower()),
            [COHORTS, f"{COHORTS}.retention"],
            _draw_triangle,
            empty="No cohort of these days is a day old yet.",
            note="Share of a cohort that played when it was so many days old; the last "
            f"{COHORTS_SHOWN} cohorts. The days above are those of the balance below.",
        )
    )
    board.show(
        Figure(
            "Retention by age",
            curve_sql(filters),
            [f"{COHORTS}.retention", "leap_mart.retention_summary.rolling_retention"],
            _draw_curve,
            empty="No cohort of these days is a day old yet.",
            note="Classic: over all cohorts old enough. Rolling: over cohorts that were followed equally long.",
        ),
        Figure(
            "D1, D7 and D30 by cohort week",
            intervals_sql(filters),
            [f"{COHORTS}.retention", "leap_mart.retention_summary.retention_low"],
            _draw_intervals,
            empty="No cohort of these days is a day old yet.",
            note="The band is Wilson's 95 % interval: wide where few players joined.",
        ),
    )
    board.show(
        Figure(
            "Lifecycle balance",
            lifecycle_sql(filters),
            ["leap_mart.lifecycle_daily"],
            lambda rows: bars(
                rows,
                "state",
                {"returning": "Returning", "resurrected": "Resurrected", "new": "New", "dormant": "Dormant"},
                colors=(BLUE, PURPLE, GREEN, GREY),
            ),
            note="All countries, platforms and cohorts. Above zero: who played; below: who played the day before and "
            "did not come back.",
        )
    )


def _draw_triangle(rows: pd.DataFrame) -> Chart:
    rows = rows.assign(cohort=rows["cohort"].dt.strftime("%Y-%m-%d"))
    cohorts, ages = rows["cohort"].nunique(), rows["age"].nunique()
    later = rows.loc[rows["age"] > 0, "retention"]
    top = float(later.max()) if len(later) else 1.0
    base = alt.Chart(rows, height=grid_height(cohorts, 26)).encode(
        x=alt.X("age:O", title="Days since acquired", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y("cohort:O", title=None),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "retention:Q",
            # day 0 is nearly always 100 % and would hide the rest
            scale=alt.Scale(scheme="viridis", domain=[0, max(top, 0.01)], clamp=True),
            legend=alt.Legend(title=None, format=".0%", orient="right"),
        ),
        tooltip=[
            alt.Tooltip("cohort:N", title="Cohort"),
            alt.Tooltip("age:Q", title="Age in days"),
            alt.Tooltip("players:Q", title="Players", format=","),
            alt.Tooltip("active_players:Q", title="Active", format=","),
            alt.Tooltip("retention:Q", title="Retention", format=".1%"),
        ],
    )
    if len(rows) > TOLD_CELLS:
        return cells
    return cells + base.mark_text(fontSize=10).encode(
        text=alt.Text("retention:Q", format=".0%"),
        # where the cells are wide enough for it, which only the browser knows
        opacity=alt.condition(f"width > {ages * CELL_TEXT}", alt.value(1), alt.value(0)),
        # dark on the light end of the scale
        color=alt.condition(alt.datum.retention > 0.6 * top, alt.value("black"), alt.value("white")),
    )


def _draw_curve(rows: pd.DataFrame) -> Chart:
    names = {"classic": "On that day (classic)", "rolling": "On that day or later (rolling)"}
    long = rows.rename(columns=names).melt(["age", "players"], list(names.values()), "kind", "share")
    long = long.dropna()
    return (
        alt.Chart(long, height=280)
        .mark_line(point=alt.OverlayMarkDef(size=22))
        .encode(
            x=alt.X(
                "age:Q", title="Days since acquired", axis=alt.Axis(tickMinStep=1, format="d", grid=False)
            ),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format=".0%")),
            color=color("kind", list(names.values())),
            tooltip=[
                alt.Tooltip("age:Q", title="Age in days"),
                alt.Tooltip("kind:N", title="Retention"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
                alt.Tooltip("players:Q", title="Players old enough", format=","),
            ],
        )
    )


def _draw_intervals(rows: pd.DataFrame) -> Chart:
    shades = color("age", [f"D{age}" for age in CURVE_AGES], (BLUE, ORANGE, RED))
    base = by_day(rows, "cohort_week").encode(color=shades)
    share = alt.Axis(format=".0%")
    band = base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", title=None, axis=share), y2="high:Q")
    line = base.mark_line(point=alt.OverlayMarkDef(size=30)).encode(
        y=alt.Y("retention:Q", title=None, axis=share),
        tooltip=[
            alt.Tooltip("cohort_week:T", title="Cohort week", format="%Y-%m-%d"),
            alt.Tooltip("age:N", title="Age"),
            alt.Tooltip("players:Q", title="Players", format=","),
            alt.Tooltip("retention:Q", title="Retention", format=".1%"),
            alt.Tooltip("low:Q", title="From", format=".1%"),
            alt.Tooltip("high:Q", title="To", format=".1%"),
        ],
    )
    return band + line
