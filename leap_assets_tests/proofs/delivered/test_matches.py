"""Beats, centroids, conflicts and contacts, drawn by hand."""

import numpy as np

from leap_assets.proofs.delivered.lines import Numbering
from leap_assets.proofs.delivered.matches import Rule, find_matches, name_team

SECOND = 1_000_000
RULE = Rule(distance=30.0, beat_us=30 * SECOND, cooldown=2)


def found_of(*fixes, starts=()):
    """What comes of (player, team, second, x) in one match, and of session lines (player, start)."""
    numbering = Numbering()
    match = numbering.matches.of("m")
    players = [numbering.names.players.of(player) for player, *_ in fixes]
    teams = [-1 if team is None else numbering.names.words.of(team) for _, team, *_ in fixes]
    x = np.array([place for *_, place in fixes], dtype=float)
    count = len(fixes)
    heartbeats = {
        "session_id": np.full(count, match),
        "match_day": np.zeros(count, dtype=np.int64),
        "player_id": np.array(players, dtype=np.int64),
        "team_id": np.array(teams, dtype=np.int64),
        "event_date_time": np.array([round(at * SECOND) for _, _, at, _ in fixes], dtype=np.int64),
        "position_x": x,
        "position_y": np.zeros(count),
        "position_z": np.full(count, np.nan),
    }
    sessions = {
        "session_id": np.full(len(starts), match),
        "match_day": np.zeros(len(starts), dtype=np.int64),
        "player_id": np.array([numbering.names.players.of(player) for player, _ in starts], dtype=np.int64),
        "event_date_time": np.array([at * SECOND for _, at in starts], dtype=np.int64),
        "length_us": np.zeros(len(starts), dtype=np.int64),
    }
    internal = np.array([text == "ours" for text in numbering.names.players.texts], dtype=bool)
    return find_matches(sessions, heartbeats, numbering, internal, RULE)


def test_a_beat_is_the_nearest_and_its_last_position_counts():
    found = found_of(("a", "red", 14.9, 1), ("a", "red", 0, 5), ("a", "red", 15, 7), ("a", "red", 44.9, 9))
    assert [(beat, x) for _, _, _, beat, x, *_ in found.centroids] == [(0, 1.0), (1, 9.0)]


def test_beats_count_from_the_earliest_start_of_the_session_log():
    found = found_of(("a", "red", 100, 1), starts=(("a", 40), ("b", 10)))
    assert [beat for _, _, _, beat, *_ in found.centroids] == [3]


def test_a_centroid_is_the_mean_of_a_team_and_exact():
    found = found_of(("a", "red", 0, 0.1), ("b", "red", 0, 0.2), ("c", "red", 0, 0.3), ("d", None, 0, 1))
    rows = {team: (x, y, z, present) for _, _, team, _, x, y, z, present, _ in found.centroids}
    assert rows == {"red": (0.2, 0.0, 0.0, 3), "player:d": (1.0, 0.0, 0.0, 1)}


def test_the_ids_of_teams_and_players_cannot_meet():
    names = [name_team(*pair) for pair in ((None, "a"), ("player:a", "b"), ("a", "b"), ("team:a", "b"))]
    assert names == ["player:a", "team:player:a", "a", "team:team:a"]


def test_a_conflict_ends_when_the_pause_is_longer_than_the_cooldown():
    def at(*beats):
        return [
            fix
            for beat in beats
            for fix in (
                ("a", "red", beat * 30, 0),
                ("b", "blue", beat * 30, 30),
                ("c", "blue", beat * 30, 30),
            )
        ]

    # exactly 30 units are close; a pause of two beats is the cooldown, one of three is more
    found = found_of(*at(0, 2, 5))
    conflicts = [row[2:] for row in found.conflicts]
    assert conflicts == [
        ("blue", "red", 1, 0, 90 * SECOND, 2, 30.0, 30.0),
        ("blue", "red", 2, 150 * SECOND, 180 * SECOND, 1, 30.0, 30.0),
    ]
    assert [row[2:5] for row in found.contacts] == [
        ("a", "b", 1),
        ("a", "b", 2),
        ("a", "c", 1),
        ("a", "c", 2),
    ]
    assert found_of(*at(0)[:1], ("b", "blue", 0, 30.001)).conflicts == []


def test_players_without_a_team_are_opponents_and_a_team_may_change():
    found = found_of(("a", None, 0, 0), ("b", None, 0, 1), ("a", "red", 30, 0), ("b", "red", 30, 1))
    assert [row[2:] for row in found.conflicts] == [("player:a", "player:b", 1, 0, 30 * SECOND, 1, 1.0, 1.0)]
    assert [row[2:] for row in found.contacts] == [("a", "b", 1, 0, 30 * SECOND, 1, 1.0)]


def test_a_match_is_counted_while_a_player_of_it_is():
    assert list(found_of(("ours", "red", 0, 0)).matches.values()) == [False]
    assert list(found_of(("ours", "red", 0, 0), ("a", "red", 0, 0)).matches.values()) == [True]
    assert list(found_of(starts=(("ours", 0), ("a", 0))).matches.values()) == [True]
