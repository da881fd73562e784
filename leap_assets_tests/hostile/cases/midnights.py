"""Player-sessions and matches at midnights, silences, ends, overlaps: on which day what counts."""

from .writing import Case, day, event, fix, seconds_after, session, span, time

DAYS = span("2025-03-01", "2025-03-06")


def _sessions(prefix: str) -> str:
    return f"""select player_id, event_date, started_at, ended_at, is_end_inferred from leap_stage.fact_session
    where player_id like '{prefix}%' order by player_id, started_at"""


def _per_day(prefix: str) -> str:
    return f"""select event_date, count(*) from leap_stage.fact_session where player_id like '{prefix}%'
    group by 1 order by 1"""


CASES = (
    Case(
        "who joins a match after midnight counts on the day they join",
        "plain",
        DAYS,
        [
            session("join-a", "join-1", "2025-03-01T23:00:00Z", 3600),
            session("join-b", "join-1", "2025-03-02T05:30:00Z", 1860),
            session("join-c", "join-2", "2025-03-02T05:30:00Z", 1860),
            fix("join-b", "join-1", "2025-03-02T05:00:00Z", 1),
        ],
        [
            (
                "select player_id, event_date from leap_stage.fact_session where player_id like 'join-%' order by 1",
                [("join-a", day("2025-03-01")), ("join-b", day("2025-03-02")), ("join-c", day("2025-03-02"))],
            ),
            (
                "select player_id, acquired_on from leap_dim.dim_players where player_id like 'join-%' order by 1",
                [("join-a", day("2025-03-01")), ("join-b", day("2025-03-02")), ("join-c", day("2025-03-02"))],
            ),
            # The match is the one of the day before: its last line is at 23:00, six hours and more before 05:30, but less
            # before its start at 04:59.
            (
                "select player_id, event_date from leap_stage.event_heartbeat where session_id = 'join-1'",
                [("join-b", day("2025-03-01"))],
            ),
        ],
    ),
    Case(
        "a server that never stops gives each player the day they played on",
        "plain",
        DAYS,
        [
            session(f"srv-{d}-{n}", "srv", f"2025-03-0{d}T{hour:02d}:00:00Z", 3600)
            for d in range(1, 6)
            for n, hour in enumerate((3, 9, 15, 21, 23)[:d])
        ]
        + [fix(f"srv-{d}-0", "srv", f"2025-03-0{d}T02:30:00Z", d) for d in range(1, 6)],
        [
            (_per_day("srv"), [(day(f"2025-03-0{d}"), d) for d in range(1, 6)]),
            # It lives over more than one midnight: cut at midnights as a match, too.
            (
                "select event_date, count(*) from leap_stage.event_heartbeat where session_id = 'srv' group by 1 order by 1",
                [(day(f"2025-03-0{d}"), 1) for d in range(1, 6)],
            ),
        ],
    ),
    Case(
        "a match over one midnight counts whole on the day it starts, an id six hours later does not",
        "plain",
        DAYS,
        [
            fix("mid-a", "mid-1", "2025-03-01T23:59:50Z", 0, "t1"),
            fix("mid-b", "mid-1", "2025-03-02T00:00:10Z", 0, "t2"),
            # Exactly six hours after the last line: still of the match.
            fix("mid-a", "mid-2", "2025-03-01T23:00:00Z", 0, "t1"),
            fix("mid-a", "mid-2", "2025-03-02T05:00:00Z", 0, "t1"),
            # A microsecond more: not.
            fix("mid-a", "mid-3", "2025-03-01T23:00:00Z", 0, "t1"),
            fix("mid-a", "mid-3", "2025-03-02T05:00:00.000001Z", 0, "t1"),
            # The first day began at six or before: it may itself go on from the day before.
            fix("mid-a", "mid-4", "2025-03-01T06:00:00Z", 0, "t1"),
            fix("mid-a", "mid-4", "2025-03-01T23:00:00Z", 0, "t1"),
            fix("mid-a", "mid-4", "2025-03-02T01:00:00Z", 0, "t1"),
            fix("mid-a", "mid-5", "2025-03-01T06:00:00.000001Z", 0, "t1"),
            fix("mid-a", "mid-5", "2025-03-01T23:00:00Z", 0, "t1"),
            fix("mid-a", "mid-5", "2025-03-02T01:00:00Z", 0, "t1"),
            # The second day goes on to 18:00 or longer: it may go over the next midnight.
            fix("mid-a", "mid-6", "2025-03-01T23:00:00Z", 0, "t1"),
            fix("mid-a", "mid-6", "2025-03-02T01:00:00Z", 0, "t1"),
            fix("mid-a", "mid-6", "2025-03-02T18:00:00Z", 0, "t1"),
            fix("mid-a", "mid-7", "2025-03-01T23:00:00Z", 0, "t1"),
            fix("mid-a", "mid-7", "2025-03-02T01:00:00Z", 0, "t1"),
            fix("mid-a", "mid-7", "2025-03-02T17:59:59.999999Z", 0, "t1"),
        ],
        [
            (
                """select session_id, event_date, count(*) from leap_stage.event_heartbeat
                where session_id like 'mid-%' group by 1, 2 order by 1, 2""",
                [
                    ("mid-1", day("2025-03-01"), 2),
                    ("mid-2", day("2025-03-01"), 2),
                    ("mid-3", day("2025-03-01"), 1),
                    ("mid-3", day("2025-03-02"), 1),
                    ("mid-4", day("2025-03-01"), 2),
                    ("mid-4", day("2025-03-02"), 1),
                    ("mid-5", day("2025-03-01"), 3),
                    ("mid-6", day("2025-03-01"), 1),
                    ("mid-6", day("2025-03-02"), 2),
                    ("mid-7", day("2025-03-01"), 3),
                ],
            ),
        ],
    ),
    Case(
        "a start and its end are one player-session, whatever midnight and silence lie between",
        "plain",
        DAYS,
        [
            event("exp-1", "exp-a", "session_start", "2025-03-01T22:00:00Z", "exp-1"),
            event("exp-2", "exp-a", "feature_used", "2025-03-02T03:00:00Z", "exp-1", feature="map"),
            event("exp-3", "exp-a", "session_end", "2025-03-02T20:00:00Z", "exp-1"),
            # Exactly as long as a session may be.
            event("exp-4", "exp-b", "session_start", "2025-03-03T10:00:00Z", "exp-2"),
            event("exp-5", "exp-b", "session_end", "2025-03-04T10:00:00Z", "exp-2"),
            # Longer: each day for itself, as its events are 24 h apart.
            event("exp-6", "exp-c", "session_start", "2025-03-03T10:00:00Z", "exp-3"),
            event("exp-7", "exp-c", "session_end", "2025-03-04T10:00:00.000001Z", "exp-3"),
            # An id that is used again on another day.
            event("exp-8", "exp-d", "session_start", "2025-03-01T10:00:00Z", "exp-4"),
            event("exp-9", "exp-d", "session_end", "2025-03-01T11:00:00Z", "exp-4"),
            event("exp-10", "exp-d", "session_start", "2025-03-03T10:00:00Z", "exp-4"),
            event("exp-11", "exp-d", "session_end", "2025-03-03T11:00:00Z", "exp-4"),
        ],
        [
            (
                _sessions("exp-"),
                [
                    ("exp-a", day("2025-03-01"), time("2025-03-01 22:00"), time("2025-03-02 20:00"), False),
                    ("exp-b", day("2025-03-03"), time("2025-03-03 10:00"), time("2025-03-04 10:00"), False),
                    ("exp-c", day("2025-03-03"), time("2025-03-03 10:00"), time("2025-03-03 10:00"), True),
                    (
                        "exp-c",
                        day("2025-03-04"),
                        time("2025-03-04 10:00:00.000001"),
                        time("2025-03-04 10:00:00.000001"),
                        False,
                    ),
                    ("exp-d", day("2025-03-01"), time("2025-03-01 10:00"), time("2025-03-01 11:00"), False),
                    ("exp-d", day("2025-03-03"), time("2025-03-03 10:00"), time("2025-03-03 11:00"), False),
                ],
            ),
        ],
    ),
    Case(
        "a session_end ends a player-session that has no id, and so do thirty minutes of silence",
        "plain",
        DAYS,
        [
            event("sil-1", "sil-a", "session_start", "2025-03-01T10:00:00Z"),
            event("sil-2", "sil-a", "session_end", "2025-03-01T10:10:00Z"),
            event("sil-3", "sil-a", "feature_used", "2025-03-01T10:15:00Z", feature="map"),
            # A microsecond less than half an hour: the same session. Half an hour: another one.
            event("sil-4", "sil-b", "feature_used", "2025-03-01T10:00:00Z", feature="map"),
            event("sil-5", "sil-b", "feature_used", "2025-03-01T10:29:59.999999Z", feature="map"),
            event("sil-6", "sil-b", "feature_used", "2025-03-01T10:59:59.999999Z", feature="map"),
            # At one instant the end comes last.
            event("sil-7", "sil-c", "session_end", "2025-03-01T10:00:00Z"),
            event("sil-8", "sil-c", "session_start", "2025-03-01T10:00:00Z"),
            # Over midnight: one session of the day it starts.
            event("sil-9", "sil-d", "session_start", "2025-03-01T23:50:00Z"),
            event("sil-10", "sil-d", "session_end", "2025-03-02T00:10:00Z"),
        ],
        [
            (
                _sessions("sil-"),
                [
                    ("sil-a", day("2025-03-01"), time("2025-03-01 10:00"), time("2025-03-01 10:10"), False),
                    ("sil-a", day("2025-03-01"), time("2025-03-01 10:15"), time("2025-03-01 10:15"), True),
                    (
                        "sil-b",
                        day("2025-03-01"),
                        time("2025-03-01 10:00"),
                        time("2025-03-01 10:29:59.999999"),
                        True,
                    ),
                    (
                        "sil-b",
                        day("2025-03-01"),
                        time("2025-03-01 10:59:59.999999"),
                        time("2025-03-01 10:59:59.999999"),
                        True,
                    ),
                    ("sil-c", day("2025-03-01"), time("2025-03-01 10:00"), time("2025-03-01 10:00"), False),
                    ("sil-d", day("2025-03-01"), time("2025-03-01 23:50"), time("2025-03-02 00:10"), False),
                ],
            ),
        ],
    ),
    Case(
        "events near a player-session of the log are part of it",
        "plain",
        DAYS,
        [
            session("near-a", "near-1", "2025-03-01T11:00:00Z", 3600),
            event("near-1", "near-a", "feature_used", "2025-03-01T11:29:59.999999Z", feature="map"),
            session("near-b", "near-2", "2025-03-01T11:00:00Z", 3600),
            event("near-2", "near-b", "feature_used", "2025-03-01T11:30:00Z", feature="map"),
            # The same id: part of it when near, a session of its own when not.
            session("near-c", "near-3", "2025-03-01T11:00:00Z", 3600),
            event("near-3", "near-c", "session_start", "2025-03-01T10:01:00Z", "near-3"),
            event("near-4", "near-c", "session_start", "2025-03-03T10:00:00Z", "near-3"),
            # On one day, but hours apart: both.
            session("near-d", "near-4", "2025-03-01T11:00:00Z", 3600),
            event("near-5", "near-d", "session_start", "2025-03-01T15:00:00Z", "near-4"),
        ],
        [
            (
                """select player_id, is_from_events, started_at from leap_stage.fact_session
                where player_id like 'near-%' order by all""",
                [
                    ("near-a", False, time("2025-03-01 10:00")),
                    ("near-b", False, time("2025-03-01 10:00")),
                    ("near-b", True, time("2025-03-01 11:30")),
                    ("near-c", False, time("2025-03-01 10:00")),
                    ("near-c", True, time("2025-03-03 10:00")),
                    ("near-d", False, time("2025-03-01 10:00")),
                    ("near-d", True, time("2025-03-01 15:00")),
                ],
            ),
        ],
    ),
    Case(
        "several sessions at once are several, and one player in them is one player",
        "plain",
        span("2025-04-10", "2025-04-11"),
        [
            session("conc-a", "conc-1", "2025-04-10T11:30:00Z", 3600),
            session("conc-a", "conc-2", "2025-04-10T11:15:00Z", 900),
            # Leaves at the very moment at which another player comes.
            session("conc-b", "conc-3", "2025-04-10T12:00:00Z", 1800),
            session("conc-c", "conc-4", "2025-04-10T12:00:00Z", 0),
            session("conc-d", "conc-5", "2025-04-11T01:00:00Z", 7200),
        ],
        [
            (
                """select hour_start, peak_players, mean_players from leap_mart.concurrency_hourly
                where hour_start between '2025-04-10 09:00' and '2025-04-10 12:00' or
                hour_start in ('2025-04-10 23:00', '2025-04-11 00:00', '2025-04-11 01:00') order by 1""",
                [
                    (time("2025-04-10 09:00"), 0, 0.0),
                    (time("2025-04-10 10:00"), 1, 0.5),
                    (time("2025-04-10 11:00"), 1, 1.0),
                    (time("2025-04-10 12:00"), 0, 0.0),
                    (time("2025-04-10 23:00"), 1, 1.0),
                    (time("2025-04-11 00:00"), 1, 1.0),
                    (time("2025-04-11 01:00"), 0, 0.0),
                ],
            ),
            (
                "select event_date, dau, player_sessions from leap_mart.kpi_daily where event_date between '2025-04-10' and '2025-04-11' order by 1",
                [(day("2025-04-10"), 4, 5), (day("2025-04-11"), 0, 0)],
            ),
        ],
    ),
    Case(
        "a length of fractions of a second leaves the start exact",
        "plain",
        DAYS,
        [
            session("frac-a", "frac-1", "2025-03-01T12:00:00Z", 9.7),
            session("frac-b", "frac-2", "2025-03-01T12:00:00Z", "0.000001"),
            session("frac-c", "frac-3", "2025-03-01T12:00:00Z", 59.5),
            fix("frac-a", "frac-1", "2025-03-01T12:00:05.3Z", 1),
        ],
        [
            (
                """select player_id, started_at, length_s from leap_stage.fact_session
                where player_id like 'frac-%' order by 1""",
                [
                    ("frac-a", time("2025-03-01 11:59:50.300000"), 10),
                    ("frac-b", time("2025-03-01 11:59:59.999999"), 0),
                    ("frac-c", time("2025-03-01 11:59:00.500000"), 60),
                ],
            ),
            # 15 s after the start is half a beat: the next one.
            ("select beat from leap_stage.event_heartbeat where player_id = 'frac-a'", [(1,)]),
        ],
    ),
    Case(
        "a session as long as the setting allows is one player-session of its first day",
        "long",
        span("2025-03-01", "2025-03-08"),
        [
            # 60.5 h is the limit.
            session("long-a", "long-1", "2025-03-04T00:30:00Z", 217_800),
            session("long-b", "long-2", "2025-03-04T00:30:00Z", 217_800.000001),
            # The start is 72 h and 36.5 h more before the delivery day: still in time; a microsecond more is too late.
            session("long-c", "long-3", "2025-03-03T00:00:00Z", 217_800, on="2025-03-05"),
            session("late-e", "long-5", "2025-03-02T23:59:59.999999Z", 217_800, on="2025-03-05"),
            event("long-4", "long-d", "session_start", "2025-03-01T12:00:00Z", "long-4"),
            event("long-5", "long-d", "session_end", "2025-03-04T00:30:00Z", "long-4"),
        ],
        [
            (
                """select player_id, event_date, length_s from leap_stage.fact_session
                where player_id like 'long-%' order by 1""",
                [
                    ("long-a", day("2025-03-01"), 217_800),
                    ("long-c", day("2025-02-28"), 217_800),
                    ("long-d", day("2025-03-01"), 217_800),
                ],
            ),
            (
                """select log, reason from leap_raw.rejected_line
                where raw_line like '%long-b%' or raw_line like '%late-e%'""",
                [("session", "out_of_window")] * 2,
            ),
        ],
    ),
    Case(
        "a cooldown of three beats is three beats, whatever the fractions of a second",
        "long",
        span("2025-03-01", "2025-03-08"),
        # A beat is 20.1 s, the cooldown 60.3 s. Close in beats 0, 3 and 7: the first two are one conflict.
        [
            fix(player, "cool", seconds_after("2025-03-05T10:00:00", beat * 20.1), x, player)
            for beat in range(8)
            for player, x in (("cool-a", 0), ("cool-b", 50 if beat in (0, 3, 7) else 51))
        ],
        [
            (
                """select conflict_number, conflict_start, conflict_end, close_beats from leap_stage.stage_conflicts
                where session_id = 'cool' order by 1""",
                [
                    (1, time("2025-03-05 10:00:00"), time("2025-03-05 10:01:20.400000"), 2),
                    (2, time("2025-03-05 10:02:20.700000"), time("2025-03-05 10:02:40.800000"), 1),
                ],
            ),
        ],
    ),
)
