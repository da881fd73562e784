"""Matches: where players and teams were, whom they met, and who keeps coming back."""

import datetime as dt

import altair as alt
import pandas as pd
import streamlit as st

from leap_assets.dashboard.figures import PALETTE, RED, Board, Chart, Figure, bars, color, grid_height
from leap_assets.dashboard.filters import Filters, choose
from leap_assets.landing.validation import quote_literal

FIXES = "leap_stage.event_heartbeat"
CENTROIDS = "leap_stage.stage_centroids"
CONFLICTS = "leap_stage.stage_conflicts"
CONTACTS = "leap_stage.stage_contacts"
SESSIONS = "leap_mart.session_close_conflicts_daily"
MATCHES_SHOWN = 200
PLANES = {"From above (x, y)": "xy", "From the front (x, z)": "xz", "From the side (y, z)": "yz"}
BINS = 40
WIDE = 1.5
# width of a picture of paths by its height, on a desk


def matches_sql(day: dt.date) -> str:
    """The matches of a day that have positions, those with most conflicts first."""
    return f"""select
    fixes.session_id,
    count(distinct fixes.player_id) as players,
    count(distinct fixes.team_id) as teams,
    coalesce(any_value(conflicts.conflict_count), 0) as conflicts,
    strftime(min(fixes.event_date_time), '%H:%M') as started
from {FIXES} as fixes
left join {SESSIONS} as conflicts
    on
        fixes.session_id = conflicts.session_id
        and fixes.event_date = conflicts.event_date
where fixes.event_date = date '{day}'
group by fixes.session_id
order by conflicts desc, players desc, fixes.session_id
limit {MATCHES_SHOWN}"""


def beats_sql(day: dt.date, match: str) -> str:
    """The beats of a match with a position, and the time of the first one in each; the room that all of them take."""
    return f"""select
    beat,
    min(event_date_time) as at,
    min(position_x) as x0, max(position_x) as x1,
    min(position_y) as y0, max(position_y) as y1,
    min(position_z) as z0, max(position_z) as z1
from {FIXES}
where event_date = date '{day}' and session_id = {quote_literal(match)}
group by beat
order by beat"""


def paths_sql(day: dt.date, match: str, first: int, last: int) -> str:
    """Positions of a match's players, beat by beat."""
    return f"""select player_id, team_id, beat, position_x as x, position_y as y, position_z as z
from {FIXES}
where
    event_date = date '{day}'
    and session_id = {quote_literal(match)}
    and is_last_of_beat
    and beat between {first} and {last}
order by player_id, beat"""


def centroids_sql(day: dt.date, match: str, first: int, last: int) -> str:
    """Centroids of a match's teams."""
    return f"""select
    team_id, beat, centroid_x as x, centroid_y as y, centroid_z as z, players_present, spread
from {CENTROIDS}
where
    event_date = date '{day}'
    and session_id = {quote_literal(match)}
    and beat between {first} and {last}
order by team_id, beat"""


def conflicts_sql(day: dt.date, match: str) -> str:
    """Conflicts of a match's teams."""
    return f"""select
    team_1_id, team_2_id, conflict_number, conflict_start, conflict_end, close_beats, min_centroid_distance
from {CONFLICTS}
where event_date = date '{day}' and session_id = {quote_literal(match)}
order by conflict_start, team_1_id, team_2_id"""


def density_sql(filters: Filters, plane: str) -> str:
    """How often players were in each cell of a grid over the arena."""
    a, b = (f"position_{axis}" for axis in plane)
    return f"""with arena as (
    select
        min({a}) as a0,
        greatest(max({a}) - min({a}), 1e-9) / {BINS} as a_step,
        min({b}) as b0,
        greatest(max({b}) - min({b}), 1e-9) / {BINS} as b_step
    from {FIXES}
    {filters.where("event_date")}
)

select
    round(a0 + (least(floor(({a} - a0) / a_step), {BINS - 1}) + 0.5) * a_step, 2) as {plane[0]},
    round(b0 + (least(floor(({b} - b0) / b_step), {BINS - 1}) + 0.5) * b_step, 2) as {plane[1]},
    count(*) as positions
from {FIXES}, arena
{filters.where("event_date")}
group by all
order by all"""


def encounters_sql(filters: Filters) -> str:
    """Meetings of opposing players by day and hour."""
    return f"""select event_date, hour(contact_start) as hour, count(*) as encounters
from {CONTACTS}
{filters.where("event_date")}
group by all
order by all"""


def conflicts_daily_sql(filters: Filters) -> str:
    """Conflicts and seconds in conflict by day."""
    return f"""select
    event_date,
    count(*) as matches,
    sum(conflict_count) as conflicts,
    sum(total_conflict_seconds) / 60 as conflict_minutes
from {SESSIONS}
{filters.where("event_date")}
group by event_date
order by event_date"""


def streaks_sql(filters: Filters) -> str:
    """Players by their longest run of play days inside a month."""
    return f"""select month_start, longest_run_days, count(*) as players
from leap_mart.player_consecutive_days_monthly
where month_start between date_trunc('month', date '{filters.first}') and date '{filters.last}'
group by all
order by all"""


def show(board: Board) -> None:
    """The page."""
    filters = choose(board.snapshot)
    _show_match(board, filters)
    st.subheader("All matches of these days")
    plane = PLANES[st.session_state.get("plane") or next(iter(PLANES))]
    board.show(
        Figure(
            "Where players are",
            density_sql(filters, plane),
            [FIXES],
            lambda rows: _draw_density(rows, plane),
            empty="No position was logged on these days.",
            note=f"Logged positions in a grid of {BINS} by {BINS} cells.",
        ),
        Figure(
            "When opponents meet",
            encounters_sql(filters),
            [CONTACTS],
            _draw_encounters,
            empty="No opponents met on these days.",
            note="Contacts of opposing players by the hour (UTC) in which they began.",
        ),
    )
    board.show(
        Figure(
            "Conflicts by day",
            conflicts_daily_sql(filters),
            [SESSIONS, f"{SESSIONS}.conflict_count"],
            lambda rows: bars(rows, "measure", {"conflicts": "Conflicts"}),
            empty="No match was played on these days.",
        ),
        Figure(
            "Longest runs of play days",
            streaks_sql(filters),
            ["leap_mart.player_consecutive_days_monthly"],
            _draw_streaks,
            empty="Nobody played in these months.",
            note="Players by the longest run inside a month.",
        ),
    )


def _show_match(board: Board, filters: Filters) -> None:
    days = board.rows(
        f"select distinct event_date from {FIXES} {filters.where('event_date')} order by event_date desc"
    )["event_date"].dt.date.astype(str)
    if days.empty:
        st.info("No match has positions on these days.", icon=":material/info:")
        return
    with st.container(horizontal=True):
        day = st.selectbox("Day of the match", days.tolist(), key="day", bind="query-params", width=180)
        matches = board.rows(matches_sql(dt.date.fromisoformat(day))).set_index("session_id")
        match = st.selectbox(
            "Match",
            matches.index.tolist(),
            format_func=lambda name: _describe(name, matches),
            key="match",
            bind="query-params",
            width=520,
        )
        shown = st.selectbox("View", list(PLANES), key="plane", bind="query-params", width=220)
    chosen = dt.date.fromisoformat(day)
    beats = board.rows(beats_sql(chosen, match))
    clock = _clock(beats)
    span = _choose_span(match, clock)
    plane = PLANES[shown]
    board.show(
        Figure(
            "Paths of the players",
            paths_sql(chosen, match, *span),
            [FIXES, f"{FIXES}.beat"],
            lambda rows: _draw_paths(rows, plane, "player_id", beats),
            empty="No position lies between these times.",
            note="One line a player in the colour of the team; the dot is the last position.",
        ),
        Figure(
            "Centroids of the teams",
            centroids_sql(chosen, match, *span),
            [CENTROIDS],
            lambda rows: _draw_paths(rows, plane, "team_id", beats),
            empty="No position lies between these times.",
            note="One line a team; the dot is the last centroid.",
        ),
    )
    board.show(
        Figure(
            "Conflicts on the time line",
            conflicts_sql(chosen, match),
            [CONFLICTS],
            lambda rows: _draw_conflicts(rows, beats),
            empty="No two teams of this match came close to each other.",
            note="A bar is a conflict of two teams, from its first close beat to its last. "
            "The axis is the whole match.",
        )
    )


def _clock(beats: pd.DataFrame) -> dict[int, str]:
    """The time of day of each beat; with fractions where a second has several."""
    at = beats["at"]
    form = "%H:%M:%S" if at.dt.floor("s").is_unique else "%H:%M:%S.%f"
    return {int(beat): time.strftime(form)[:12] for beat, time in zip(beats["beat"], at, strict=True)}


def _choose_span(match: str, clock: dict[int, str]) -> tuple[int, int]:
    """First and last beat shown, chosen by their time."""
    beats = list(clock)
    if len(beats) == 1:
        return beats[0], beats[0]
    # a span belongs to its match: another one has other times
    if st.session_state.get("span_of") not in (None, match):
        st.session_state.pop("span", None)
    st.session_state["span_of"] = match
    first, last = st.select_slider(
        "Time of the match (UTC)",
        beats,
        (beats[0], beats[-1]),
        format_func=lambda beat: clock[beat],
        key="span",
        bind="query-params",
    )
    return int(first), int(last)


def _describe(name: str, matches: pd.DataFrame) -> str:
    row = matches.loc[name]
    conflicts = "1 conflict" if row["conflicts"] == 1 else f"{row['conflicts']} conflicts"
    return f"{row['started']}, {row['players']} players in {row['teams']} teams, {conflicts} ({name[:8]})"


def _room(beats: pd.DataFrame, plane: str) -> list[list[float]]:
    """Bounds of both axes: the same whatever times are chosen; on a desk, units of both are about equally long."""
    bounds = [(float(beats[f"{axis}0"].min()), float(beats[f"{axis}1"].max())) for axis in plane]
    tall = max(bounds[1][1] - bounds[1][0], (bounds[0][1] - bounds[0][0]) / WIDE, 1e-6) * 1.04
    middles = [(low + high) / 2 for low, high in bounds]
    return [
        [middle - size / 2, middle + size / 2]
        for middle, size in zip(middles, (tall * WIDE, tall), strict=True)
    ]


def _draw_paths(rows: pd.DataFrame, plane: str, line: str, beats: pd.DataFrame) -> Chart:
    a, b = plane[0], plane[1]
    teams = sorted(rows["team_id"].unique())
    shown = {team: f"Team {n}" if len(team) > 12 else team for n, team in enumerate(teams, 1)}
    rows = rows.assign(team=rows["team_id"].map(shown))
    wide, tall = _room(beats, plane)
    x = alt.X(f"{a}:Q", title=a, scale=alt.Scale(domain=wide, nice=False), axis=alt.Axis(tickCount=6))
    y = alt.Y(f"{b}:Q", title=b, scale=alt.Scale(domain=tall, nice=False), axis=alt.Axis(tickCount=6))
    shades = color("team", list(shown.values()), PALETTE * (len(teams) // len(PALETTE) + 1))
    base = alt.Chart(rows, height=420).encode(x=x, y=y, color=shades)
    ends = rows.sort_values("beat").groupby(line).tail(1)
    tooltip = [
        alt.Tooltip("team:N", title="Team"),
        *([alt.Tooltip("player_id:N", title="Player")] if line == "player_id" else []),
        alt.Tooltip("beat:Q", title="Beat"),
    ]
    return base.mark_line(opacity=0.75, strokeWidth=1.6).encode(
        detail=f"{line}:N", order="beat:Q"
    ) + alt.Chart(ends).mark_point(filled=True, size=90).encode(x=x, y=y, color=shades, tooltip=tooltip)


def _draw_conflicts(rows: pd.DataFrame, beats: pd.DataFrame) -> Chart:
    teams = sorted({*rows["team_1_id"], *rows["team_2_id"]})
    shown = {team: f"Team {n}" if len(team) > 12 else team for n, team in enumerate(teams, 1)}
    first = min(beats["at"].min(), rows["conflict_start"].min())
    last = max(beats["at"].max(), rows["conflict_end"].max())
    whole = [
        alt.DateTime(
            year=at.year, month=at.month, date=at.day, hours=at.hour, minutes=at.minute, seconds=at.second
        )
        for at in (first, last.ceil("s"))
    ]
    rows = rows.assign(pair=rows["team_1_id"].map(shown) + " and " + rows["team_2_id"].map(shown))
    return (
        alt.Chart(rows, height=grid_height(rows["pair"].nunique(), 28))
        .mark_bar(color=RED, height=14, cornerRadius=3)
        .encode(
            x=alt.X(
                "conflict_start:T",
                title=None,
                scale=alt.Scale(domain=whole),
                axis=alt.Axis(format="%H:%M:%S", tickCount=8, labelOverlap=True),
            ),
            x2="conflict_end:T",
            y=alt.Y("pair:N", title=None, axis=alt.Axis(labelLimit=220)),
            tooltip=[
                alt.Tooltip("pair:N", title="Teams"),
                alt.Tooltip("conflict_start:T", title="From", format="%H:%M:%S"),
                alt.Tooltip("conflict_end:T", title="To", format="%H:%M:%S"),
                alt.Tooltip("close_beats:Q", title="Close beats"),
                alt.Tooltip("min_centroid_distance:Q", title="Smallest distance", format=".2f"),
            ],
        )
    )


def _draw_density(rows: pd.DataFrame, plane: str) -> Chart:
    a, b = plane[0], plane[1]
    return (
        alt.Chart(rows, height=360)
        .mark_rect()
        .encode(
            x=alt.X(f"{a}:O", title=a, axis=alt.Axis(labels=False, ticks=False)),
            y=alt.Y(f"{b}:O", title=b, sort="descending", axis=alt.Axis(labels=False, ticks=False)),
            color=alt.Color("positions:Q", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(title=None)),
            tooltip=[f"{a}:Q", f"{b}:Q", alt.Tooltip("positions:Q", format=",")],
        )
    )


def _draw_encounters(rows: pd.DataFrame) -> Chart:
    rows = rows.assign(day=rows["event_date"].dt.strftime("%Y-%m-%d"))
    return (
        alt.Chart(rows, height=min(grid_height(rows["day"].nunique(), 26), 360))
        .mark_rect()
        .encode(
            x=alt.X(
                "hour:O",
                title="Hour (UTC)",
                axis=alt.Axis(labelAngle=0),
                scale=alt.Scale(domain=list(range(24))),
            ),
            y=alt.Y("day:O", title=None),
            color=alt.Color("encounters:Q", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(title=None)),
            tooltip=["day:N", "hour:O", alt.Tooltip("encounters:Q", format=",")],
        )
    )


def _draw_streaks(rows: pd.DataFrame) -> Chart:
    rows = rows.assign(month=rows["month_start"].dt.strftime("%Y-%m"))
    months = sorted(rows["month"].unique())
    return (
        alt.Chart(rows, height=280)
        .mark_bar()
        .encode(
            x=alt.X("longest_run_days:O", title="Days in a row", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("players:Q", title="Players", axis=alt.Axis(format=",.0f")),
            color=color("month", months, PALETTE * (len(months) // len(PALETTE) + 1)),
            tooltip=["month:N", "longest_run_days:O", alt.Tooltip("players:Q", format=",")],
        )
    )
