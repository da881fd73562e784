"""Money: where revenue comes from, who pays, and what a player is worth."""

import datetime as dt

import altair as alt
import pandas as pd

from leap_assets.dashboard.figures import BLUE, Board, Chart, Figure, bars, grid_height, lines
from leap_assets.dashboard.filters import Filters, choose

KPI = "leap_mart.kpi_daily"
SEGMENTS = "leap_mart.kpi_daily_by_segment"
COHORTS = "leap_mart.cohort_revenue"
ADS = "leap_mart.ad_revenue_daily"


def days_sql(filters: Filters) -> str:
    """Revenue of each day by source, per active and per paying player."""
    return f"""select
    event_date,
    sum(purchase_amount) as purchase_amount,
    sum(ad_amount) as ad_amount,
    sum(purchase_amount + ad_amount) / nullif(sum(dau), 0) as arpdau,
    sum(purchase_amount) / nullif(sum(payers), 0) as arppu,
    sum(payers) / nullif(sum(dau), 0) as payer_share
from {SEGMENTS if filters.by_segment else KPI}
{filters.where("event_date", segment=True)}
group by event_date
order by event_date"""


def cohorts_sql(filters: Filters) -> str:
    """What a player has brought and whether he has paid, by cohort week and age; cohorts old enough alone."""
    where = filters.where(
        segment=True,
        week="date_trunc('week', cohort_date)::date",
        also="purchase_amount_to_age is not null",
    )
    return f"""with sums as (
    select
        date_trunc('week', cohort_date)::date as cohort_week,
        age,
        sum(cohort_size) as players,
        sum(purchase_amount_to_age + ad_amount_to_age) / nullif(sum(cohort_size), 0) as ltv,
        sum(converted_players_to_age) / nullif(sum(cohort_size), 0) as payer_conversion
    from {COHORTS}
    {where}
    group by all
)

-- an age that only a part of a week's cohorts has reached would let a curve fall
select *
from sums
qualify players = max(players) over (partition by cohort_week)
order by all"""


def products_sql(filters: Filters) -> str:
    """What sold, refunds taken off."""
    return f"""select
    coalesce(products.product_name, facts.purchase_item) as product,
    any_value(facts.transaction_type) as type,
    count(*) filter (facts.amount > 0) as sold,
    count(*) filter (facts.amount < 0) as refunded,
    sum(facts.amount) as revenue
from leap_stage.fact_transaction as facts
left join leap_dim.dim_products as products
    on
        facts.purchase_item = products.purchase_item
        and facts.event_date >= products.valid_from
        and (products.valid_to is null or facts.event_date < products.valid_to)
{filters.where("facts.event_date")}
group by product
order by revenue desc, product
limit 15"""


def countries_sql(filters: Filters) -> str:
    """Net revenue by country and week."""
    return f"""select country, week_start, purchase_amount
from leap_mart.country_weekly_revenue
{_weeks(filters).where("week_start", segment=True)}
order by all"""


def _weeks(filters: Filters) -> Filters:
    """The weeks that the chosen days touch; a week of a country has no platform."""
    monday = filters.first - dt.timedelta(days=filters.first.weekday())
    return Filters(monday, filters.last, filters.countries)


def show(board: Board) -> None:
    """The page."""
    filters = choose(board.snapshot, segment=True, cohorts=True)
    sql = days_sql(filters)
    board.show(
        Figure(
            "Revenue by source",
            sql,
            [f"{KPI}.purchase_amount", f"{KPI}.ad_amount"],
            lambda rows: bars(
                rows, "source", {"purchase_amount": "Purchases, net", "ad_amount": "Ads"}, form=",.0f"
            ),
            empty="Nothing was paid on these days.",
            values=["purchase_amount", "ad_amount"],
            note="All cohorts.",
        ),
        Figure(
            "Ad revenue by type",
            f"""select event_date, ad_type, ad_amount, impressions, ecpm
from {ADS}
{filters.where("event_date")}
order by all""",
            [f"{ADS}.ad_amount", f"{ADS}.ecpm"],
            _draw_ads,
            empty="No ad was watched on these days.",
            note="All countries, platforms and cohorts.",
        ),
    )
    board.show(
        Figure(
            "ARPDAU",
            sql,
            [f"{KPI}.arpdau"],
            lambda rows: lines(rows, "measure", {"arpdau": "ARPDAU"}, form=".2f"),
            empty="Nothing was paid on these days.",
            values=["arpdau"],
            note="Revenue, purchases and ads, per active player. All cohorts.",
        ),
        Figure(
            "ARPPU",
            sql,
            [f"{KPI}.arppu"],
            lambda rows: lines(rows, "measure", {"arppu": "ARPPU"}, form=",.2f"),
            empty="Nobody paid on these days.",
            values=["arppu"],
            note="Purchases per payer; days on which nobody paid have none. All cohorts.",
        ),
    )
    board.show(
        Figure(
            "Lifetime value by age",
            cohorts_sql(filters),
            [f"{COHORTS}.ltv"],
            lambda rows: _draw_by_age(rows, "ltv", ",.2f"),
            empty="Nothing was paid by these cohorts.",
            values=["ltv"],
            note="Revenue to date of a player, purchases and ads; one line a cohort week, whatever the days above.",
        ),
        Figure(
            "Payer conversion by age",
            cohorts_sql(filters),
            [f"{COHORTS}.payer_conversion"],
            lambda rows: _draw_by_age(rows, "payer_conversion", ".1%"),
            empty="Nobody of these cohorts has paid.",
            values=["payer_conversion"],
            note="Share of a cohort that has paid by that age; one line a cohort week, whatever the days above.",
        ),
    )
    board.show(
        Figure(
            "Best-selling products",
            products_sql(filters),
            ["leap_stage.fact_transaction.amount"],
            _draw_products,
            empty="Nothing was sold on these days.",
            note="Net of refunds; all countries, platforms and cohorts.",
        ),
        Figure(
            "Revenue by country and week",
            countries_sql(filters),
            ["leap_mart.country_weekly_revenue.purchase_amount"],
            _draw_countries,
            empty="Nothing was paid in these weeks.",
            note="Purchases, net of refunds, of the whole weeks that these days touch, by their Monday; all platforms "
            "and cohorts.",
        ),
    )


def _draw_by_age(rows: pd.DataFrame, column: str, form: str) -> Chart:
    rows = rows.assign(cohort=rows["cohort_week"].dt.strftime("%Y-%m-%d"))
    return (
        alt.Chart(rows, height=280)
        .mark_line(point=alt.OverlayMarkDef(size=14))
        .encode(
            x=alt.X(
                "age:Q", title="Days since acquired", axis=alt.Axis(tickMinStep=1, format="d", grid=False)
            ),
            y=alt.Y(f"{column}:Q", title=None, axis=alt.Axis(format=form)),
            color=alt.Color(
                "cohort:O",
                scale=alt.Scale(scheme="viridis"),
                legend=alt.Legend(title="Cohort week", symbolLimit=14),
            ),
            tooltip=[
                alt.Tooltip("cohort:N", title="Cohort week"),
                alt.Tooltip("age:Q", title="Age in days"),
                alt.Tooltip(f"{column}:Q", title="Value", format=form),
                alt.Tooltip("players:Q", title="Players", format=","),
            ],
        )
    )


def _draw_ads(rows: pd.DataFrame) -> Chart:
    wide = rows.pivot_table(index="event_date", columns="ad_type", values="ad_amount").reset_index()
    names = [name for name in wide.columns if name != "event_date"]
    return bars(wide, "type", {name: str(name) for name in names}, form=",.2f")


def _draw_products(rows: pd.DataFrame) -> Chart:
    return (
        alt.Chart(rows, height=grid_height(len(rows), 24))
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("revenue:Q", title=None, axis=alt.Axis(format=",.0f", tickCount=5)),
            y=alt.Y("product:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220)),
            tooltip=[
                alt.Tooltip("product:N", title="Product"),
                alt.Tooltip("type:N", title="Type"),
                alt.Tooltip("revenue:Q", title="Revenue", format=",.2f"),
                alt.Tooltip("sold:Q", title="Sold"),
                alt.Tooltip("refunded:Q", title="Refunded"),
            ],
        )
    )


def _draw_countries(rows: pd.DataFrame) -> Chart:
    rows = rows.assign(week=rows["week_start"].dt.strftime("%b %d"))
    weeks = rows.sort_values("week_start")["week"].unique().tolist()
    return (
        alt.Chart(rows, height=grid_height(rows["country"].nunique(), 20))
        .mark_rect()
        .encode(
            x=alt.X("week:O", sort=weeks, title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "country:N",
                sort=alt.EncodingSortField("purchase_amount", op="sum", order="descending"),
                title=None,
            ),
            color=alt.Color(
                "purchase_amount:Q",
                scale=alt.Scale(scheme="viridis"),
                legend=alt.Legend(title=None, format=",.0f"),
            ),
            tooltip=[
                alt.Tooltip("country:N", title="Country"),
                alt.Tooltip("week_start:T", title="Week of", format="%Y-%m-%d"),
                alt.Tooltip("purchase_amount:Q", title="Revenue", format=",.2f"),
            ],
        )
    )
