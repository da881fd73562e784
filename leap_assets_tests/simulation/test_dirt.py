"""Every defect is known: where it stands, what it is, how often; good lines are never changed, only late."""

from collections import Counter

import numpy as np
import pytest

from leap_assets.simulation import World, WorldConfig
from leap_assets.simulation.dirt import DEFECT_KINDS, defect_rates, draw_defects, draw_late_rows
from leap_assets.simulation.logs import LOGS
from leap_assets.simulation.streams import open_stream
from leap_assets_tests.simulation.rows import CLEAN, DIRTY, TIMES, date_of, good_rows, midnight_of, to_rows

KEYS = {
    "player": ("player_id",),
    "product": ("purchase_item",),
    "signons": ("player_id", "event_date_time"),
    "session": ("player_id", "session_id"),
    "transaction": ("transaction_id",),
    "heartbeat": ("player_id", "session_id", "event_date_time"),
    "client": ("event_id",),
}
CLIENT_MEASURES = {
    "session_start": "timestamp",
    "session_end": "session_length",
    "level_start": "level",
    "level_complete": "score",
    "level_fail": "score",
    "purchase": "price",
    "ad_watched": "revenue",
    "achievement_unlocked": "achievement",
    "feature_used": "feature",
}
MEASURES = {
    "player": "platform",
    "product": "price",
    "signons": "platform",
    "session": "kills",
    "transaction": "purchase_price",
    "heartbeat": "position_x",
}
UNCHANGED = ("duplicate", "truncated", "wrong_type", "missing_field", "bad_encoding", "unknown_event")


def test_defects_stand_at_the_end_and_only_there(dirty_days):
    for day in dirty_days:
        for log in day.logs.values():
            assert len(log.defects) == len(log)
            assert np.all(log.defects[: log.good_rows] == "")
            assert np.all(np.isin(log.defects[log.good_rows :], DEFECT_KINDS))


@pytest.mark.parametrize("log", LOGS)
def test_a_defect_is_a_copy_of_a_good_line_of_the_same_delivery(dirty_days, log):
    seen = Counter()
    for day in dirty_days:
        names = list(day.logs[log].columns)
        rows = to_rows(day.logs[log].columns)
        good = set(rows[: day.logs[log].good_rows])
        keys = {tuple(row[names.index(name)] for name in KEYS[log]): row for row in good}
        tail = zip(
            rows[day.logs[log].good_rows :], day.logs[log].defects[day.logs[log].good_rows :], strict=True
        )
        for row, kind in tail:
            seen[str(kind)] += 1
            if kind in UNCHANGED:
                assert row in good
            elif kind == "conflicting_duplicate":
                original = keys[tuple(row[names.index(name)] for name in KEYS[log])]
                measure = CLIENT_MEASURES[row[3]] if log == "client" else MEASURES[log]
                changed = [n for n, a, b in zip(names, row, original, strict=True) if a != b]
                assert changed == [measure]
            else:
                time = names.index(TIMES[log])
                assert any(row[:time] + row[time + 1 :] == one[:time] + one[time + 1 :] for one in good)
    rates = defect_rates(WorldConfig(**DIRTY), log)
    if log in ("heartbeat", "session", "signons", "client"):
        assert set(seen) == {kind for kind, rate in rates.items() if rate > 0}
    assert set(seen) <= {kind for kind, rate in rates.items() if rate > 0}


def test_no_good_line_has_two_defects(dirty_days):
    for day in dirty_days:
        tail = to_rows(day.logs["transaction"].columns, "transaction_id")[day.logs["transaction"].good_rows :]
        assert len(set(tail)) == len(tail)


def test_a_future_clock_is_far_beyond_the_window(dirty_days):
    seen = 0
    for number, day in enumerate(dirty_days):
        for name, time in TIMES.items():
            times = day.logs[name].columns[time]
            is_future = day.logs[name].defects == "future_clock"
            # The end of the delivery day is the next midnight.
            latest = midnight_of(number + 2)
            assert np.all(times[is_future] > latest)
            assert np.all(times[~is_future] <= latest)
            seen += int(is_future.sum())
    assert seen > 50


def test_parquet_and_the_catalogue_are_spared_what_they_cannot_have():
    rates = defect_rates(WorldConfig(**DIRTY), "heartbeat")
    spared = {"truncated", "wrong_type", "bad_encoding", "unknown_event"}
    assert {kind for kind, rate in rates.items() if rate == 0} == spared
    rates = defect_rates(WorldConfig(**DIRTY), "product")
    assert {kind for kind, rate in rates.items() if rate == 0} == {"future_clock", "unknown_event"}


def test_client_events_can_have_every_kind_of_defect():
    assert set(defect_rates(WorldConfig(**DIRTY), "client").values()) == {0.02}


def test_rates_are_those_of_the_configuration():
    config = WorldConfig(initial_players=3000, late_rate=0.05, duplicate_rate=0.02, missing_field_rate=0.01)
    day = World(config).day(date_of(0)).logs["heartbeat"]
    found = Counter(day.defects[day.good_rows :].tolist())
    for kind, rate in defect_rates(config, "heartbeat").items():
        deviation = 4.5 * np.sqrt(day.good_rows * rate)
        assert found[kind] == pytest.approx(day.good_rows * rate, abs=deviation + 1e-9)


def test_every_kind_is_spread_over_all_rows():
    row, kind = draw_defects(open_stream(7, "defects"), WorldConfig(**DIRTY), "client", 100_000)
    assert np.all(np.diff(row) > 0)
    for number in range(len(DEFECT_KINDS)):
        assert row[kind == number].mean() == pytest.approx(50_000, abs=3_000)


def test_late_rows_are_drawn_at_their_rate_and_delay():
    row, delay = draw_late_rows(open_stream(7, "late"), WorldConfig(late_rate=0.1), "session", 100_000)
    assert len(np.unique(row)) == len(row) == pytest.approx(10_000, abs=450)
    assert np.bincount(delay)[1:] == pytest.approx([3333] * 3, abs=300)
    assert len(draw_late_rows(open_stream(7, "late"), WorldConfig(late_rate=1.0), "product", 100)[0]) == 0


def test_late_lines_come_within_72_hours(dirty_days):
    late = 0
    for number, day in enumerate(dirty_days):
        for name, time in TIMES.items():
            times = day.logs[name].columns[time]
            assert np.all(times >= midnight_of(number) - np.timedelta64(72, "h"))
            late += int(np.count_nonzero(times[: day.logs[name].good_rows] < midnight_of(number)))
    assert late > 100


def test_truth_lists_every_defect(dirty_days):
    for day in dirty_days:
        told = sorted(to_rows(day.truth["defect"]))
        found = [
            (name, str(log.defects[row]), row)
            for name, log in day.logs.items()
            for row in range(log.good_rows, len(log))
        ]
        assert told == sorted(found)


def test_truth_lists_every_late_line(dirty_days):
    for number, day in enumerate(dirty_days[:-3]):
        told = Counter(to_rows(day.truth["late"], "log", "delivered_on"))
        for log in ("player", "signons", "transaction"):
            for days in (1, 2, 3):
                times = [row[0] for row in good_rows(dirty_days[number + days], log, "event_date_time")]
                found = sum(midnight_of(number) <= time < midnight_of(number + 1) for time in times)
                assert told[log, np.datetime64(date_of(number + days), "D")] == found


def test_a_world_without_dirt_is_delivered_as_it_happened(clean_days):
    for day in clean_days:
        assert all(log.good_rows == len(log) for log in day.logs.values())
        assert len(day.truth["late"]["row"]) == len(day.truth["defect"]["row"]) == 0


def test_a_world_of_nothing_but_dirt_still_works():
    config = WorldConfig(**CLEAN | {"initial_players": 30, "late_rate": 1.0, "duplicate_rate": 1.0})
    world = World(config)
    first, fourth = world.day(date_of(0)), world.day(date_of(3))
    assert len(first.logs["heartbeat"]) == 0
    log = fourth.logs["heartbeat"]
    assert log.good_rows * 2 == len(log) > 0
