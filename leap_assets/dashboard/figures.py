"""How a figure is shown: its title with the definition on hover, the chart, and below the query and its rows.

A figure comes from one query on the published file, which the reader can copy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt
import pandas as pd
import streamlit as st

from leap_assets.dashboard.snapshot import Snapshot, Stamp

Chart: TypeAlias = Any
# of altair; its single and composed charts have no type in common

# Okabe and Ito's colours: told apart by the colour-blind, on white and on black
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY = PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#8C8C8C",
)
HEIGHT = 280
# of a chart, in pixels
FEW_DAYS = 7
# whose bars would be as wide as walls
MOST_TICKS = 31
# at the days themselves: between weeks, a tick of its own choice would name a day that has no point
WIDE_BAR = 32
# of a bar among few, in pixels
LETTER = 6.5
SYMBOL = 34
# pixels of a legend's entry: a letter at most, and what stands around its name


@dataclass(frozen=True)
class Figure:
    """What is shown and where it comes from.

    Attributes
    ----------
    title : str
    sql : str
        One query on the published file.
    names : sequence of str
        The columns (`schema.table.column`) or tables that it is about, whose descriptions define it.
    draw : callable or None
        From the rows to a chart; None: the rows themselves are shown.
    empty : str
        The sentence in place of a chart without rows.
    values : sequence of str
        The columns that are drawn; where each value is missing or 0, the sentence is shown as well.
    note : str
        A sentence under the title; what a reader must know to read the figure right.
    """

    title: str
    sql: str
    names: Sequence[str]
    draw: Callable[[pd.DataFrame], Chart] | None
    empty: str = "Nothing was recorded for these filters."
    values: Sequence[str] = ()
    note: str = ""

    def is_empty(self, rows: pd.DataFrame) -> bool:
        """Whether the rows would make a picture of nothing."""
        return rows.empty or (
            bool(self.values) and not rows[list(self.values)].fillna(0).astype(bool).any(axis=None)
        )


@st.cache_data(max_entries=500, show_spinner=False)
def rows_of(_snapshot: Snapshot, stamp: Stamp, sql: str) -> pd.DataFrame:
    """Rows of a query, kept as long as the snapshot stays: the stamp is part of the key."""
    return _snapshot.query(sql)


class Board:
    """Shows the figures of one page from one snapshot."""

    def __init__(self, snapshot: Snapshot, stamp: Stamp) -> None:
        self.snapshot, self.stamp = snapshot, stamp

    def rows(self, sql: str) -> pd.DataFrame:
        """Rows of a query."""
        return rows_of(self.snapshot, self.stamp, sql)

    def define(self, names: Sequence[str]) -> str:
        """The definitions of some columns or tables, as Markdown."""
        told = [(name, self.snapshot.describe(name)) for name in names]
        return (
            "\n\n".join(f"`{name}`: {text}" for name, text in told if text) or "No definition is published."
        )

    def show(self, *figures: Figure) -> None:
        """Figures side by side, each with its definition, its query and its rows."""
        places = st.columns(len(figures)) if len(figures) > 1 else [st.container()]
        for figure, place in zip(figures, places, strict=True):
            with place.container(border=True, height="stretch"):
                self._show_one(figure)

    def _show_one(self, figure: Figure) -> None:
        rows = self.rows(figure.sql)
        st.markdown(f"##### {figure.title}", help=self.define(figure.names))
        if figure.note:
            st.caption(figure.note)
        if figure.is_empty(rows):
            st.info(figure.empty, icon=":material/info:")
            return
        if figure.draw:
            st.altair_chart(
                _tighten(figure.draw(rows)), width="stretch", alt=f"{figure.title}. {figure.note}".strip()
            )
        else:
            st.dataframe(_plain(rows), hide_index=True, width="stretch", column_config=_grouped(rows))
        self.explain(figure.title, figure.sql, rows, with_rows=figure.draw is not None)

    def explain(self, title: str, sql: str, rows: pd.DataFrame, *, with_rows: bool = True) -> None:
        """The query behind a figure, its rows and a download; made when somebody opens it."""
        name = "".join(char if char.isalnum() else "_" for char in title.lower()).strip("_")
        _explain(name, sql, rows, with_rows=with_rows)


@st.fragment
def _explain(name: str, sql: str, rows: pd.DataFrame, *, with_rows: bool) -> None:
    opened = st.popover(
        "Query and data",
        icon=":material/database:",
        type="tertiary",
        key=f"explain_{name}",
        on_change="rerun",
    )
    if not opened.open:
        return
    with opened:
        st.code(sql.strip(), language="sql")
        if with_rows:
            st.dataframe(_plain(rows), hide_index=True, height=220, column_config=_grouped(rows))
        st.download_button(
            "Download as CSV",
            _plain(rows).to_csv(index=False).encode(),
            file_name=f"{name}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv_{name}",
            on_click="ignore",
        )


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as people read them: days without hours."""
    days = [
        name
        for name in rows.select_dtypes("datetime").columns
        if (rows[name].dropna() == rows[name].dropna().dt.normalize()).all()
    ]
    return rows.assign(**{name: rows[name].dt.date for name in days})


def _grouped(rows: pd.DataFrame) -> dict[str, Any]:
    """How counts are shown in tables: in groups of three digits. Numbers of lines, beats and levels are names."""
    return {
        name: st.column_config.NumberColumn(format="localized")
        for name in rows.select_dtypes("number").columns
        if not name.endswith(("_number", "beat", "level", "age", "hour"))
    }


def _tighten(chart: Chart) -> Chart:
    """A chart with less air than Streamlit's theme gives it, and labels that stay under their bars."""
    return (
        chart.configure(padding={"left": 0, "right": 4, "top": 10, "bottom": 0})
        .configure_axis(labelPadding=6, titlePadding=8, labelFlush=False)
        .configure_legend(offset=8, padding=0, labelPadding=6, labelLimit=300)
    )


def grid_height(rows: int, each: int) -> int:
    """Pixels of a chart with so many rows, its axis included."""
    return 70 + each * min(rows, 40)


def by_day(rows: pd.DataFrame, column: str = "event_date") -> Chart:
    """A chart whose x axis is a column of days."""
    days = rows[column].nunique()
    # ticks at the days themselves where these are few: not at hours, nor between weeks
    at = (
        sorted(rows[column].dt.strftime("%Y-%m-%dT00:00:00").unique())
        if days <= MOST_TICKS
        else alt.Undefined
    )
    axis = alt.Axis(title=None, format="%b %d", labelAngle=0, labelOverlap=True, grid=False, values=at)
    return alt.Chart(rows, height=HEIGHT).encode(x=alt.X(f"{column}:T", axis=axis))


def lines(
    rows: pd.DataFrame,
    column: str,
    names: dict[str, str],
    *,
    axis: str = "",
    form: str = ",.0f",
    day: str = "event_date",
) -> Chart:
    """One line a column over days.

    Parameters
    ----------
    rows : pandas.DataFrame
    column : str
        Name that the columns are called together in tooltips.
    names : dict
        Shown name by column.
    axis : str
        Title of the y axis.
    form : str
        Format of values, as d3 has it.
    day : str
        Column of days.
    """
    long = rows.rename(columns=names).melt(day, list(names.values()), column, "value").dropna()
    # points, so that a single day can be seen
    return (
        by_day(long, day)
        .mark_line(point=alt.OverlayMarkDef(size=22))
        .encode(
            y=alt.Y("value:Q", title=axis or None, axis=alt.Axis(format=form)),
            color=color(column, list(names.values())),
            tooltip=[
                alt.Tooltip(f"{day}:T", title="Day", format="%Y-%m-%d"),
                alt.Tooltip(f"{column}:N", title=column.capitalize()),
                alt.Tooltip("value:Q", title="Value", format=form),
            ],
        )
    )


def bars(
    rows: pd.DataFrame,
    column: str,
    names: dict[str, str],
    *,
    colors: Sequence[str] = PALETTE,
    axis: str = "",
    form: str = ",.0f",
    day: str = "event_date",
) -> Chart:
    """One stacked bar a day; see `lines`."""
    long = rows.rename(columns=names).melt(day, list(names.values()), column, "value").dropna()
    long["order"] = long[column].map({name: n for n, name in enumerate(names.values())})
    days = pd.date_range(rows[day].min(), rows[day].max()).strftime("%Y-%m-%d").tolist()
    long["day"] = long[day].dt.strftime("%Y-%m-%d")
    # bands, not points of time: a label belongs under the middle of its bar
    label = "timeFormat(toDate(datum.value + 'T00:00:00'), '%b %d')"
    return (
        alt.Chart(long, height=HEIGHT)
        .mark_bar(width=alt.RelativeBandSize(0.9) if len(days) > FEW_DAYS else WIDE_BAR)
        .encode(
            x=alt.X(
                "day:O",
                scale=alt.Scale(domain=days),
                axis=alt.Axis(title=None, labelExpr=label, labelAngle=0, labelOverlap=True, grid=False),
            ),
            y=alt.Y("value:Q", title=axis or None, axis=alt.Axis(format=form)),
            color=color(column, list(names.values()), colors),
            order="order:O",
            tooltip=[
                alt.Tooltip(f"{day}:T", title="Day", format="%Y-%m-%d"),
                alt.Tooltip(f"{column}:N", title=column.capitalize()),
                alt.Tooltip("value:Q", title="Value", format=form),
            ],
        )
    )


def color(column: str, names: Sequence[str], colors: Sequence[str] = PALETTE) -> alt.Color:
    """Colours that stay with their names, with the legend above the chart."""
    scale = alt.Scale(domain=list(names), range=list(colors)[: len(names)])
    # as many beside each other as the chart is wide, which only the browser knows
    entry = max(map(len, names), default=0) * LETTER + SYMBOL
    columns = alt.ExprRef(f"max(1, floor(width / {entry:g}))")
    legend = (
        alt.Legend(orient="top", title=None, columns=columns, symbolOpacity=1) if len(names) > 1 else None
    )
    return alt.Color(f"{column}:N", scale=scale, legend=legend, sort=list(names))
