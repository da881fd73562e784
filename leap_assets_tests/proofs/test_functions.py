"""Proof functions on a truth of a few rows, worked out by hand."""

import dataclasses
import datetime as dt
from decimal import Decimal

import duckdb
import numpy as np
import pytest

from leap_assets.proofs import activity, books, cohorts, conflicts, events, kpi, money
from leap_assets.proofs.compare import compare
from leap_assets.proofs.known import (
    DAY_US,
    HOUR_US,
    SECOND_US,
    Dictionary,
    Given,
    Known,
    MissingTruthError,
    date_of,
    day_number,
    divide_half_up,
)
from leap_assets.proofs.registry import DETAILS, Proof
from leap_assets.proofs.truth import TABLES, read_truth, write_truth
from leap_assets.simulation import Coded
from leap_assets.warehouse import proving

DAY = day_number(dt.date(2025, 1, 1))
LOGS = ("player", "product", "signons", "session", "transaction", "heartbeat", "client")


def at(hours: float, day: int = 0) -> int:
    """Microseconds of a time, in hours from a day of the test world."""
    return (DAY + day) * DAY_US + round(hours * HOUR_US)


def given(delivered_days: set[int], **changes) -> Given:
    days = frozenset(DAY + day for day in delivered_days)
    every = dict.fromkeys(LOGS, days)
    return dataclasses.replace(
        Given(
            start=DAY,
            loaded=every,
            delivered=every,
            logs=LOGS,
            rates={"USD": [(0, 10**10)], "EUR": [(0, 108 * 10**8), (DAY + 1, 117 * 10**8)]},
            currency="USD",
            internal=frozenset({"ours"}),
            beat_us=30 * SECOND_US,
            cooldown_us=60 * SECOND_US,
            distance=30.0,
        ),
        **changes,
    )


def column(name: str, kind: str, values: list):
    if kind == "text":
        texts = sorted({value for value in values if value is not None})
        codes = [-1 if value is None else texts.index(value) for value in values]
        return Coded(np.array(codes, dtype=np.int32), np.array(texts, dtype=np.str_))
    if kind == "timestamp":
        return np.array(values, dtype=np.int64).view("datetime64[us]")
    if kind == "date":
        return (np.array(values, dtype=np.int64) + DAY).astype("datetime64[D]")
    return np.array(values, dtype=float if kind == "double" else np.int64)


def write(truth_dir, day: int, **tables: list[tuple]) -> None:
    """Write the truth of a day: rows of some tables, none of the others."""
    truth = {
        table: {
            name: column(name, kind, [row[place] for row in tables.get(table, [])])
            for place, (name, kind, _) in enumerate(columns)
        }
        for table, (_, columns) in TABLES.items()
    }
    write_truth(truth_dir, date_of(DAY + day), truth, tuple(TABLES))


def know(truth_dir, days: set[int], **changes) -> Known:
    return Known.read(truth_dir, given(days, **changes), [DAY + day for day in range(-1, 5)], DETAILS)


def registered(player: str, hours: float, day: int = 0, on: int | None = None, country="DE"):
    row = (player, at(hours, day), country, "pc", "control", "daily", "none")
    return (*row, day if on is None else on)


def session(match: str, player: str, start: int, length_s: int, on: int, team="team-1", kills=0, deaths=0):
    return (match, player, team, start, length_s, "FR", kills, deaths, on)


def event(player: str, match: str, kind: str, when: int, on: int, level: int = 0):
    return (player, match, kind, when, level, 0, None, on)


def rows(frame, *names) -> list[tuple]:
    return sorted(zip(*(frame[name].tolist() for name in names), strict=True))


def test_truth_is_read_as_it_was_written(tmp_path):
    write(tmp_path, 0, registered=[registered("a", 1.5)], ad=[("a", at(2), "banner", 12, 3)])
    read = read_truth(tmp_path, date_of(DAY), "ad", ("player_id", "at", "revenue", "delivered_on"))
    assert read["player_id"].text().tolist() == ["a"]
    assert (read["at"].tolist(), read["revenue"].tolist()) == ([at(2)], [12])
    assert read["delivered_on"].tolist() == [DAY + 3]


def test_a_line_counts_once_its_delivery_is_loaded(tmp_path):
    write(tmp_path, 0, registered=[registered("a", 1), registered("b", 1, on=1)], signon=[("b", at(2), 0)])
    write(tmp_path, 1)
    before, after = know(tmp_path, {0}), know(tmp_path, {0, 1})
    for known, countries in ((before, ["DE", "unknown"]), (after, ["DE", "DE"])):
        players = known.players
        assert sorted(known.words[players["country"][known.counted]].tolist()) == countries
    # seen before his registration has arrived: acquired when first seen
    assert know(tmp_path, {0}).players["acquired"].tolist() == [DAY, DAY]


def test_missing_truth_is_named(tmp_path):
    write(tmp_path, 0)
    with pytest.raises(MissingTruthError, match="2025-01-02"):
        know(tmp_path, {0, 1})
    with pytest.raises(MissingTruthError, match="2025-01-02"):
        books.read_books(tmp_path, given({0, 1}))


def test_a_session_that_events_alone_tell_of(tmp_path):
    start = at(23.9)
    write(
        tmp_path,
        0,
        player_session=[session("m", "a", start, 600, 0), session("m", "b", start, 900, 3)],
        client_event=[
            event("b", "m", "session_start", start, 0),
            event("b", "m", "level_start", start + 100_500_000, 0, 1),
            event("b", "m", "session_end", start + 900 * SECOND_US, 1),
        ],
    )
    write(tmp_path, 1)
    lengths = {
        days: rows(activity.prove_player_activity_daily(know(tmp_path, set(days))), "player_id", "play_s")
        for days in ((0,), (0, 1))
    }
    # to the last event, rounded up; then to the end that arrived on the day after
    assert lengths == {(0,): [("a", 600), ("b", 101)], (0, 1): [("a", 600), ("b", 900)]}


def test_a_match_of_which_only_the_part_after_midnight_has_arrived_is_of_that_day(tmp_path):
    start = at(23.95)
    write(
        tmp_path,
        0,
        player_session=[session("m", "a", start, 600, 0)],
        position=[
            ("m", "a", "team-1", beat, start + beat * 30 * SECOND_US, 0.0, 0.0, 0.0, 1) for beat in (10,)
        ],
    )
    write(tmp_path, 1)
    matches = {
        days: rows(conflicts.prove_session_close_conflicts_daily(know(tmp_path, set(days))), "event_date")
        for days in ((0, 1), (1,))
    }
    assert matches == {(0, 1): [(DAY,)], (1,): [(DAY + 1,)]}


def test_conflicts_end_where_the_pause_is_longer_than_the_cooldown(tmp_path):
    start = at(10)
    close, far = (0.0, 0.0, 0.0), (90.0, 0.0, 0.0)
    # close in the beats 0, 2 and 5: a pause of 60 s belongs to a conflict, one of 90 s ends it
    of_b = {beat: (18.0, 24.0, 0.0) if beat in (0, 2, 5) else far for beat in range(7)}
    write(
        tmp_path,
        0,
        player_session=[session("m", "a", start, 200, 0), session("m", "b", start, 200, 0, "team-2")],
        position=[
            (*("m", player, team), beat, start + beat * 30 * SECOND_US, *place, 0)
            for player, team, places in (
                ("a", "team-1", dict.fromkeys(range(7), close)),
                ("b", "team-2", of_b),
            )
            for beat, place in places.items()
        ],
    )
    found = conflicts.prove_stage_conflicts(know(tmp_path, {0}))
    names = ("conflict_number", "conflict_start", "conflict_end", "close_beats", "min_centroid_distance")
    beat_us = 30 * SECOND_US
    assert rows(found, *names) == [
        (1, start, start + 3 * beat_us, 2, 30.0),
        (2, start + 5 * beat_us, start + 6 * beat_us, 1, 30.0),
    ]
    closer = know(tmp_path, {0}, distance=29.99)
    assert rows(conflicts.prove_stage_contacts(closer), "contact_number") == []
    assert rows(conflicts.prove_session_close_conflicts_daily(closer), "conflict_count") == [(0,)]


def test_levels_close_at_their_result_or_the_next_start(tmp_path):
    start = at(10)
    happened = [
        ("level_start", 0),
        ("level_fail", 5),
        ("level_start", 5),
        ("level_start", 9),
        ("level_complete", 12),
    ]
    write(
        tmp_path,
        0,
        client_event=[event("a", "m", kind, start + second * SECOND_US, 0, 7) for kind, second in happened],
    )
    frame = events.prove_level_funnel_daily(know(tmp_path, {0}))
    names = ("level", "starters", "attempts", "completers", "completes", "fails", "abandoned")
    assert rows(frame, *names) == [(7, 1, 3, 1, 1, 1, 1)]


def test_money_is_rounded_a_line_and_rates_change_on_their_day(tmp_path):
    for day in (0, 1):
        write(
            tmp_path,
            day,
            registered=[registered("a", 1)] if day == 0 else [],
            transaction=[(f"t{day}", "a", at(5, day), "x", 199, "EUR", "purchase", f"t{day}", day)],
        )
    frame = money.prove_country_weekly_revenue(know(tmp_path, {0, 1}))
    # 1.99 x 1.08 = 2.1492, 1.99 x 1.17 = 2.3283
    assert rows(frame, "country", "iso_year", "iso_week", "purchase_amount") == [("DE", 2025, 1, 215 + 233)]
    assert [divide_half_up(n, 10) for n in (25, -25, 24, -24)] == [3, -3, 2, -2]


def test_a_currency_without_a_rate_cannot_be_compared(tmp_path):
    payment = ("t", "a", at(5), "x", 199, "KRW", "purchase", "t", 0)
    write(tmp_path, 0, registered=[registered("a", 1)], transaction=[payment])
    with pytest.raises(MissingTruthError, match="KRW on 2025-01-01"):
        know(tmp_path, {0})


def test_without_a_transaction_log_purchases_are_those_of_the_client(tmp_path):
    bought = ("a", "m", "purchase", at(5), 0, 500, "USD", 0)
    write(
        tmp_path,
        0,
        transaction=[("t", "a", at(5), "x", 500, "USD", "purchase", "t", 0)],
        client_event=[bought, event("a", "m", "session_end", at(6), 0)],
    )
    only_client = {log: frozenset({DAY} if log == "client" else ()) for log in LOGS}
    known = know(tmp_path, {0}, logs=("client",), loaded=only_client, delivered=only_client)
    frame = activity.prove_player_activity_daily(known)
    assert rows(frame, "player_id", "play_s", "purchase_amount", "is_converting") == [("a", 3600, 500, True)]


def test_accounts_of_our_own_are_left_out(tmp_path):
    write(
        tmp_path,
        0,
        registered=[registered("a", 1), registered("ours", 1)],
        player_session=[session("m", "ours", at(3), 60, 0), session("n", "a", at(3), 60, 0)],
        ad=[("ours", at(3), "banner", 5, 0), ("a", at(3), "banner", 7, 0)],
        client_event=[event("a", "n", "ad_watched", at(3), 0), event("ours", "m", "ad_watched", at(3), 0)],
    )
    known = know(tmp_path, {0})
    assert rows(activity.prove_player_stats_lifetime(known), "player_id") == [("a",)]
    assert rows(money.prove_ad_revenue_daily(known), "viewers", "ad_amount") == [(1, 7)]
    assert rows(conflicts.prove_session_close_conflicts_daily(known), "session_id") == [("n",)]


def test_windows_count_loaded_days_and_cells_without_a_day_are_unknown(tmp_path):
    for day in range(4):
        write(
            tmp_path,
            day,
            registered=[registered("a", 1)] if day == 0 else [],
            player_session=[session(f"m{day}", "a", at(3, day), 60, day)] if day in (0, 3) else [],
        )
    known = know(tmp_path, {0, 1, 3})
    assert rows(kpi.prove_kpi_daily(known), "event_date", "dau", "wau", "wau_days_in_window") == [
        (DAY, 1, 1, 1),
        (DAY + 1, 0, 1, 2),
        (DAY + 3, 1, 1, 3),
    ]
    states = dict(
        zip(
            [
                (day - DAY, state)
                for day, state in rows(kpi.prove_lifecycle_daily(known), "event_date", "state")
            ],
            [row[2] for row in rows(kpi.prove_lifecycle_daily(known), "event_date", "state", "players")],
            strict=True,
        )
    )
    assert states[0, "new"] == 1
    assert states[1, "dormant"] == 1
    assert np.isnan(states[3, "resurrected"])
    retention = cohorts.prove_cohort_retention(known)
    assert retention["active_players"][:5].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(retention["active_players"][2])
    assert (retention["active_players"][3], retention["rolling_players"][1]) == (1.0, 1.0)
    summary = cohorts.prove_retention_summary(known)
    # Wilson's interval of 1 of 1 begins at 1 / (1 + z^2)
    assert summary["retention_low"][1] == pytest.approx(1 / (1 + 1.959963984540054**2))
    assert summary["cohort_size"].tolist() == [1, 1, 0, 0, 0, 0, 0]


def test_a_player_in_two_sessions_at_once_is_one_and_who_leaves_was_not_met(tmp_path):
    write(
        tmp_path,
        0,
        player_session=[
            session("m", "a", at(10.5), 3600, 0),
            session("n", "a", at(10.75), 3600, 0),
            session("o", "b", at(11.75), 900, 0),
        ],
    )
    frame = activity.prove_concurrency_hourly(know(tmp_path, {0}))
    busy = [row for row in rows(frame, "hour_start", "peak_players", "player_seconds") if row[1]]
    assert busy == [(at(10), 1, 1800.0), (at(11), 1, 3600.0)]
    assert len(frame["hour_start"]) == 24


def test_the_funnel_counts_a_step_only_after_the_one_before(tmp_path):
    write(
        tmp_path,
        0,
        registered=[registered(player, 1) for player in "abc"],
        player_session=[session("m", "a", at(3), 60, 0), session("m", "b", at(5), 60, 0)],
        client_event=[
            event("a", "m", "level_complete", at(3.01), 0, 1),
            event("a", "m", "level_complete", at(3.02), 0, 5),
            # b's level came before his first session
            event("b", "m", "level_complete", at(4), 0, 5),
        ],
    )
    frame = events.prove_conversion_funnel(know(tmp_path, {0}))
    assert rows(frame, "step_number", "players") == [(1, 3), (2, 2), (3, 1), (4, 1), (5, 0)]


def test_a_first_purchase_stands_beside_the_steps(tmp_path):
    def paid(player: str, when: int, cents: int = 500):
        return (f"t-{player}", player, when, "x", cents, "USD", "purchase", "t", 0)

    write(
        tmp_path,
        0,
        registered=[registered(player, 1) for player in "abc"],
        transaction=[paid("a", at(0.5)), paid("b", at(2), 0)],
    )
    for day in range(1, 15):
        # the second that is too late
        write(tmp_path, day, transaction=[paid("c", at(0, 14))] if day == 14 else [])
    frame = events.prove_conversion_funnel(know(tmp_path, {0, 14}))
    assert rows(frame, "step_number", "players", "first_purchase") == [
        (1, 3, 1),
        (2, 0, 1),
        (3, 0, 1),
        (4, 0, 1),
        (5, 0, 1),
    ]
    assert set(frame["first_purchase_conversion"].tolist()) == {1 / 3}
    assert not frame["is_complete"].any()


def play_on(tmp_path, days: dict[str, set[int]], last: int, born: dict[str, int] | None = None) -> None:
    """Players with a session at three o'clock of some days; registered on day 0 or another."""
    for day in range(last + 1):
        write(
            tmp_path,
            day,
            registered=[registered(one, 1, day) for one in days if (born or {}).get(one, 0) == day],
            player_session=[
                session(f"{one}{day}", one, at(3, day), 60, day) for one, own in days.items() if day in own
            ],
        )


def test_days_that_are_not_loaded_are_in_no_mart_and_nobodys_first(tmp_path):
    play_on(tmp_path, {"a": {1, 2}, "b": {0, 2}}, 3)
    # a late line of day 1 is there, its own delivery is not
    write(tmp_path, 1, player_session=[session("a1", "a", at(3, 1), 60, 2)])
    known = know(tmp_path, {0, 2, 3})
    assert rows(kpi.prove_kpi_daily(known), "event_date", "dau", "registered_to_date") == [
        (DAY, 1, 2),
        (DAY + 2, 2, 2),
        (DAY + 3, 0, 2),
    ]
    states = kpi.prove_lifecycle_daily(known)
    new = [row[0] - DAY for row in rows(states, "event_date", "state", "players") if row[1:] == ("new", 1.0)]
    assert new == [0, 2]
    assert rows(activity.prove_player_stats_lifetime(known), "player_id", "player_sessions") == [
        ("a", 1),
        ("b", 2),
    ]
    hours = activity.prove_concurrency_hourly(known)["hour_start"] // DAY_US - DAY
    assert sorted(set(hours.tolist())) == [0, 2, 3]


@pytest.mark.parametrize(("max_h", "final"), [(24, [0, 1]), (24.5, [0]), (49, [])])
def test_a_day_is_final_when_every_later_delivery_is_loaded(tmp_path, max_h, final):
    play_on(tmp_path, {"a": {0}}, 7)
    known = know(tmp_path, {0, 1, 2, 3, 4, 5, 7}, session_max_us=round(max_h * HOUR_US))
    frame = kpi.prove_kpi_daily(known)
    assert [day - DAY for day, is_final in rows(frame, "event_date", "is_final") if is_final] == final
    cells = cohorts.prove_cohort_retention(known)
    by_age = dict(zip(cells["age"].tolist(), cells["is_final"].tolist(), strict=True))
    assert [age for age, is_final in by_age.items() if is_final == 1] == final
    # of a day that is not loaded it is not known
    assert (np.isnan(by_age[6]), by_age[7]) == (True, 0.0)
    assert set(cells["followed_days"].tolist()) == {7}


def test_rolling_retention_is_over_cohorts_that_were_followed_equally_long(tmp_path):
    # b comes back behind the horizon of 7 days, c is followed for 6 days only
    play_on(tmp_path, {"a": {0, 3}, "b": {8}, "c": {3}}, 8, {"c": 2})
    summary = cohorts.prove_retention_summary(know(tmp_path, set(range(9))))
    names = ("age", "cohort_size", "active_players", "rolling_cohort_size", "rolling_players")
    assert rows(summary, *names)[:3] == [(1, 3, 1, 2, 1), (3, 3, 1, 2, 1), (7, 2, 0, 2, 0)]
    assert set(summary["rolling_followed_days"].tolist()) == {7.0}
    assert np.isnan(summary["rolling_players"][3:]).all()


def test_payers_are_counted_among_the_active(tmp_path):
    def paid(number: int, player: str, cents: int):
        return (f"t{number}", player, at(4), "x", cents, "USD", "renewal", "t", 0)

    write(
        tmp_path,
        0,
        registered=[registered(player, 1) for player in "abc"],
        player_session=[session("m", "a", at(3), 60, 0)],
        transaction=[paid(1, "a", 500), paid(2, "b", 300), paid(3, "c", -100)],
    )
    frame = kpi.prove_kpi_daily(know(tmp_path, {0}))
    names = ("payers", "absent_payers", "purchase_amount", "absent_purchase_amount", "payer_share", "arppu")
    assert rows(frame, *names) == [(1, 1, 700, 200, 1.0, 7_000_000)]


def test_books_add_good_lines_and_defects(tmp_path):
    write(
        tmp_path,
        0,
        delivered=[("session", 10), ("client", 4)],
        defect=[("session", "duplicate", 10), ("session", "future_clock", 11), ("client", "truncated", 4)],
    )
    counted = books.read_books(tmp_path, given({0}))
    frame = books.prove_ingestion_daily(counted)
    names = ("log", "received", "accepted", "duplicate", "rejected")
    found = [row for row in rows(frame, *names) if row[1]]
    assert found == [("client", 5, 4, 0, 1), ("session", 12, 10, 1, 1)]
    assert rows(books.prove_rejections_daily(counted), "log", "reason", "lines") == [
        ("client", "unparsable", 1),
        ("session", "out_of_window", 1),
    ]


def frame_of(**columns) -> dict[str, np.ndarray]:
    return {
        name: np.array(values, dtype=object if isinstance(values[0], str) else None)
        for name, values in columns.items()
    }


TYPES = {"key": "text", "day": "exact", "count": "exact", "share": "double", "ratio": "exact"}
BASE = {"key": ["a", "b"], "day": [1, 2], "count": [3, 4], "share": [0.5, np.nan], "ratio": [7, 8]}


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({}, [0, 0]),
        ({"count": [3, 5]}, [0, 1]),
        ({"share": [0.5 + 1e-12, np.nan]}, [0, 0]),
        ({"share": [0.5 + 1e-6, np.nan]}, [1, 0]),
        ({"share": [0.5, 0.0]}, [0, 1]),
        ({"ratio": [7, 9]}, [0, 1]),
        ({"day": [1, 1]}, [1, 1]),
        ({"key": ["a", "c"]}, [0, 2]),
    ],
)
def test_a_comparison_sees_every_difference(changes, differing):
    one, other = frame_of(**BASE), frame_of(**BASE | changes)
    key = ("key", "day") if "day" in changes else ("key",)
    found = compare(one, other, TYPES, key, (one["day"], other["day"]))
    assert found.rows_differing == sum(differing)
    assert len(found.examples) == sum(differing)


def test_a_doubled_row_and_a_last_digit_differ():
    exact, rounded = frame_of(**BASE), frame_of(**BASE)
    doubled = {name: np.append(column, column[:1]) for name, column in rounded.items()}
    assert compare(exact, doubled, TYPES, ("key",), 1).rows_differing == 2
    wrong = frame_of(**BASE | {"ratio": [7, 9]})
    assert compare(exact, wrong, TYPES, ("key",), 1).examples == ["key b: ratio 9, expected 8"]
    with pytest.raises(ValueError, match="ratio"):
        compare(
            exact, {name: column for name, column in wrong.items() if name != "ratio"}, TYPES, ("key",), 1
        )


@pytest.mark.parametrize("large", [10**9, 2**53 + 1, 10**22])
@pytest.mark.parametrize("has_null", [False, True])
def test_amounts_are_compared_to_the_last_digit_whatever_their_size(large, has_null):
    proof = Proof(lambda known: known, ("key",), day="")
    amounts = [large, -large - 1] + ([None] if has_null else [])
    expected = {"key": np.arange(len(amounts)), "amount": np.array(amounts, dtype=object)}
    with duckdb.connect() as connection:
        connection.execute(
            "create schema leap_mart; create table leap_mart.x (key int, amount decimal(38, 6))"
        )
        for off, differing in ((0, 0), (1, 1)):
            connection.execute("delete from leap_mart.x")
            rows = [
                (key, amount if amount is None else f"{Decimal(amount + off * (key == 1)).scaleb(-6):f}")
                for key, amount in enumerate(amounts)
            ]
            connection.executemany("insert into leap_mart.x values (?, ?)", rows)
            found = proving.compare_mart(connection, "x", proof, expected, given({0}))
            assert found.rows_differing == differing
    # as people read it
    assert f"expected {Decimal(-large - 1).scaleb(-6):f}" in found.examples[0]


@pytest.mark.parametrize("window", [None, (DAY + 1, DAY + 3)])
def test_a_large_table_is_compared_some_days_at_a_time(monkeypatch, window):
    days = [DAY, DAY + 1, DAY + 1, DAY + 3]
    proof = Proof(lambda known: known, ("event_date", "key"), is_day_table=window is not None)
    expected = {"event_date": np.array(days), "key": np.arange(4), "count": np.arange(4)}
    with duckdb.connect() as connection:
        connection.execute(
            "create schema leap_mart; create table leap_mart.x (event_date date, key int, count int)"
        )
        rows = [(date_of(day), key, key) for key, day in enumerate(days)]
        # another count, a row on a day that has none, a row before and one behind all
        rows[2] = (*rows[2][:2], 7)
        rows += [(date_of(DAY + day), 9, 9) for day in (2, -5, 40)]
        connection.executemany("insert into leap_mart.x values (?, ?, ?)", rows)
        found = []
        bounds = [window] if window else []
        for at_once in (1, 2, 1000):
            monkeypatch.setattr(proving, "ROWS_AT_ONCE", at_once)
            found.append(proving.compare_mart(connection, "x", proof, expected, given({0, 1}), *bounds))
    assert [part.rows_differing for part in found] == ([2, 2, 2] if window else [4, 4, 4])
    assert len({(part.rows_compared, part.matched, part.expected, part.actual) for part in found}) == 1
    assert len({(*part.days.tolist(), *part.differing.tolist()) for part in found}) == 1
    assert [sorted(part.examples) for part in found] == [sorted(found[0].examples)] * 3


def test_texts_are_numbered_once():
    names = Dictionary()
    one = names.words.number(Coded(np.array([0, 1, -1]), np.array(["x", "y"])))
    assert one.tolist() == [0, 1, -1]
    assert names.words.number(Coded(np.array([0]), np.array(["y"]))).tolist() == [1]
    assert names.words.texts.tolist() == ["x", "y"]


def test_a_player_who_was_in_a_session_at_midnight_is_one_player_of_the_day(tmp_path):
    late = event("a", "m", "ad_watched", at(0.1, 1), 1)
    write(tmp_path, 0, registered=[registered("a", 1)], client_event=[late])
    write(tmp_path, 1, client_event=[event("a", "n", "ad_watched", at(9, 1), 1)])
    frame = events.prove_event_counts_daily(know(tmp_path, {0, 1}))
    assert rows(frame, "event_date", "event_type", "events", "players") == [(DAY + 1, "ad_watched", 2, 1)]
