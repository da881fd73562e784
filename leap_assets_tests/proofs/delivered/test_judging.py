"""The judgement of lines and their repeats by the second opinion, at the ends of what is allowed."""

import datetime as dt
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.proofs.delivered.judging import Judge, Limits
from leap_assets.proofs.delivered.lines import Numbering, Store, find_repeats
from leap_assets.proofs.delivered.reading import UnreadableError, list_delivered, read_records
from leap_assets.verify import main

DAY = dt.date(2025, 3, 10)
NUMBER = (DAY - dt.date(1970, 1, 1)).days
HOUR_US = 3_600_000_000
LIMITS = Limits(NUMBER - 60, {"EUR": NUMBER}, 24 * HOUR_US)


def deliver(folder, log, name, data):
    path = folder / log / DAY.isoformat() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, pa.Table):
        pq.write_table(data, path)
    else:
        path.write_bytes(data)


def judge_all(folder, log, limits=LIMITS):
    """Reasons of all lines, and the store of the accepted ones."""
    store, judge = Store(Numbering()), Judge(CONTRACTS[log], limits)
    reasons, accepted = {}, 0
    for file in list_delivered(folder, log, DAY, NUMBER):
        for records in read_records(file, CONTRACTS[log]):
            judged = judge.judge(records, NUMBER)
            accepted += judged.accepted
            for reason, lines in judged.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + lines
            store.add(log, judged, NUMBER)
    return reasons | ({"accepted": accepted} if accepted else {}), store


def reason_of(folder, log, record, limits=LIMITS):
    deliver(folder, log, "a.ndjson", json.dumps(record).encode() + b"\n")
    (reason,) = judge_all(folder, log, limits)[0]
    return reason


def hours_after(hours):
    """A time so many hours after the delivery day began."""
    return (dt.datetime.combine(DAY, dt.time()) + dt.timedelta(hours=hours)).isoformat()


SIGN_ON = {"player_id": "a"}


@pytest.mark.parametrize(
    ("hours", "reason"),
    [(48, "accepted"), (48 + 1e-6, "out_of_window"), (-72, "accepted"), (-72 - 1e-6, "out_of_window")],
)
def test_exactly_at_a_limit_is_inside(tmp_path, hours, reason):
    assert reason_of(tmp_path, "signons", SIGN_ON | {"event_date_time": hours_after(hours)}) == reason


@pytest.mark.parametrize(
    ("ended", "length_s", "longest_h", "reason"),
    [
        (10, 24 * 3600, 24, "accepted"),
        (10, 24 * 3600 + 0.000001, 24, "out_of_window"),
        (10, 1e30, 24, "out_of_window"),
        (10, -1, 24, "value_not_allowed"),
        # the start decides about lateness, and a longer session may come later
        (-71, 3600, 24, "accepted"),
        (-71, 3601, 24, "out_of_window"),
        (-71, 25 * 3600, 48, "accepted"),
        (-73, 23 * 3600, 48, "accepted"),
        (-73, 24 * 3600, 48, "out_of_window"),
    ],
)
def test_a_session_is_late_by_its_start_and_early_by_its_end(tmp_path, ended, length_s, longest_h, reason):
    limits = Limits(NUMBER - 60, {}, longest_h * HOUR_US)
    line = SIGN_ON | {
        "session_id": "m",
        "event_date_time": hours_after(ended),
        "event_length_seconds": length_s,
    }
    assert reason_of(tmp_path, "session", line, limits) == reason


PAID = {
    "transaction_id": "t",
    "player_id": "a",
    "event_date_time": hours_after(1),
    "purchase_item": "hat",
    "purchase_price": 1,
    "currency": "EUR",
    "transaction_type": "Skins",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"purchase_price": "-1e9"}, "accepted"),
        ({"purchase_price": 1_000_000_000.0001}, "value_not_allowed"),
        ({"purchase_price": "1e40"}, "value_not_allowed"),
        ({"purchase_price": "a lot"}, "wrong_type"),
        ({"currency": "USD"}, "value_not_allowed"),
        ({"currency": "eur"}, "value_not_allowed"),
        # the rate is of the day it happened
        ({"event_date_time": hours_after(-1)}, "value_not_allowed"),
        ({"transaction_type": "Hats"}, "value_not_allowed"),
        # the first reason is given
        ({"player_id": " ", "purchase_price": "a lot"}, "missing_required"),
        ({"purchase_price": "a lot", "currency": "eur"}, "wrong_type"),
        ({"currency": "eur", "event_date_time": hours_after(99)}, "value_not_allowed"),
    ],
)
def test_values_have_bounds_and_reasons_an_order(tmp_path, changes, reason):
    assert reason_of(tmp_path, "transaction", PAID | changes) == reason


EVENT = {"event_id": "e", "player_id": "a", "timestamp": hours_after(1)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event_type": "level_start", "properties": {"level": 1}}, "accepted"),
        ({"event_type": "level_start", "properties": '{"level": 1}'}, "accepted"),
        ({"event_type": "level_start"}, "missing_required"),
        ({"event_type": "level_start", "properties": {"level": ""}}, "missing_required"),
        ({"event_type": "level_start", "properties": {"level": 1.5}}, "wrong_type"),
        ({"event_type": "level_start", "properties": [1]}, "wrong_type"),
        # no property of that type
        ({"event_type": "session_start", "properties": {"level": 1.5}}, "accepted"),
        ({"event_type": "session_start", "properties": {"level": {}}}, "accepted"),
        ({"event_type": "feature_used", "properties": {"feature": {}}}, "wrong_type"),
        ({"event_type": "raid"}, "unknown_event_type"),
    ],
)
def test_properties_are_those_of_the_event_type(tmp_path, changes, reason):
    assert reason_of(tmp_path, "client", EVENT | changes) == reason


def test_a_declared_event_type_is_known(tmp_path):
    limits = Limits(NUMBER - 60, {}, 24 * HOUR_US, ("raid",))
    assert reason_of(tmp_path, "client", EVENT | {"event_type": "raid"}, limits) == "accepted"


def test_every_format_gives_the_same_lines(tmp_path):
    times = [hours_after(hour) for hour in range(3)]
    good = [{"player_id": "a", "event_date_time": time} for time in times]
    lines = [json.dumps(line).encode() for line in good]
    deliver(
        tmp_path,
        "signons",
        "a.ndjson",
        b"\xef\xbb\xbf" + b"\r\n".join([*lines, b"", b'{"player_id"', b"\xff"]),
    )
    deliver(tmp_path, "signons", "b.json", b"[" + b", ".join([*lines, b"1"]) + b"]")
    deliver(tmp_path, "signons", "c.json", b"[" + b", ".join(lines) + b', {"player_id": ')
    table = f'event_date_time,x,player_id\n{times[0]},"1,\n2",a\n{times[1]},"open,a\n{times[2]},,a\n'
    deliver(tmp_path, "signons", "d.csv.gz", gzip.compress(table.encode()))
    columns = {name: [line[name] for line in good] for name in ("player_id", "event_date_time")}
    deliver(tmp_path, "signons", "e.parquet", pa.table(columns | {"Player_ID": ["b"] * 3}))
    unreadable = {"unreadable": ["?"], "delivered_file": ["f"], "delivered_line": [1]}
    deliver(tmp_path, "signons", "f.parquet", pa.table(unreadable))
    deliver(tmp_path, "signons", "g.parquet.part", b"still being copied")
    reasons, store = judge_all(tmp_path, "signons")
    assert reasons == {"accepted": 14, "unparsable": 6}
    repeats = find_repeats("signons", store.lines("signons", NUMBER - 9, NUMBER + 9))
    assert (repeats.counts.sum(), repeats.duplicate.sum(), repeats.conflicting.sum()) == (3, 11, 0)


def test_repeats_are_compared_by_value_and_in_the_order_of_arrival(tmp_path):
    event = EVENT | {"event_type": "session_end", "timestamp": hours_after(1)}
    lines = [
        event | {"properties": {"a": 0.5, "b": [1]}},
        event | {"properties": {"b": [1.0], "a": 0.50}},
        event | {"properties": {"b": [2], "a": 0.5}},
        # on another day the key is another
        event | {"timestamp": hours_after(25)},
    ]
    deliver(tmp_path, "client", "a.ndjson", b"\n".join(json.dumps(line).encode() for line in lines))
    deliver(tmp_path, "client", "Z.ndjson", json.dumps(event | {"properties": {"late": 1}}).encode())
    _, store = judge_all(tmp_path, "client")
    repeats = find_repeats("client", store.lines("client", NUMBER, NUMBER + 1))
    # Z comes before a
    assert repeats.counts.tolist() == [True, False, False, False, True]
    assert repeats.conflicting.tolist() == [False, True, True, True, False]


def test_two_files_may_each_know_a_part_of_a_player(tmp_path):
    lines = [
        {"player_id": "a", "event_date_time": hours_after(1), "country": "DE"},
        {"player_id": "a", "event_date_time": hours_after(2), "platform": "ios"},
        {"player_id": "a", "event_date_time": hours_after(3), "country": "FR"},
    ]
    deliver(tmp_path, "player", "a.ndjson", b"\n".join(json.dumps(line).encode() for line in lines))
    _, store = judge_all(tmp_path, "player")
    repeats = find_repeats("player", store.lines("player", NUMBER, NUMBER))
    assert repeats.duplicate.tolist() == [False, True, False]
    assert repeats.conflicting.tolist() == [False, False, True]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    deliver(tmp_path, "signons", "a.ndjson.gz", b"no gzip")
    with pytest.raises(UnreadableError, match="a\\.ndjson\\.gz cannot be read"):
        judge_all(tmp_path, "signons")


def test_wrong_use_of_the_command_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LEAP_DATA_DIR", str(tmp_path))
    for days, said in (
        ("", "nothing is published yet"),
        ("yesterday", "'yesterday' is not a range of days"),
        ("2025-01-31...2025-01-01", "ends before it starts"),
    ):
        assert main(["--days", days]) == 2
        assert said in capsys.readouterr().out
    monkeypatch.setenv("LEAP_ENGINE", "spark")
    monkeypatch.setenv("SPARK_REMOTE", "sc://nowhere")
    assert main([]) == 2
    assert "cannot be verified" in capsys.readouterr().out
