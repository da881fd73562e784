"""One world: any day alone is the day in a range, and all logs of a day tell the same story."""

import pickle
import subprocess
import sys
import weakref
from collections import Counter, defaultdict

import numpy as np
import pytest

from leap_assets.simulation import Coded, DeliveryDay, LogDay, World, WorldConfig
from leap_assets.simulation.logs import LOGS
from leap_assets_tests.simulation.rows import CLEAN, DIRTY, date_of, good_rows, same, to_rows

COLUMNS = {
    "player": "player_id event_date_time country platform experiment_group display_name",
    "product": "purchase_item product_name transaction_type tier price currency cycle available_from",
    "signons": "player_id event_date_time platform",
    "session": "player_id session_id event_date_time country event_length_seconds kills deaths",
    "transaction": "transaction_id player_id event_date_time purchase_item purchase_price currency "
    "is_recurring cycle transaction_type refunded_transaction_id",
    "heartbeat": "player_id event_date_time team_id session_id position_x position_y position_z",
    "client": "event_id player_id session_id event_type timestamp level time_spent success score product "
    "price currency ad_type network revenue achievement feature session_length",
}
NUMBERS = {
    "event_date_time": "<M8[us]",
    "available_from": "<M8[D]",
    "price": "<i8",
    "purchase_price": "<i8",
    "event_length_seconds": "<i8",
    "kills": "<i8",
    "deaths": "<i8",
    "is_recurring": "|b1",
    "position_x": "<f8",
    "position_y": "<f8",
    "position_z": "<f8",
    "timestamp": "<M8[us]",
    "level": "<i8",
    "time_spent": "<i8",
    "success": "|b1",
    "score": "<i8",
    "revenue": "<i8",
    "session_length": "<i8",
}
SMALL = {"initial_players": 150, "arrivals_per_day": 20.0} | DIRTY


def test_logs_have_the_columns_and_types_of_their_contract(dirty_days):
    for day in dirty_days:
        assert list(day.logs) == list(LOGS)
        for name, log in day.logs.items():
            assert list(log.columns) == COLUMNS[name].split()
            for column_name, column in log.columns.items():
                assert len(column) == len(log)
                if isinstance(column, Coded):
                    assert column.codes.dtype == np.int32
                    assert column.values.dtype.kind == "U"
                    assert column.codes.min(initial=0) >= -1
                    assert column.codes.max(initial=-1) < len(column.values)
                    assert len(np.unique(column.values)) == len(column.values)
                else:
                    assert column.dtype.str == NUMBERS[column_name]


def test_only_optional_columns_have_nulls(dirty_days):
    nullable = {
        "product": {"cycle"},
        "transaction": {"cycle", "refunded_transaction_id"},
        "client": {"product", "currency", "ad_type", "network", "achievement", "feature"},
    }
    for day in dirty_days:
        for log_name, log in day.logs.items():
            for name, column in log.columns.items():
                if isinstance(column, Coded) and name not in nullable.get(log_name, ()):
                    assert column.codes.min(initial=0) >= 0


def test_any_day_alone_is_the_day_in_a_range(dirty_days):
    for number in (0, 2, 5, 8):
        assert same(World(WorldConfig(**SMALL)).day(date_of(number)), dirty_days[number])


def test_days_in_reverse_and_twice_are_the_days_in_a_range(dirty_days):
    world = World(WorldConfig(**SMALL))
    for number in (8, 7, 3, 3, 6, 0, 4, 8):
        assert same(world.day(date_of(number)), dirty_days[number])


def test_another_process_gives_the_same_bytes(dirty_days):
    code = (
        "import datetime, pickle, sys; from leap_assets.simulation import World, WorldConfig; "
        f"day = World(WorldConfig(**{SMALL!r})).day(datetime.{date_of(5)!r}); "
        "sys.stdout.buffer.write(pickle.dumps(day))"
    ).replace("datetime.datetime.", "datetime.")
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert same(pickle.loads(run.stdout), dirty_days[5])


def test_worlds_of_different_seeds_differ(dirty_days):
    other = World(WorldConfig(**SMALL, seed=43)).day(date_of(0))
    ids = [set(to_rows(day.logs["player"].columns, "player_id")) for day in (other, dirty_days[0])]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("log", LOGS)
def test_a_log_asked_for_alone_has_the_same_rows(dirty_days, log):
    alone = World(WorldConfig(**SMALL)).day(date_of(6), logs=(log,))
    assert list(alone.logs) == [log]
    whole = dirty_days[6]
    assert to_rows(alone.logs[log].columns) == to_rows(whole.logs[log].columns)
    assert np.array_equal(alone.logs[log].defects, whole.logs[log].defects)
    for name in set(alone.truth) - {"late", "delivered", "defect"}:
        assert to_rows(alone.truth[name]) == to_rows(whole.truth[name])


def test_asking_for_few_logs_first_does_not_change_the_others(dirty_days):
    world = World(WorldConfig(**SMALL))
    world.day(date_of(4), logs=("player", "product"))
    world.day(date_of(5), logs=("transaction",))
    assert same(world.day(date_of(6)), dirty_days[6])


def test_truth_can_be_left_out(dirty_days):
    day = World(WorldConfig(**SMALL)).day(date_of(1), truth=False)
    assert day.truth == {}
    assert to_rows(day.logs["session"].columns) == to_rows(dirty_days[1].logs["session"].columns)


def test_truth_of_a_day_is_told_without_its_delivery(dirty_days):
    told = World(WorldConfig(**SMALL)).tell(date_of(6))
    whole = dirty_days[6].truth
    assert set(whole) - set(told) == {"delivered", "defect"}
    for name, table in told.items():
        assert to_rows(table) == to_rows(whole[name]), name


def test_each_part_of_a_day_has_one_log_and_what_is_true_of_all_comes_last(dirty_days):
    parts = list(World(WorldConfig(**SMALL)).parts(date_of(6)))
    assert [list(part.logs) for part in parts] == [*([log] for log in LOGS), []]
    assert set(parts[-1].truth) == {"churned", "active", "late", "delivered", "defect"}
    logs = {log: rows for part in parts for log, rows in part.logs.items()}
    truth = {name: table for part in parts for name, table in part.truth.items()}
    assert same(DeliveryDay(date_of(6), logs, truth), dirty_days[6])


@pytest.mark.parametrize("truth", [False, True])
def test_a_part_that_is_let_go_of_is_gone_when_the_next_one_is_made(truth):
    kept, names = [], []
    for part in World(WorldConfig(**SMALL)).parts(date_of(0), truth=truth):
        names += [name for name, column in kept if column() is not None]
        kept = refer_to_columns(part)
        del part
    assert names == []


def refer_to_columns(part):
    """Give weak references to the arrays of a part's log, and to those of positions and client events in its truth."""
    large = {name: table for name, table in part.truth.items() if name in ("position", "client_event")}
    tables = {log: rows.columns for log, rows in part.logs.items()} | large
    return [
        (f"{table}.{name}", weakref.ref(column.codes if isinstance(column, Coded) else column))
        for table, columns in tables.items()
        for name, column in columns.items()
    ]


def test_positions_and_sign_ons_in_truth_are_those_of_the_logs(dirty_days):
    last = np.datetime64(date_of(len(dirty_days) - 1))
    for log, table, names, told_names in (
        ("signons", "signon", ("player_id", "event_date_time"), ("player_id", "at")),
        (
            "heartbeat",
            "position",
            ("player_id", "session_id", "team_id", "event_date_time", "position_x", "position_z"),
            ("player_id", "session_id", "team_id", "at", "x", "z"),
        ),
    ):
        delivered = Counter(
            (*row, np.datetime64(day.date)) for day in dirty_days for row in good_rows(day, log, *names)
        )
        told = Counter(
            row
            for day in dirty_days
            for row in to_rows(day.truth[table], *told_names, "delivered_on")
            if row[-1] <= last
        )
        assert told == delivered


def test_truth_counts_the_good_lines_of_a_delivery(dirty_days):
    for day in dirty_days:
        assert to_rows(day.truth["delivered"]) == [(log, rows.good_rows) for log, rows in day.logs.items()]


def test_a_day_before_the_start_and_an_unknown_log_are_refused():
    world = World(WorldConfig(initial_players=1))
    with pytest.raises(ValueError, match="2024-12-31"):
        world.day(date_of(-1))
    with pytest.raises(ValueError, match="weather"):
        world.day(date_of(0), logs=("player", "weather"))


@pytest.mark.parametrize("players", [0, 1, 2])
def test_the_smallest_worlds_work(players):
    world = World(WorldConfig(initial_players=players, arrivals_per_day=0.0))
    for number in range(6):
        day = world.day(date_of(number))
        assert len(day.logs["player"].columns) == 6
        assert day.truth["contact_beat"]["beat"].dtype == np.int64
        assert day.truth["client_event"]["level"].dtype == np.int64
    assert len(world.day(date_of(0)).truth["registered"]["at"]) == players


def test_every_player_session_is_delivered_once_on_its_day(dirty_days):
    last = len(dirty_days) - 1
    expected = Counter(
        (str(delivered), session, player)
        for day in dirty_days
        for session, player, delivered in to_rows(
            day.truth["player_session"], "session_id", "player_id", "delivered_on"
        )
        if delivered <= np.datetime64(date_of(last))
    )
    found = Counter(
        (str(day.date), *row)
        for day in dirty_days
        for row in good_rows(day, "session", "session_id", "player_id")
    )
    assert found == expected
    assert len({key[1:] for key in found}) == sum(found.values())


def test_every_registration_is_delivered_once_on_its_day(dirty_days):
    last = np.datetime64(date_of(len(dirty_days) - 1))
    rows = [
        row
        for day in dirty_days
        for row in to_rows(day.truth["registered"], "player_id", "at", "delivered_on")
    ]
    expected = Counter((str(delivered), player, at) for player, at, delivered in rows if delivered <= last)
    names = ("player_id", "event_date_time")
    assert (
        Counter((str(day.date), *row) for day in dirty_days for row in good_rows(day, "player", *names))
        == expected
    )


def test_a_player_session_has_a_heartbeat_for_every_beat(dirty_days):
    beats = Counter(
        row for day in dirty_days for row in good_rows(day, "heartbeat", "session_id", "player_id")
    )
    final = dirty_days[:-3]
    count = 0
    for day in final:
        for session, player, length in to_rows(
            day.truth["player_session"], "session_id", "player_id", "length_s"
        ):
            assert beats[session, player] == length // 30 + 1
            count += 1
    assert count > 100


def test_sessions_say_what_happened(clean_days):
    names = ("session_id", "player_id", "event_length_seconds", "kills", "deaths")
    for day in clean_days:
        said = good_rows(day, "session", *names, "event_date_time")
        truth = to_rows(
            day.truth["player_session"],
            "session_id",
            "player_id",
            "length_s",
            "kills",
            "deaths",
            "started_at",
        )
        assert [(*row[:5], row[5] - np.timedelta64(row[2], "s")) for row in said] == truth


def test_active_players_are_those_with_a_player_session(clean_days):
    for day in clean_days:
        played = Counter()
        sessions = Counter()
        for player, length in to_rows(day.truth["player_session"], "player_id", "length_s"):
            played[player] += length
            sessions[player] += 1
        assert {row[0]: row[1:] for row in to_rows(day.truth["active"])} == {
            player: (sessions[player], played[player]) for player in played
        }
        signed_on = {row[0] for row in good_rows(day, "signons", "player_id")}
        assert set(played) <= signed_on


def test_nobody_plays_before_registering_nor_after_churning(clean_days):
    registered = dict(
        row for day in clean_days for row in to_rows(day.truth["registered"], "player_id", "at")
    )
    gone = dict(row for day in clean_days for row in to_rows(day.truth["churned"], "player_id", "last_day"))
    for day in clean_days:
        for player, at in good_rows(day, "signons", "player_id", "event_date_time"):
            assert at > registered[player]
            assert gone.get(player, np.datetime64("2100-01-01")) >= np.datetime64(day.date)
        for player, at in to_rows(day.truth["player_session"], "player_id", "started_at"):
            assert at > registered[player]


def test_logged_times_round_to_their_beat(clean_days):
    for day in clean_days:
        started = {
            row[:2]: row[2]
            for row in to_rows(day.truth["player_session"], "session_id", "player_id", "started_at")
        }
        beats = defaultdict(list)
        for session, player, at in good_rows(day, "heartbeat", "session_id", "player_id", "event_date_time"):
            since = (at - started[session, player]) / np.timedelta64(30, "s")
            assert since >= 0
            beats[session, player].append(int(np.floor(since + 0.5)))
        assert all(found == list(range(len(found))) for found in beats.values())


def test_kills_equal_deaths_in_every_match_and_need_an_encounter(clean_days):
    kills_of_all = 0
    for day in clean_days:
        met = Counter()
        for session, one, two in to_rows(
            day.truth["contact_beat"], "session_id", "player_1_id", "player_2_id"
        ):
            met[session, one] += 1
            met[session, two] += 1
        balance = Counter()
        names = ("session_id", "player_id", "kills", "deaths")
        for session, player, kills, deaths in to_rows(day.truth["player_session"], *names):
            balance[session] += kills - deaths
            assert kills + deaths <= met[session, player]
            kills_of_all += kills
        assert not any(balance.values())
    assert kills_of_all > 20


def test_contacts_in_truth_are_those_of_the_logged_positions(clean_days):
    day = clean_days[0]
    started = dict(to_rows(day.truth["player_session"], "session_id", "started_at"))
    present = defaultdict(list)
    names = (
        "session_id",
        "player_id",
        "team_id",
        "event_date_time",
        "position_x",
        "position_y",
        "position_z",
    )
    for session, player, team, at, *place in good_rows(day, "heartbeat", *names):
        beat = int(np.floor((at - started[session]) / np.timedelta64(30, "s") + 0.5))
        present[session, beat].append((player, team, np.array(place)))
    expected = {}
    for (session, beat), players in present.items():
        for one, team_1, place_1 in players:
            for two, team_2, place_2 in players:
                distance = np.sqrt(np.sum((place_1 - place_2) ** 2))
                if one < two and team_1 != team_2 and distance <= 30.0:
                    expected[session, one, two, team_1, team_2, beat] = distance
    found = {row[:6]: row[6] for row in to_rows(day.truth["contact_beat"])}
    assert found.keys() == expected.keys()
    assert len(found) == len(day.truth["contact_beat"]["beat"]) > 50
    assert all(found[key] == pytest.approx(expected[key], abs=1e-9) for key in found)


def test_the_catalogue_of_a_day_holds_what_is_released(clean_days):
    log = World(WorldConfig(**CLEAN)).day(date_of(14), logs=("product",)).logs["product"].columns
    assert np.all(log["available_from"] <= np.datetime64(date_of(14)))
    assert np.datetime64(date_of(14)) in log["available_from"]
    assert len(log["price"]) > len(clean_days[0].logs["product"])


def test_a_short_heartbeat_gives_more_beats():
    config = WorldConfig(initial_players=20, heartbeat_s=0.5, **CLEAN)
    day = World(config).day(date_of(0))
    lengths = day.truth["player_session"]["length_s"]
    assert len(day.logs["heartbeat"]) == np.sum(lengths * 2 + 1)


def test_defects_of_a_log_can_be_given_for_all_rows_or_for_the_last_ones():
    columns = {"kills": np.arange(4)}
    whole = LogDay(columns, np.array(["", "", "", "duplicate"]))
    tail = LogDay(columns, np.array(["duplicate"]))
    assert whole.defects.tolist() == tail.defects.tolist() == ["", "", "", "duplicate"]
    assert whole.good_rows == tail.good_rows == 3
    assert LogDay(columns, np.array([""] * 4)).good_rows == 4


@pytest.mark.parametrize("seed", [42, 7])
def test_the_default_world_of_90_days_lies_in_the_acceptance_bands(seed):
    world = World(WorldConfig(seed=seed))
    logs = ("player", "session", "transaction")
    days = [world.day(date_of(number), logs=logs) for number in range(90)]
    cohort = [{row[0] for row in to_rows(day.truth["registered"], "player_id")} for day in days]
    active = [{row[0] for row in to_rows(day.truth["active"], "player_id")} for day in days]
    for age, lowest, highest in ((1, 0.25, 0.45), (7, 0.08, 0.22), (30, 0.03, 0.12)):
        old_enough = range(90 - age)
        came = sum(len(cohort[number] & active[number + age]) for number in old_enough)
        assert lowest <= came / sum(len(cohort[number]) for number in old_enough) <= highest
    assert all(cohort[number] <= active[number] for number in range(90))

    payers = {
        player
        for day in days
        for player, price in to_rows(day.truth["transaction"], "player_id", "price")
        if price > 0
    }
    assert 0.02 <= len(payers) / sum(len(players) for players in cohort) <= 0.05

    sessions = np.concatenate([day.truth["active"]["player_sessions"] for day in days])
    assert 1.5 <= sessions.mean() <= 1.7
    hourly = concurrency(np.concatenate([_intervals(day) for day in days[1:]]))
    assert hourly.max() / hourly.min() >= 2.0


def _intervals(day):
    start = day.truth["player_session"]["started_at"]
    since_s = (start - np.datetime64(date_of(0), "us")).astype(np.int64) // 1_000_000
    return np.stack([since_s, since_s + day.truth["player_session"]["length_s"]], axis=1)


def concurrency(intervals):
    """Give player-seconds by hour of the day."""
    by_hour = np.zeros(24)
    for start, end in intervals.tolist():
        for hour in range(start // 3600, (end - 1) // 3600 + 1):
            by_hour[hour % 24] += min(end, (hour + 1) * 3600) - max(start, hour * 3600)
    return by_hour


def test_a_share_of_matches_sees_teams_meet():
    world = World(WorldConfig(**CLEAN))
    met, matches = set(), set()
    for number in range(3):
        truth = world.day(date_of(number)).truth
        teams = defaultdict(set)
        for session, team in to_rows(truth["player_session"], "session_id", "team_id"):
            teams[session].add(team)
        matches |= {session for session, names in teams.items() if len(names) > 1}
        met |= {row[0] for row in to_rows(truth["contact_beat"], "session_id")}
    assert met <= matches
    assert 0.3 <= len(met) / len(matches) <= 0.8
