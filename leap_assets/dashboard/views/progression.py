"""Progression: how far players get, where they fail, and what they take up."""

import altair as alt
import pandas as pd

from leap_assets.dashboard.figures import BLUE, GREEN, GREY, RED, Board, Chart, Figure, by_day, color
from leap_assets.dashboard.filters import Filters, choose

LEVELS = "leap_mart.level_funnel_daily"
FUNNEL = "leap_mart.conversion_funnel"
FEATURES = "leap_mart.feature_adoption_daily"


def levels_sql(filters: Filters) -> str:
    """Attempts at each level over all chosen days."""
    return f"""select
    level,
    sum(attempts) as attempts,
    sum(completes) as completes,
    sum(fails) as fails,
    sum(abandoned) as abandoned,
    sum(fails) / nullif(sum(attempts), 0) as fail_rate
from {LEVELS}
{filters.where("event_date")}
group by level
order by level"""


def funnel_sql(filters: Filters) -> str:
    """How many of those who installed took each step in time; entry days whose time is over alone."""
    return f"""select
    step_number,
    step,
    sum(players) as players,
    sum(players) / nullif(first(sum(players)) over (order by step_number), 0) as share_of_installed,
    sum(players) / nullif(lag(sum(players)) over (order by step_number), 0) as share_of_previous,
    sum(first_purchase) / nullif(first(sum(players)) over (order by step_number), 0) as first_purchase_conversion
from {FUNNEL}
{filters.where("entry_date", segment=True, also="is_complete")}
group by step_number, step
order by step_number"""


def features_sql(filters: Filters) -> str:
    """Share of the day's players who used each feature, and of all who ever did."""
    return f"""select event_date, feature, users, share_of_dau, share_of_registered
from {FEATURES}
{filters.where("event_date")}
order by all"""


def show(board: Board) -> None:
    """The page."""
    filters = choose(board.snapshot, segment=True)
    board.show(
        Figure(
            "Level attempts and fail rate",
            levels_sql(filters),
            [LEVELS, f"{LEVELS}.attempts", f"{LEVELS}.fails", f"{LEVELS}.abandoned"],
            _draw_levels,
            empty="No level was started on these days.",
            note="All countries and platforms.",
        )
    )
    board.show(
        Figure(
            "From install to a purchase after level 5",
            funnel_sql(filters),
            [FUNNEL, f"{FUNNEL}.first_purchase"],
            _draw_funnel,
            empty="No one who installed on these days has had the 14 days that a step may take.",
            note="Entry days whose 14 days are loaded. Who bought at all within them, after whichever step, is in the "
            "tooltip.",
        ),
        Figure(
            "Feature use, share of the day's players",
            features_sql(filters),
            [f"{FEATURES}.share_of_dau"],
            lambda rows: _draw_features(rows, "share_of_dau"),
            empty="No feature was used on these days.",
            note="All countries and platforms.",
        ),
    )
    board.show(
        Figure(
            "Feature adoption, share of all registered players",
            features_sql(filters),
            [f"{FEATURES}.share_of_registered"],
            lambda rows: _draw_features(rows, "share_of_registered"),
            empty="No feature was used on these days.",
            note="All countries and platforms; players who have used it at least once.",
        )
    )


def _draw_levels(rows: pd.DataFrame) -> Chart:
    names = {"completes": "Completed", "fails": "Failed", "abandoned": "Abandoned"}
    long = rows.rename(columns=names).melt(["level", "fail_rate"], list(names.values()), "result", "count")
    long["order"] = long["result"].map({name: n for n, name in enumerate(names.values())})
    x = alt.X("level:O", title="Level", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    tooltip = [
        alt.Tooltip("level:O", title="Level"),
        alt.Tooltip("result:N", title="Result"),
        alt.Tooltip("count:Q", title="Attempts", format=","),
        alt.Tooltip("fail_rate:Q", title="Fail rate", format=".1%"),
    ]
    counted = (
        alt.Chart(long, height=240)
        .mark_bar()
        .encode(
            x=x.title(None),
            y=alt.Y("count:Q", title="Attempts"),
            color=color("result", list(names.values()), (BLUE, RED, GREY)),
            order="order:O",
            tooltip=tooltip,
        )
    )
    rate = (
        alt.Chart(rows, height=110)
        .mark_line(point=alt.OverlayMarkDef(color=RED, size=24), color=RED)
        .encode(
            x=x,
            y=alt.Y("fail_rate:Q", title="Fail rate", axis=alt.Axis(format=".0%")),
            tooltip=[tooltip[0], tooltip[3]],
        )
    )
    # two charts under each other: two scales in one picture mislead
    return alt.vconcat(counted, rate, spacing=6).resolve_scale(x="shared")


def _draw_funnel(rows: pd.DataFrame) -> Chart:
    rows = rows.assign(step=rows["step"].str.replace("_", " ").str.capitalize())
    base = alt.Chart(rows, height=280).encode(
        y=alt.Y("step:N", sort=rows["step"].tolist(), title=None, axis=alt.Axis(labelLimit=200)),
        x=alt.X("players:Q", title="Players", axis=alt.Axis(format=",.0f")),
        tooltip=[
            alt.Tooltip("step:N", title="Step"),
            alt.Tooltip("players:Q", title="Players", format=","),
            alt.Tooltip("share_of_installed:Q", title="Of those who installed", format=".1%"),
            alt.Tooltip("share_of_previous:Q", title="Of the step before", format=".1%"),
            alt.Tooltip("first_purchase_conversion:Q", title="First purchase, any step", format=".1%"),
        ],
    )
    told = base.mark_text(align="left", dx=5, color=GREY).encode(
        text=alt.Text("share_of_installed:Q", format=".1%")
    )
    return base.mark_bar(color=GREEN) + told


def _draw_features(rows: pd.DataFrame, column: str) -> Chart:
    rows = rows.assign(feature=rows["feature"].str.replace("_", " ").str.capitalize())
    names = sorted(rows["feature"].unique())
    return (
        by_day(rows)
        .mark_line(point=alt.OverlayMarkDef(size=18))
        .encode(
            y=alt.Y(f"{column}:Q", title=None, axis=alt.Axis(format=".0%")),
            color=color("feature", names),
            tooltip=[
                alt.Tooltip("event_date:T", title="Day", format="%Y-%m-%d"),
                alt.Tooltip("feature:N", title="Feature"),
                alt.Tooltip(f"{column}:Q", title="Share", format=".1%"),
                alt.Tooltip("users:Q", title="Users", format=","),
            ],
        )
    )
