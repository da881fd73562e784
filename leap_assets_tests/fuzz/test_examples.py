"""What the fuzzer has found, one small input each, and a short run of it."""

import datetime as dt
import io
import json
import os
import random
import time
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leap_assets.landing import records
from leap_assets.landing.files import LandingError, list_files
from leap_assets.landing.relations import find_unreadable
from leap_assets.settings import SettingsError, load_settings
from leap_assets_tests.fuzz import oracle
from leap_assets_tests.fuzz.campaign import (
    BATCH_LIMIT_CPU_S,
    IDLE_LIMIT_S,
    Running,
    _cpu_s,
    _try,
    make_input,
    run_batch,
)
from leap_assets_tests.fuzz.inputs import DAY, MAKERS, Delivered, make_settings
from leap_assets_tests.fuzz.trials import FindingError, Trials, open_trials, try_settings

LINES = {
    ".ndjson": oracle.ndjson_lines,
    ".json": oracle.json_lines,
    ".csv": lambda data: oracle.csv_lines(data)[1],
}


@pytest.fixture
def trials():
    with open_trials() as opened:
        yield opened


def text_file(
    log: str, name: str, data: str | bytes, *, good: list[str] = (), may_refuse: bool = False
) -> Delivered:
    data = data if isinstance(data, bytes) else data.encode()
    lines = tuple(LINES[name[name.index(".") :]](data))
    return Delivered(log, name, data, lines, frozenset(line.encode() for line in good), may_refuse)


def session(**changes: object) -> str:
    record = {
        "player_id": "p",
        "session_id": "s",
        "event_date_time": "2025-01-10T12:00:00Z",
        "event_length_seconds": 60,
    }
    return json.dumps(record | changes)


def sign_on(**changes: object) -> str:
    return json.dumps({"player_id": "p", "event_date_time": "2025-01-10T12:00:00Z"} | changes)


def parquet_file(log: str, **columns: pa.Array) -> Delivered:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="none")
    rows = len(next(iter(columns.values())))
    return Delivered(log, "x.parquet", sink.getvalue(), tuple((n, b"") for n in range(1, rows + 1)))


@pytest.mark.parametrize("seconds", [-(9 * 10**18), 9 * 10**18, -(2**63), 2**63 - 1])
def test_a_session_of_any_length_is_one_rejected_line(trials, seconds):
    trials.try_files(
        [
            text_file(
                "session",
                "x.ndjson",
                "\n".join([session(event_length_seconds=seconds), session()]),
                good=[session()],
            )
        ]
    )


@pytest.mark.parametrize(
    "time",
    ["290309-12-22 (BC) 00:00:00", "294247-01-10T04:00:54.775806Z", "294246-12-31T00:00:00+15:59", "infinity", "9999-12-31", "0001-01-01"],
)  # fmt: skip
@pytest.mark.parametrize("log", ["session", "signons"])
def test_a_time_at_the_end_of_all_times_is_one_rejected_line(trials, time, log):
    make = session if log == "session" else sign_on
    trials.try_files([text_file(log, "x.ndjson", f"{make(event_date_time=time)}\n{make()}", good=[make()])])
    assert trials.counts["rejected"] == 1


ZONED = "2025-01-10 12:00:00 -05:00"


@pytest.mark.parametrize(
    "time", ["290309-12-22 (BC) 00:00:00", "290309-12-22 (BC) 00:00:00 Europe/Berlin", "294247-01-10 03:00:54 America/New_York"]
)  # fmt: skip
def test_a_time_at_the_end_of_all_times_behind_one_with_an_offset_is_one_rejected_line(trials, time):
    lines = [sign_on(event_date_time=text) for text in (ZONED, time, "2025-01-10T12:00:00Z")]
    trials.try_files([text_file("signons", "x.ndjson", "\n".join(lines), good=[lines[0], lines[2]])])
    assert (trials.counts["valid"], trials.counts["rejected"]) == (2, 1)


@pytest.mark.parametrize("value", ["[" * 5000 + "]" * 5000, '{"a":' * 1500 + "1" + "}" * 1500, "9" * 5000])
def test_a_deep_or_huge_element_of_an_array_takes_no_other_along(trials, value):
    odd = sign_on()[:-1] + f', "more": {value}}}'
    data = f"[{sign_on()}, {odd}, {sign_on()}]"
    trials.try_files([text_file("signons", "x.json", data, good=[sign_on(), odd])])
    assert trials.counts["valid"] == 3


def test_an_array_that_ends_deep_inside_keeps_its_rest_as_one_line(trials):
    trials.try_files([text_file("signons", "x.json", f"[{sign_on()}, " + "[" * 20_000, good=[sign_on()])])
    assert (trials.counts["valid"], trials.counts["rejected"]) == (1, 1)


@pytest.mark.parametrize("spaces", [" ", "\n", "\r\n", "\r\r\n", "\t"])
def test_an_array_behind_many_spaces_is_an_array(trials, monkeypatch, spaces):
    monkeypatch.setattr("leap_assets.landing.records.BLOCK_BYTES", 64)
    data = f"{spaces * 200}[{sign_on()},\n{sign_on()}]"
    trials.try_files([text_file("signons", "x.json", data, good=[sign_on()])])
    assert trials.counts["valid"] == 2


CSV = "player_id,event_date_time,platform\n"


@pytest.mark.parametrize("char", ["\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x0b", "\x0c"])
def test_no_character_but_a_line_feed_ends_a_record_with_quotes(trials, char):
    line = f'"p,1",2025-01-10T12:00:00Z,a{char}b'
    trials.try_files([text_file("signons", "x.csv", f"{CSV}{line}\n", good=[line])])


def test_a_quoted_field_may_be_as_long_as_one_without_quotes(trials):
    line = f'"p,{"x" * 200_000}",2025-01-10T12:00:00Z,pc'
    trials.try_files([text_file("signons", "x.csv", f"{CSV}{line}\n", good=[line])])


@pytest.mark.parametrize("before", ["\n", "\r\n\r\n", "\n" * 100])
def test_empty_lines_before_a_header_lose_no_line(trials, monkeypatch, before):
    monkeypatch.setattr("leap_assets.landing.records.BLOCK_BYTES", 64)
    line = "p1,2025-01-10T12:00:00Z,pc"
    trials.try_files([text_file("signons", "x.csv", f"{before}{CSV}{line}\n", good=[line])])
    assert trials.counts["valid"] == 1


def test_a_quote_that_stays_open_in_the_header_takes_no_line_along(trials):
    data = 'player_id,event_date_time,"platform\np1,2025-01-10T12:00:00Z,"\np2,2025-01-10T12:00:00Z,x\n'
    trials.try_files([Delivered("signons", "x.csv", data.encode(), (), may_refuse=True)])
    assert trials.counts["refused"] == 1


def test_a_line_of_carriage_returns_is_a_line(trials):
    trials.try_files([text_file("signons", "x.ndjson", b"\r\r\n\r\n\n\r\r")])
    assert trials.counts["rejected"] == 2


def test_a_line_over_many_blocks_takes_no_time_of_its_square(trials, monkeypatch):
    monkeypatch.setattr("leap_assets.landing.records.BLOCK_BYTES", 16)
    line = sign_on(more="x" * 1_000_000)
    began = time.process_time()
    trials.try_files([text_file("signons", "x.ndjson", line, good=[line])])
    # seconds, and half a minute when every block copied what came before
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "name",
    ["delivery_date", "DELIVERY_DATE", "source_file", "line_number", "is_parsed", "landed_row", "reason", "started", "raw_player_id", "it's", 'q"', "", "a\nb"],
)  # fmt: skip
def test_a_parquet_column_of_any_name_changes_nothing(trials, name):
    times = pa.array([dt.datetime(2025, 1, 10, 12)] * 2, pa.timestamp("us"))
    columns = {
        "player_id": pa.array(["p", None]),
        "event_date_time": times,
        name: pa.array(["1999-01-01"] * 2),
    }
    trials.try_files([parquet_file("signons", **columns)])
    assert (trials.counts["valid"], trials.counts["rejected"]) == (1, 1)


@pytest.mark.parametrize("name", ["landed_path", "File_Row_Number"])
def test_a_parquet_column_of_a_taken_name_is_refused_with_a_remedy(trials, name):
    file = parquet_file("signons", player_id=pa.array(["p"]), **{name: pa.array(["x"])})
    trials.try_files([Delivered(file.log, file.name, file.data, file.lines, may_refuse=True)])
    assert trials.counts["refused"] == 1


def test_folders_named_like_partitions_give_no_columns(tmp_path):
    trials = Trials(tmp_path / "platform=pc" / "player_id=9")
    times = pa.array([dt.datetime(2025, 1, 10, 12)], pa.timestamp("us"))
    trials.try_files([parquet_file("signons", player_id=pa.array(["p"]), event_date_time=times)])
    rows = trials._connection.execute("select player_id, platform from leap_raw.event_signons").fetchall()
    assert rows == [("p", None)]
    trials.close()


TIMES = [-(2**63) + 1, 2**63 - 1, 0]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(TIMES).view(pa.timestamp("us", tz="UTC")),
        pa.array(TIMES).view(pa.timestamp("us")),
        pa.array(TIMES).view(pa.timestamp("ns")),
        pa.array([-(2**31) + 2, 2**31 - 2, 0], pa.int32()).view(pa.date32()),
    ],
    ids=lambda values: str(values.type),
)
@pytest.mark.parametrize("log", ["session", "signons", "client"])
def test_parquet_times_at_the_end_of_all_times_are_rejected_lines(trials, values, log):
    name = "timestamp" if log == "client" else "event_date_time"
    trials.try_files([parquet_file(log, player_id=pa.array(["a", "b", "c"]), **{name: values})])
    assert trials.counts["rejected"] == 3


def test_a_parquet_day_given_as_a_time_at_the_end_of_all_times_is_a_rejected_line(trials):
    times = pa.array([-(2**63) + 1, 2**63 - 2], pa.int64()).view(pa.timestamp("us", tz="UTC"))
    trials.try_files([parquet_file("product", purchase_item=pa.array(["a", "b"]), available_from=times)])
    assert trials.counts["rejected"] == 2


def test_parquet_values_that_cannot_be_read_refuse_the_file(trials):
    spoiled = {
        "text that is not UTF-8": pa.array([b"\xff\xfe"], pa.binary()).view(pa.string()),
        "no time at all": pa.array([-(2**63)]).view(pa.timestamp("us")),
    }
    for nth, values in enumerate(spoiled.values(), 1):
        file = parquet_file("signons", player_id=pa.array(["p"]), platform=values)
        trials.try_files([Delivered(file.log, file.name, file.data, file.lines, may_refuse=True)])
        assert trials.counts["refused"] == nth


def test_a_damaged_page_refuses_the_file_whatever_its_columns_are_called(trials):
    file = parquet_file("signons", player_id=pa.array(["p" * 50] * 9), scan=pa.array(["x"] * 9))
    data = file.data.replace(b"p" * 50, b"\xff" * 50)
    assert data != file.data
    trials.try_files([Delivered(file.log, file.name, data, None, may_refuse=True)])
    assert trials.counts["refused"] == 1


def test_damage_that_fails_only_once_names_the_files_it_may_be_in(tmp_path):
    # DuckDB read beyond the page: what stood there made the value too large, or not
    folder = tmp_path / "signons" / DAY.isoformat()
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        pq.write_table(pa.table({"player_id": ["p"]}), folder / f"{name}.parquet")
    files = list_files(tmp_path, "signons", [DAY])
    error = duckdb.Error("Payload value bigger than allowed. Corrupted file?")
    with duckdb.connect() as connection:
        one = str(find_unreadable(connection, files[:1], error))
        assert one.startswith(f"{files[0].path} cannot be read (Payload value")
        several = str(find_unreadable(connection, files, error))
        assert several.startswith(f"One of {files[0].path}, {files[1].path} cannot be read (Payload value")
        assert find_unreadable(connection, files, duckdb.OutOfMemoryException("no memory")) is None


def test_a_decimal_that_rounding_takes_out_of_its_type_is_a_rejected_line(trials):
    kills = pa.array([Decimal("9." + "9" * 37)], pa.decimal128(38, 37))
    trials.try_files([parquet_file("session", player_id=pa.array(["p"]), kills=kills)])
    assert trials.counts["rejected"] == 1


@pytest.mark.parametrize("values", [pa.array([7]), pa.array([{"a": 1}]), pa.array([b"x"]), pa.array([[1]])])
def test_an_event_type_of_any_parquet_type_is_a_rejected_line(trials, values):
    trials.try_files([parquet_file("client", event_id=pa.array(["e"]), event_type=values)])
    assert trials.counts["rejected"] == 1


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    folder = tmp_path / "signons" / DAY.isoformat()
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.ndjson")
    with pytest.raises(LandingError, match="not a file"):
        list_files(tmp_path, "signons", [DAY])
    (folder / "pipe.ndjson").unlink()
    (folder / "link.ndjson").symlink_to(tmp_path / "nowhere")
    with pytest.raises(LandingError, match="leads nowhere"):
        list_files(tmp_path, "signons", [DAY])
    (folder / "link.ndjson").unlink()
    (folder / os.fsdecode(b"\xff.ndjson")).write_bytes(b"")
    with pytest.raises(LandingError, match="Rename it"):
        list_files(tmp_path, "signons", [DAY])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LEAP_SEED", "1" + "0" * 400),
        ("LEAP_INITIAL_PLAYERS", "9" * 400),
        ("LEAP_SIM_MAX_SESSIONS", "9" * 4000),
        ("LEAP_SEED", "9" * 5000),
        ("LEAP_DATA_DIR", "~nobody-of-this-name/x"),
        ("LEAP_SOURCE", "x" * 5000),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_in_few_words(variable, value):
    with pytest.raises(SettingsError) as refusal:
        load_settings({variable: value})
    assert "LEAP_" in str(refusal.value)
    assert len(str(refusal.value)) < 1000


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.randoms(use_true_random=False), kind=st.sampled_from(list(MAKERS)))
def test_no_delivery_is_a_finding(draw, kind):
    with open_trials() as trials:
        trials.try_files([MAKERS[kind][0](draw)])


def test_a_short_run_of_the_fuzzer_finds_nothing():
    with open_trials() as trials:
        counts, findings = run_batch(trials, 20250101, range(300))
    assert findings == []
    assert counts["lines"] == counts["valid"] + counts["rejected"] > 300
    # of mapped sources
    assert counts["sources accepted"] > 0
    assert counts["delivered records"] == sum(
        counts[f"delivered {fate}"] for fate in ("rows", "unreadable", "ignored")
    )
    assert counts["delivered lines"] == counts["delivered valid"] + counts["delivered rejected"] > 20


def test_an_input_is_made_again_from_its_number():
    assert [make_input(7, n) for n in range(50)] == [make_input(7, n) for n in range(50)]


def test_what_small_blocks_alone_bring_out_is_told_of_its_own_input(trials, monkeypatch):
    # an array is looked for in the first block alone, as it once was
    monkeypatch.setattr(
        records, "is_array", lambda file: next(records._blocks(file), b"").lstrip().startswith(b"[")
    )
    files = [f"[{sign_on()}]", b"\r\r\n" * 40 + b"["]
    members = [(number, text_file("signons", "x.json", data)) for number, data in enumerate(files)]
    found = []
    for draw in range(20):
        found += _try(trials, str(draw), members)
    assert found
    assert {number for number, _ in found} == {1}
    assert all("41 lines received, but there are 1" in text for _, text in found)


def test_a_batch_hangs_by_its_own_time_and_not_by_that_of_others():
    work = Running(0, since=0.0, began_cpu_s=7.0, cpu_s=7.0, moved=0.0)
    assert not work.hangs(7.1, 100 * IDLE_LIMIT_S)
    assert not work.hangs(7.1, 101 * IDLE_LIMIT_S)
    assert work.hangs(7.1, 101 * IDLE_LIMIT_S + 1)
    assert work.hangs(8.0 + BATCH_LIMIT_CPU_S, 101 * IDLE_LIMIT_S + 1)
    assert 0 < _cpu_s(os.getpid()) <= time.process_time() + 1


def test_the_fuzzer_sees_a_lost_line(trials, monkeypatch):
    real = records._table
    monkeypatch.setattr(records, "_table", lambda *arguments: real(*arguments).slice(1))
    with pytest.raises(FindingError, match="lines received"):
        trials.try_files([text_file("signons", "x.ndjson", f"{sign_on()}\n{sign_on()}\n")])


def test_the_fuzzer_sees_an_error_of_another_type(trials, monkeypatch):
    monkeypatch.setattr("leap_assets.landing.records._DECODER", None)
    with pytest.raises(FindingError, match="AttributeError"):
        trials.try_files([text_file("signons", "x.json", "[1]")])


def test_settings_from_the_fuzzer_are_accepted_or_refused():
    draw = random.Random(5)
    assert 0 < sum(try_settings(make_settings(draw)) for _ in range(500)) < 500
