"""The same over every midnight of a week, so that at whatever day a run's window ends, something goes on behind it."""

import datetime as dt

from leap_assets_tests.hostile.worlds import Line

from .writing import Case, day, event, fix, session, span

# The window of a run for the first or last of them ends among them.
DAYS = span("2025-03-01", "2025-03-07")


def _over_midnight(number: int) -> list[Line]:
    """What starts on a day and goes on, or is decided, on the next."""
    today, tomorrow = DAYS[number], DAYS[number] + dt.timedelta(days=1)
    name = f"edge-{number}"
    return [
        event(f"{name}-1", name, "level_start", f"{today}T23:59:00Z", f"{name}-s", level=1),
        event(f"{name}-2", name, "level_complete", f"{tomorrow}T00:01:00Z", f"{name}-s", level=1),
        event(f"{name}-3", f"{name}-u", "feature_used", f"{today}T23:50:00Z", feature="map"),
        event(f"{name}-4", f"{name}-u", "feature_used", f"{tomorrow}T00:10:00Z", feature="map"),
        event(f"{name}-5", f"{name}-x", "session_start", f"{today}T20:00:00Z", f"{name}-x"),
        event(f"{name}-6", f"{name}-x", "session_end", f"{tomorrow}T19:00:00Z", f"{name}-x"),
        session(f"{name}-l", f"{name}-m", f"{tomorrow}T00:05:00Z", 600),
        fix(f"{name}-l", f"{name}-m", f"{today}T23:59:00Z", 0, "t1"),
        fix(f"{name}-m", f"{name}-m", f"{tomorrow}T00:04:00Z", 0, "t2"),
        fix(f"{name}-l", f"{name}-m", f"{tomorrow}T00:04:00Z", 0, "t1"),
        # Late and early: delivered where the window of the other day ends.
        event(
            f"{name}-7", f"{name}-e", "feature_used", f"{tomorrow}T23:59:59Z", on=str(today), feature="map"
        ),
    ]


NUMBERS = range(len(DAYS) - 1)
CASES = (
    Case(
        "what goes over a midnight is whole, at whatever day a run ends",
        "edges",
        DAYS,
        [line for number in NUMBERS for line in _over_midnight(number)],
        [
            (
                "select event_date, attempts, completes from leap_mart.level_funnel_daily order by 1",
                [(DAYS[number], 1, 1) for number in NUMBERS],
            ),
            (
                """select event_date, count(*) from leap_stage.fact_session
                where player_id like '%-u' or player_id like '%-x' or player_id like '%-l' group by 1 order by 1""",
                [(DAYS[number], 3) for number in NUMBERS],
            ),
            (
                """select session_id, event_date, conflict_start from leap_stage.stage_conflicts order by 1""",
                [
                    (
                        f"edge-{n}-m",
                        DAYS[n],
                        dt.datetime.combine(DAYS[n], dt.time(23, 55)) + dt.timedelta(minutes=9),
                    )
                    for n in NUMBERS
                ],
            ),
            ("select max(event_date) from leap_mart.kpi_daily", [(day("2025-03-07"),)]),
        ],
    ),
)
