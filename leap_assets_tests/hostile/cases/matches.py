"""Beats, teams, conflicts and contacts: ties, distances exactly at the limit, pauses, teams of one and none."""

from .writing import Case, day, fix, seconds_after, session, span, time

DAYS = span("2025-03-01", "2025-03-06")
BEGIN = "2025-03-03T10:00:00"


def _at(beat: float) -> str:
    """A time so many beats after the begin of the match."""
    return seconds_after(BEGIN, beat * 30)


def _beats(prefix: str) -> str:
    return f"""select player_id, beat, is_last_of_beat from leap_stage.event_heartbeat
    where player_id like '{prefix}%' order by player_id, event_date_time"""


CASES = (
    Case(
        "teams are close at exactly the distance, and not beyond it",
        "plain",
        DAYS,
        [
            fix("dist-a", "dist-1", _at(0), 0, "t1"),
            fix("dist-b", "dist-1", _at(0), 30, "t2"),
            fix("dist-c", "dist-1", _at(0), 60.01, "t3"),
        ],
        [
            (
                """select team_1_id, team_2_id, conflict_start, conflict_end, min_centroid_distance, min_player_distance
                from leap_stage.stage_conflicts where session_id = 'dist-1'""",
                [("t1", "t2", time("2025-03-03 10:00:00"), time("2025-03-03 10:00:30"), 30.0, 30.0)],
            ),
            (
                "select player_1_id, player_2_id, min_distance from leap_stage.stage_contacts where session_id = 'dist-1'",
                [("dist-a", "dist-b", 30.0)],
            ),
        ],
    ),
    Case(
        "a player's last position of a beat counts, and a beat is the nearest one",
        "plain",
        DAYS,
        [
            fix("beat-a", "beat-1", _at(0), 0, "t1"),
            fix("beat-a", "beat-1", seconds_after(BEGIN, 10), 100, "t1"),
            fix("beat-a", "beat-1", seconds_after(BEGIN, 14.999999), 200, "t1"),
            fix("beat-a", "beat-1", seconds_after(BEGIN, 15), 300, "t1"),
            fix("beat-b", "beat-1", _at(0), 200, "t2"),
            # Once more, later in the file: a repeat is no second position.
            fix("beat-a", "beat-1", _at(0), 0, "t1"),
            # The session log says when a match starts; a position may be before.
            session("beat-c", "beat-2", seconds_after(BEGIN, 60), 60),
            fix("beat-c", "beat-2", seconds_after(BEGIN, -15), 1, "t1"),
            fix("beat-c", "beat-2", seconds_after(BEGIN, -15.000001), 2, "t1"),
        ],
        [
            (
                _beats("beat-"),
                [
                    ("beat-a", 0, False),
                    ("beat-a", 0, False),
                    ("beat-a", 0, True),
                    ("beat-a", 1, True),
                    ("beat-b", 0, True),
                    ("beat-c", -1, True),
                    ("beat-c", 0, True),
                ],
            ),
            (
                """select team_id, beat, centroid_x, players_present from leap_stage.stage_centroids
                where session_id = 'beat-1' order by 1, 2""",
                [("t1", 0, 200.0, 1), ("t1", 1, 300.0, 1), ("t2", 0, 200.0, 1)],
            ),
            ("select count(*) from leap_stage.stage_conflicts where session_id = 'beat-1'", [(1,)]),
        ],
    ),
    Case(
        "a player without a team is a team alone, and no team's id can be theirs",
        "plain",
        DAYS,
        [
            fix("alone-a", "alone-1", _at(0), 0),
            fix("alone-b", "alone-1", _at(0), 0),
            # A team with the id of a player, one that looks like the id of a lone player, one that looks escaped.
            fix("alone-c", "alone-1", _at(0), 500, "alone-a"),
            fix("alone-d", "alone-1", _at(0), 500, "player:alone-a"),
            fix("alone-e", "alone-1", _at(0), 500, "team:x"),
            fix("alone-f", "alone-1", _at(0), 900, " "),
            # A match of one.
            fix("alone-g", "alone-2", _at(0), 0, "t1"),
            fix("alone-h", "alone-2", _at(1), 0, "t1"),
        ],
        [
            (
                """select player_id, team_id from leap_stage.event_heartbeat where player_id like 'alone-%' order by 1""",
                [
                    ("alone-a", "player:alone-a"),
                    ("alone-b", "player:alone-b"),
                    ("alone-c", "alone-a"),
                    ("alone-d", "team:player:alone-a"),
                    ("alone-e", "team:team:x"),
                    ("alone-f", "player:alone-f"),
                    ("alone-g", "t1"),
                    ("alone-h", "t1"),
                ],
            ),
            (
                """select team_1_id, team_2_id, daily_conflict_count, total_conflict_seconds
                from leap_mart.conflict_summary_daily where session_id = 'alone-1' order by all""",
                [
                    ("alone-a", "team:player:alone-a", 1, 30.0),
                    ("alone-a", "team:team:x", 1, 30.0),
                    ("player:alone-a", "player:alone-b", 1, 30.0),
                    ("team:player:alone-a", "team:team:x", 1, 30.0),
                ],
            ),
            (
                """select session_id, event_date, conflict_count, total_conflict_seconds
                from leap_mart.session_close_conflicts_daily where session_id like 'alone-%' order by 1""",
                [("alone-1", day("2025-03-03"), 4, 120.0), ("alone-2", day("2025-03-03"), 0, 0.0)],
            ),
        ],
    ),
    Case(
        "a conflict goes on over pauses up to the cooldown, and ends a beat after its last",
        "plain",
        DAYS,
        [
            line
            for beat in range(7)
            for line in (
                # Close in beats 0, 2 and 5: pauses of two beats, which is the cooldown, and of three.
                fix("pause-a", "pause-1", _at(beat), 0, "t1"),
                fix("pause-b", "pause-1", _at(beat), 40, "t1", z=None),
                fix("pause-c", "pause-1", _at(beat), 20 if beat in (0, 2, 5) else 51, "t2"),
            )
        ],
        [
            (
                """select conflict_number, conflict_start, conflict_end, close_beats, min_centroid_distance, min_player_distance
                from leap_stage.stage_conflicts where session_id = 'pause-1' order by 1""",
                [
                    (1, time("2025-03-03 10:00:00"), time("2025-03-03 10:01:30"), 2, 0.0, 20.0),
                    (2, time("2025-03-03 10:02:30"), time("2025-03-03 10:03:00"), 1, 0.0, 20.0),
                ],
            ),
            (
                """select player_1_id, player_2_id, contact_number, close_beats from leap_stage.stage_contacts
                where session_id = 'pause-1' order by 1, 2, 3""",
                [
                    ("pause-a", "pause-c", 1, 2),
                    ("pause-a", "pause-c", 2, 1),
                    # 11 units away in the other beats: close all the time.
                    ("pause-b", "pause-c", 1, 7),
                ],
            ),
        ],
    ),
)
