"""Client events tell the story of the other logs, inside the player-sessions, with the properties of their type."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from leap_assets.simulation import DeliveryDay, World, WorldConfig
from leap_assets.simulation import world as world_module
from leap_assets.simulation.ads import AD_TYPES, draw_ads
from leap_assets.simulation.client import ACHIEVEMENTS, EVENT_TYPES
from leap_assets.simulation.features import FEATURES, adoption, draw_uses
from leap_assets.simulation.population import Population
from leap_assets.simulation.streams import format_uuids, open_stream
from leap_assets_tests.simulation.rows import CLEAN, date_of, deliver, good_rows, midnight_of, to_rows

SPENDERS = {"minnow_share": 0.2, "dolphin_share": 0.2, "whale_share": 0.1}
KNOBS = CLEAN | SPENDERS | {"initial_players": 300}
PROPERTIES = {
    "session_start": set(),
    "session_end": {"session_length"},
    "level_start": {"level"},
    "level_complete": {"level", "time_spent", "success", "score"},
    "level_fail": {"level", "time_spent", "score"},
    "purchase": {"product", "price", "currency"},
    "ad_watched": {"ad_type", "network", "revenue", "currency"},
    "achievement_unlocked": {"achievement"},
    "feature_used": {"feature"},
}
# `success` is false, which is also what stands where there is none, for a level_fail.
SOMETIMES_ZERO = {"time_spent", "revenue"}


@pytest.fixture(scope="module")
def days() -> list[DeliveryDay]:
    return deliver(20, **KNOBS)


def events_of(day: DeliveryDay, event_type: str, *names: str) -> list[tuple]:
    return [row[1:] for row in good_rows(day, "client", "event_type", *names) if row[0] == event_type]


def sessions_of(day: DeliveryDay) -> dict[tuple, tuple]:
    names = ("session_id", "player_id", "started_at", "length_s")
    return {
        (session, player): (start, start + np.timedelta64(length, "s"))
        for session, player, start, length in to_rows(day.truth["player_session"], *names)
    }


def test_every_player_session_has_its_start_and_its_end(days):
    for day in days:
        sessions = sessions_of(day)
        starts = events_of(day, "session_start", "session_id", "player_id", "timestamp")
        ends = events_of(day, "session_end", "session_id", "player_id", "timestamp", "session_length")
        assert sorted(starts) == sorted((*key, start) for key, (start, _) in sessions.items())
        assert sorted(ends) == sorted(
            (*key, end, (end - start) // np.timedelta64(1, "s")) for key, (start, end) in sessions.items()
        )


def test_nobody_acts_outside_a_session_or_before_its_start_or_after_its_end(days):
    events = past_midnight = 0
    for number, day in enumerate(days):
        sessions = sessions_of(day)
        told = defaultdict(list)
        for session, player, event_type, at in good_rows(
            day, "client", "session_id", "player_id", "event_type", "timestamp"
        ):
            start, end = sessions[session, player]
            assert start <= at <= end
            told[session, player].append(event_type)
            past_midnight += at >= midnight_of(number + 1)
        assert all(types[0] == "session_start" and types[-1] == "session_end" for types in told.values())
        times = day.logs["client"].columns["timestamp"]
        assert np.all(np.diff(times) >= np.timedelta64(0))
        events += len(times)
    assert events > 15_000
    assert past_midnight > 0


def test_every_purchase_has_its_event_and_nothing_else_does(days):
    seen = 0
    for day in days:
        told = Counter(events_of(day, "purchase", "player_id", "timestamp", "product", "price", "currency"))
        names = ("player_id", "at", "purchase_item", "price", "currency", "kind")
        paid = Counter(row[:-1] for row in to_rows(day.truth["transaction"], *names) if row[-1] == "purchase")
        assert told == paid
        seen += len(paid)
    assert seen > 100


def test_event_ids_are_unique(days):
    ids = [row for day in days for row in good_rows(day, "client", "event_id")]
    assert len(set(ids)) == len(ids)


def test_an_event_has_the_properties_of_its_type_and_no_others(days):
    names = list(days[0].logs["client"].columns)[5:]
    seen = Counter()
    for day in days:
        for event_type, *values in good_rows(day, "client", "event_type", *names):
            given = {name for name, value in zip(names, values, strict=True) if value not in (None, 0, False)}
            assert given <= PROPERTIES[event_type]
            assert given >= PROPERTIES[event_type] - SOMETIMES_ZERO
            seen[event_type] += 1
    assert set(seen) == set(EVENT_TYPES)


def test_level_events_are_those_of_the_attempts(days):
    for day in days:
        events = defaultdict(list)
        names = ("session_id", "player_id", "event_type", "timestamp", "level", "time_spent", "success")
        for session, player, *event in good_rows(day, "client", *names):
            if event[0].startswith("level_"):
                events[session, player].append(event)
        told = []
        for (session, player), rows in events.items():
            for number, (event_type, at, level, _, _) in enumerate(rows):
                if event_type != "level_start":
                    continue
                result = rows[number + 1] if number + 1 < len(rows) else ["level_start"]
                outcome = {"level_complete": "complete", "level_fail": "fail"}.get(result[0], "abandoned")
                told.append((player, session, level, at, outcome))
                if outcome != "abandoned":
                    _, ended, of_level, spent, success = result
                    assert of_level == level
                    assert ended - at == np.timedelta64(spent, "s")
                    assert success == (outcome == "complete")
        truth = to_rows(
            day.truth["level_attempt"], "player_id", "session_id", "level", "started_at", "outcome"
        )
        assert sorted(told) == sorted(truth)


def test_ads_and_features_in_truth_are_those_of_the_log(days):
    for day in days:
        ads = events_of(day, "ad_watched", "player_id", "timestamp", "ad_type", "revenue")
        assert ads == to_rows(day.truth["ad"], "player_id", "at", "ad_type", "revenue")
        uses = events_of(day, "feature_used", "player_id", "timestamp", "feature")
        assert uses == to_rows(day.truth["feature_use"], "player_id", "at", "feature")


def test_truth_tells_every_event_with_its_delivery(dirty_days):
    names = ("player_id", "session_id", "event_type")
    delivered = Counter(
        (*row, np.datetime64(day.date))
        for day in dirty_days
        for row in good_rows(day, "client", *names, "timestamp", "level")
    )
    last = np.datetime64(date_of(len(dirty_days) - 1))
    told = Counter(
        row
        for day in dirty_days
        for row in to_rows(day.truth["client_event"], *names, "at", "level", "delivered_on")
        if row[-1] <= last
    )
    assert told == delivered
    assert any(row[3].astype("datetime64[D]") < row[-1] for row in told)


def test_truth_tells_when_each_line_of_an_attempt_comes(dirty_days):
    found = Counter()
    for day in dirty_days:
        for event_type in good_rows(day, "client", "event_type"):
            found[np.datetime64(day.date), event_type[0]] += 1
    told = Counter()
    for day in dirty_days:
        for outcome, start, result in to_rows(
            day.truth["level_attempt"], "outcome", "delivered_on", "result_delivered_on"
        ):
            told[start, "level_start"] += 1
            assert (result is None) == (outcome == "abandoned")
            if result is not None:
                told[result, f"level_{outcome}"] += 1
    last = np.datetime64(date_of(len(dirty_days) - 1))
    assert {key: count for key, count in told.items() if key[0] <= last} == {
        key: count for key, count in found.items() if key[1].startswith("level_")
    }


def test_the_client_log_needs_no_movement(monkeypatch, days):
    def refuse(*_):
        raise AssertionError("movement was simulated")

    monkeypatch.setattr(world_module, "act_day", refuse)
    day = World(WorldConfig(**KNOBS, arrivals_per_day=20.0)).day(date_of(3), logs=("client",))
    assert to_rows(day.logs["client"].columns) == to_rows(days[3].logs["client"].columns)


def test_an_achievement_is_unlocked_once_and_when_it_is_earned(days):
    registered, played = {}, defaultdict(set)
    unlocked, completed = Counter(), {}
    for number, day in enumerate(days):
        registered |= dict.fromkeys((row[0] for row in to_rows(day.truth["registered"], "player_id")), number)
        for player in to_rows(day.truth["active"], "player_id"):
            played[player[0]].add(number)
        for player, level, at in events_of(day, "level_complete", "player_id", "level", "timestamp"):
            completed[player, f"level_{level}"] = at
        for player, name, at in events_of(
            day, "achievement_unlocked", "player_id", "achievement", "timestamp"
        ):
            unlocked[player, name] += 1
            if name.startswith("level_"):
                assert completed[player, name] == at
    assert set(unlocked.values()) == {1}
    by_name = defaultdict(set)
    for player, name in unlocked:
        by_name[name].add(player)
    assert by_name["first_match"] == set(registered)
    assert by_name["one_week"] == {player for player in played if registered[player] + 7 in played[player]}
    for name in ("level_5", "level_10", "level_25"):
        assert by_name[name] == {player for player, level in completed if level == name}
        assert by_name[name]
    assert set(by_name) <= set(ACHIEVEMENTS)


def test_features_appear_on_their_release_day_and_are_used_by_their_fans():
    config = WorldConfig(initial_players=400, arrivals_per_day=20.0, **CLEAN)
    world = World(config)
    users, first = defaultdict(set), {}
    for number in range(50):
        truth = world.day(date_of(number), logs=("client",)).truth
        for player, feature in to_rows(truth["feature_use"], "player_id", "feature"):
            users[feature].add(player)
            first.setdefault(feature, number)
    players = Population(config).until(49)
    ids = format_uuids(players.raw_id)
    for position, feature in enumerate(FEATURES):
        # Few use it on its first day: none may do so in a small world.
        assert feature.released_after <= first[feature.name] <= feature.released_after + 2
        assert users[feature.name] <= set(ids[players.fan[:, position]].tolist())
    assert players.fan.mean(axis=0) == pytest.approx([feature.fans for feature in FEATURES], abs=0.05)


def test_adoption_grows_from_the_release_on():
    config = WorldConfig(adoption_days=10.0)
    curve = np.array([adoption(config, day) for day in range(400)])
    for position, feature in enumerate(FEATURES):
        released = feature.released_after
        assert np.all(curve[:released, position] == 0)
        assert np.all(curve[released:, position] > 0)
        assert np.all(np.diff(curve[:, position]) >= 0)
        assert curve[-1, position] == pytest.approx(1.0)
        if released:
            assert curve[released + 9, position] == pytest.approx(1 - np.exp(-1))
        else:
            assert curve[0, position] == 1.0


def test_features_are_used_at_their_chance():
    config = WorldConfig()
    is_fan = np.arange(40_000)[:, None] % 2 == np.zeros(len(FEATURES))
    session, feature = draw_uses(open_stream(5, "features"), config, is_fan, 1000)
    assert np.all(session % 2 == 0)
    share = np.bincount(feature, minlength=len(FEATURES)) / 20_000
    assert share == pytest.approx([feature.use for feature in FEATURES], abs=0.015)


def test_ads_earn_their_ecpm_and_spenders_watch_fewer():
    config = WorldConfig(ecpm_rewarded=20.0, ecpm_interstitial=5.0, ecpm_banner=1.0, spender_ads_factor=0.5)
    length_s = np.full(60_000, 900)
    is_spender = np.arange(60_000) < 30_000
    ads = draw_ads(open_stream(5, "ads"), config, length_s, is_spender)
    for number, (name, ecpm) in enumerate(zip(AD_TYPES, (20.0, 5.0, 1.0), strict=True)):
        revenue = ads.revenue[ads.ad_type == number]
        # Five standard errors of a lognormal with a sigma of 0.5 and of the networks' factors.
        assert revenue.mean() / 1e6 * 1000 == pytest.approx(ecpm, rel=5 * 0.6 / len(revenue) ** 0.5), name
        assert revenue.std() > 0.3 * revenue.mean()
        assert revenue.min() > 0
    by_network = [ads.revenue[(ads.ad_type == 0) & (ads.network == number)].mean() for number in range(3)]
    assert by_network == sorted(by_network, reverse=True)
    watched = np.bincount(is_spender[ads.session].astype(int)) / 30_000
    assert watched == pytest.approx([2.0, 1.0], rel=0.03)


def test_a_world_without_ads_is_possible():
    day = World(WorldConfig(initial_players=20, ads_per_hour=0.0, **CLEAN)).day(date_of(0))
    assert len(day.truth["ad"]["revenue"]) == 0
    assert not events_of(day, "ad_watched", "event_id")


def test_a_day_of_sessions_of_a_second_works():
    knobs = CLEAN | {"session_min_s": 1, "session_max_s": 1, "attempt_s": 1.0}
    day = World(WorldConfig(initial_players=50, **knobs)).day(date_of(0))
    sessions = sessions_of(day)
    names = ("session_id", "player_id", "timestamp")
    assert all(
        sessions[session, player][0] <= at <= sessions[session, player][1]
        for session, player, at in good_rows(day, "client", *names)
    )
    assert len(day.truth["level_attempt"]["level"]) > 30


def test_5000_players_give_half_a_million_events_in_30_days():
    world = World(WorldConfig(initial_players=5000))
    events = 0
    for number in range(30):
        events += world.day(date_of(number), logs=("client",), truth=False).logs["client"].good_rows
    assert 500_000 < events < 700_000
