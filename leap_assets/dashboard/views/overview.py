"""Overview: how many players, how active, and what they paid."""

import datetime as dt

import pandas as pd
import streamlit as st

from leap_assets.dashboard.figures import BLUE, GREEN, ORANGE, Board, Figure, bars, lines
from leap_assets.dashboard.filters import Filters, choose

KPI = "leap_mart.kpi_daily"
SEGMENTS = "leap_mart.kpi_daily_by_segment"
SUMS = (
    "dau",
    "wau",
    "mau",
    "new_players",
    "player_sessions",
    "play_s",
    "payers",
    "purchase_amount",
    "ad_amount",
)
# a player has one country and one platform: sums over segments count nobody twice


def days_sql(filters: Filters) -> str:
    """The key figures of each day, of all players or of some countries and platforms."""
    sums = ",\n    ".join(f"sum({name}) as {name}" for name in SUMS)
    where = filters.where("event_date", segment=True)
    return f"""select
    event_date,
    {sums},
    sum(dau) / nullif(sum(mau), 0) as stickiness,
    sum(purchase_amount + ad_amount) / nullif(sum(dau), 0) as arpdau,
    sum(payers) / nullif(sum(dau), 0) as payer_share
from {SEGMENTS if filters.by_segment else KPI}
{where}
group by event_date
order by event_date"""


def tiles_sql(filters: Filters) -> str:
    """The figures of the chosen days, and of as many days before them."""
    before = filters.first - dt.timedelta(days=filters.days)
    where = Filters(before, filters.last, filters.countries, filters.platforms).where(
        "event_date", segment=True
    )
    return f"""with days as (
    select
        event_date,
        bool_and(is_final) as is_final,
        {", ".join(f"sum({name}) as {name}" for name in SUMS)}
    from {SEGMENTS if filters.by_segment else KPI}
    {where}
    group by event_date
)

select
    event_date >= date '{filters.first}' as is_chosen,
    count(*) as loaded_days,
    min(event_date) filter (not is_final) as first_open_day,
    avg(dau) as dau,
    max_by(wau, event_date) as wau,
    max_by(mau, event_date) as mau,
    sum(dau) / nullif(sum(mau), 0) as stickiness,
    sum(new_players) as new_players,
    sum(player_sessions) as sessions,
    sum(play_s) / 3600 as play_hours,
    sum(purchase_amount + ad_amount) as revenue,
    sum(purchase_amount + ad_amount) / nullif(sum(dau), 0) as arpdau,
    sum(payers) / nullif(sum(dau), 0) as payer_share
from days
group by is_chosen"""


TILES = (
    # label, column of the query, format, columns that define it
    ("DAU, mean", "dau", "{:,.0f}", (f"{KPI}.dau",)),
    ("WAU, last day", "wau", "{:,.0f}", (f"{KPI}.wau",)),
    ("MAU, last day", "mau", "{:,.0f}", (f"{KPI}.mau",)),
    ("Stickiness", "stickiness", "{:.1%}", (f"{KPI}.stickiness",)),
    ("New players", "new_players", "{:,.0f}", (f"{KPI}.new_players",)),
    ("Sessions", "sessions", "{:,.0f}", (f"{KPI}.player_sessions",)),
    ("Playtime, hours", "play_hours", "{:,.0f}", (f"{KPI}.play_s",)),
    ("Revenue", "revenue", "{:,.2f}", (f"{KPI}.purchase_amount", f"{KPI}.ad_amount")),
    ("ARPDAU", "arpdau", "{:.3f}", (f"{KPI}.arpdau",)),
    ("Payer share", "payer_share", "{:.2%}", (f"{KPI}.payer_share", f"{KPI}.payers")),
)


def show(board: Board) -> None:
    """The page."""
    filters = choose(board.snapshot, segment=True)
    _show_tiles(board, filters)
    sql = days_sql(filters)
    board.show(
        Figure(
            "Active players",
            sql,
            [f"{KPI}.dau", f"{KPI}.wau", f"{KPI}.mau"],
            lambda rows: lines(rows, "players", {"dau": "DAU", "wau": "WAU", "mau": "MAU"}),
            empty="Nobody played on these days.",
            values=["dau", "wau", "mau"],
        ),
        Figure(
            "Revenue",
            sql,
            [f"{KPI}.purchase_amount", f"{KPI}.ad_amount"],
            lambda rows: bars(
                rows,
                "source",
                {"purchase_amount": "Purchases", "ad_amount": "Ads"},
                colors=(BLUE, ORANGE),
                form=",.0f",
            ),
            empty="Nothing was paid on these days.",
            values=["purchase_amount", "ad_amount"],
        ),
    )
    board.show(
        Figure(
            "Sessions",
            sql,
            [f"{KPI}.player_sessions"],
            lambda rows: bars(rows, "measure", {"player_sessions": "Sessions"}),
            empty="Nobody played on these days.",
            values=["player_sessions"],
        ),
        Figure(
            "Playtime, hours",
            sql.replace("sum(play_s) as play_s", "sum(play_s) / 3600 as play_hours"),
            [f"{KPI}.play_s"],
            lambda rows: bars(rows, "measure", {"play_hours": "Hours"}, colors=(GREEN,)),
            empty="Nobody played on these days.",
            values=["play_hours"],
        ),
    )
    board.show(
        Figure(
            "Stickiness",
            sql,
            [f"{KPI}.stickiness"],
            lambda rows: lines(rows, "measure", {"stickiness": "DAU / MAU"}, form=".0%"),
            empty="Nobody played on these days.",
            values=["stickiness"],
            note="High in the first month of the data: MAU has fewer days to look back on.",
        ),
        Figure(
            "ARPDAU",
            sql,
            [f"{KPI}.arpdau"],
            lambda rows: lines(rows, "measure", {"arpdau": "ARPDAU"}, form=".2f"),
            empty="Nothing was paid on these days.",
            values=["arpdau"],
            note="Revenue, purchases and ads, per active player.",
        ),
    )
    board.show(
        Figure(
            "Payer share",
            sql,
            [f"{KPI}.payer_share", f"{KPI}.payers", f"{KPI}.absent_payers"],
            lambda rows: lines(rows, "measure", {"payer_share": "Payer share"}, form=".1%"),
            empty="Nobody paid on these days.",
            values=["payer_share"],
        ),
        Figure(
            "New players",
            sql,
            [f"{KPI}.new_players"],
            lambda rows: bars(rows, "measure", {"new_players": "New players"}, colors=(GREEN,)),
            empty="Nobody joined on these days.",
            values=["new_players"],
        ),
    )


def _show_tiles(board: Board, filters: Filters) -> None:
    sql = tiles_sql(filters)
    found = {bool(row["is_chosen"]): row for _, row in board.rows(sql).iterrows()}
    chosen, before = found.get(True), found.get(False)
    if chosen is None or not chosen["dau"]:
        st.info("Nobody was active on these days with these filters.", icon=":material/info:")
    if chosen is None:
        return
    # fewer days before than chosen would make a change of nothing but days
    if before is not None and before["loaded_days"] < filters.days:
        before = None
    places = st.container(key="tiles").columns(len(TILES))
    for (label, column, form, names), place in zip(TILES, places, strict=True):
        value = chosen[column]
        place.metric(
            label,
            "no data" if pd.isna(value) else form.format(float(value)),
            delta=_change(value, before[column]) if before is not None else None,
            help=board.define(names),
            border=True,
            height="stretch",
        )
    days = f"{filters.days} days" if filters.days > 1 else "day"
    missing = f"not all of the {days} before are" if filters.days > 1 else "the day before is not"
    with st.container(horizontal=True, vertical_alignment="center"):
        if before is not None:
            st.caption(f"Changes against the {days} before.", width="content")
        else:
            st.caption(f"No changes are shown: {missing} loaded.", width="content")
        board.explain("Tiles", sql, board.rows(sql))
    if not pd.isna(chosen["first_open_day"]):
        st.caption(
            f"Figures from {chosen['first_open_day']:%Y-%m-%d} on may still change: further deliveries can bring lines "
            "of these days."
        )


def _change(value: float, before: float) -> str | None:
    if pd.isna(value) or pd.isna(before) or not before:
        return None
    return f"{float(value) / float(before) - 1:+.1%}"
