"""Every way a delivery can look: formats, compressions, reasons for rejection, books, refusals."""

import contextlib
import datetime as dt
import gzip
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leap_assets.landing import files as landing_files
from leap_assets.landing.files import LandingError, TextError
from leap_assets.landing.ingestion import load_deliveries

DAY = dt.date(2025, 1, 10)
START = dt.date(2025, 1, 1)
RATES = {"USD": dt.date(2000, 1, 1), "EUR": dt.date(2000, 1, 1), "NEW": dt.date(2025, 1, 20)}


@pytest.fixture
def warehouse():
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def deliver(landing: Path, log: str, name: str, data: bytes | str, day: dt.date = DAY) -> Path:
    path = landing / log / day.isoformat() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def load(warehouse, landing: Path, log: str, days: list[dt.date] | None = None, **options):
    options = {"start_date": START, "rates": RATES} | options
    return load_deliveries(warehouse, landing, days or [DAY], logs=[log], **options)


def rejected(warehouse) -> list[tuple]:
    query = (
        "select line_number, reason, message from leap_raw.rejected_line order by source_file, line_number"
    )
    return warehouse.execute(query).fetchall()


def sign_on(n: int, **changes: object) -> str:
    record = {"player_id": f"p{n}", "event_date_time": "2025-01-10T12:00:00Z", "platform": "pc"} | changes
    return json.dumps({name: value for name, value in record.items() if value is not ...})


def sign_ons_as_parquet(path: Path, n: int) -> None:
    times = pa.array([dt.datetime(2025, 1, 10, 12)] * n, pa.timestamp("ms"))
    pq.write_table(pa.table({"player_id": [f"p{i}" for i in range(n)], "event_date_time": times}), path)


@pytest.mark.parametrize("compression", ["", ".gz", ".zst"])
@pytest.mark.parametrize("form", ["ndjson", "jsonl", "json-array", "json-lines", "csv"])
def test_every_format_and_compression_gives_the_same_rows(warehouse, landing, form, compression):
    records = [json.loads(sign_on(n)) for n in range(5)]
    lines = "\n".join(json.dumps(record) for record in records)
    csv_lines = "\n".join(",".join(record.values()) for record in records)
    text = {
        "json-array": json.dumps(records, indent=2),
        "csv": "player_id,event_date_time,platform\n" + csv_lines,
    }.get(form, lines)
    data = text.encode()
    if compression == ".gz":
        data = gzip.compress(data)
    elif compression == ".zst":
        data = pa.compress(data, codec="zstd", asbytes=True)
    deliver(landing, "signons", f"x.{form.split('-')[0]}{compression}", data)
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.received, loaded.valid, loaded.rejected) == (5, 5, 0)
    rows = warehouse.execute(
        "select player_id, event_date_time, platform, event_date, delivery_date from leap_raw.event_signons order by 1"
    ).fetchall()
    assert rows == [(f"p{n}", dt.datetime(2025, 1, 10, 12), "pc", DAY, DAY) for n in range(5)]


def test_an_offset_is_that_of_its_own_line_alone(warehouse, landing):
    times = {
        "2025-01-10 12:00:00 UTC": 12,
        "2025-01-10 12:00:00": 12,
        "2025-01-10T12:00:00Z": 12,
        "2025-01-10T12:00:00+02:00": 10,
        "2025-01-10": 0,
    }
    lines = [sign_on(n, event_date_time=text) for n, text in enumerate(times)]
    deliver(landing, "signons", "x.ndjson", "\n".join(lines))
    load(warehouse, landing, "signons")
    hours = warehouse.execute(
        "select hour(event_date_time) from leap_raw.event_signons order by player_id"
    ).fetchall()
    assert [hour for (hour,) in hours] == list(times.values())


def test_parquet_is_loaded(warehouse, landing):
    path = deliver(landing, "signons", "odd[1]*name?.parquet", b"")
    sign_ons_as_parquet(path, 3)
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.received, loaded.valid) == (3, 3)
    lines = warehouse.execute(
        "select line_number, source_file from leap_raw.event_signons order by 1"
    ).fetchall()
    assert lines == [(n, "signons/2025-01-10/odd[1]*name?.parquet") for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        (sign_on(1)[:-5], "unparsable", "cannot be read"),
        ("[1, 2]", "unparsable", "cannot be read"),
        ("17", "unparsable", "cannot be read"),
        ("null", "unparsable", "cannot be read"),
        ('{"player_id": "\\ud800"', "unparsable", "cannot be read"),
        (sign_on(1, player_id=...), "missing_required", "player_id is missing"),
        (sign_on(1, player_id=None), "missing_required", "player_id is missing"),
        (sign_on(1, player_id=""), "missing_required", "player_id is missing"),
        (sign_on(1, event_date_time="yesterday"), "wrong_type", "event_date_time: 'yesterday' is not a time"),
        (sign_on(1, event_date_time="infinity"), "wrong_type", "'infinity'"),
        (sign_on(1, event_date_time=1736510400), "wrong_type", "1736510400"),
        (sign_on(1, platform={"a": 1}), "wrong_type", "platform: '{\"a\":1}' is not a text"),
        (sign_on(1, platform=["pc"]), "wrong_type", "platform"),
        (
            sign_on(1, player_id=True),
            "wrong_type",
            "player_id: 'true' is not an id: it must be a text or a number",
        ),
        (sign_on(1, event_date_time="2025-01-12T00:00:00.000001Z"), "out_of_window", "more than 24 h after"),
        (sign_on(1, event_date_time="2025-01-06T23:59:59Z"), "out_of_window", "more than 72 h before"),
    ],
)
def test_a_bad_line_is_kept_with_its_reason(warehouse, landing, line, reason, said):
    deliver(landing, "signons", "x.ndjson", f"{sign_on(0)}\n{line}\n{sign_on(2)}\n")
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.received, loaded.valid, loaded.rejected) == (3, 2, 1)
    ((number, found, message),) = rejected(warehouse)
    assert (number, found) == (2, reason)
    assert said in message
    assert warehouse.execute("select raw_line from leap_raw.rejected_line").fetchall() == [(line,)]


@pytest.mark.parametrize(
    "line",
    [
        sign_on(1, event_date_time="2025-01-12T00:00:00Z"),
        sign_on(1, event_date_time="2025-01-07T00:00:00Z"),
        sign_on(1, event_date_time="2025-01-10 12:00:00"),
        sign_on(1, event_date_time="2025-01-10T14:00:00+02:00"),
        sign_on(1, player_id=17),
        sign_on(1, platform="true"),
        sign_on(1, platform="{curly}"),
        sign_on(1, platform=None),
        sign_on(1, something="more"),
        "  " + sign_on(1) + "\r",
    ],
)
def test_a_good_line_is_never_rejected(warehouse, landing, line):
    deliver(landing, "signons", "x.ndjson", line + "\n")
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.valid, loaded.rejected) == (1, 0), rejected(warehouse)


def test_bad_encoding_is_kept_as_escaped_bytes(warehouse, landing):
    deliver(landing, "signons", "x.ndjson", sign_on(1).encode().replace(b"pc", b"p\xffc") + b"\n")
    load(warehouse, landing, "signons")
    (row,) = warehouse.execute("select reason, raw_line from leap_raw.rejected_line").fetchall()
    assert row[0] == "unparsable"
    assert "p\\xFFc" in row[1]


SESSION = {
    "player_id": "p",
    "session_id": "s",
    "event_date_time": "2025-01-10T00:10:00Z",
    "country": "DE",
    "event_length_seconds": 1200,
    "kills": 1,
    "deaths": 0,
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kills": -1}, "value_not_allowed"),
        ({"kills": 1.5}, "wrong_type"),
        ({"kills": "1_0"}, "wrong_type"),
        ({"kills": 10**30}, "value_not_allowed"),
        ({"event_length_seconds": 86401}, "out_of_window"),
        ({"event_length_seconds": 86400}, None),
        ({"event_length_seconds": 9 * 10**18}, "out_of_window"),
        ({"event_date_time": "2025-01-07T00:10:00Z"}, "out_of_window"),
        ({}, None),
        ({"kills": "3", "deaths": 2.0}, None),
        ({"kills": None}, None),
    ],
)
def test_sessions_are_checked_by_when_they_started(warehouse, landing, changes, reason):
    deliver(landing, "session", "x.ndjson", json.dumps(SESSION | changes))
    load(warehouse, landing, "session")
    assert [row[1] for row in rejected(warehouse)] == ([reason] if reason else [])
    if reason is None:
        days = warehouse.execute("select event_date from leap_raw.event_session").fetchall()
        assert days == [(dt.date(2025, 1, 9),)]


TRANSACTION = (
    "transaction_id,player_id,event_date_time,purchase_item,purchase_price,currency,transaction_type"
)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('t,p,2025-01-10T12:00:00Z,"a, ""b""",9.99,USD,Skins', None),
        ("t,p,2025-01-10T12:00:00Z,a,-9.99,EUR,Skins", None),
        ("t,p,2025-01-10T12:00:00Z,a,9.99,usd,Skins", "value_not_allowed"),
        ("t,p,2025-01-10T12:00:00Z,a,9.99,XXX,Skins", "value_not_allowed"),
        ("t,p,2025-01-10T12:00:00Z,a,9.99,NEW,Skins", "value_not_allowed"),
        ("t,p,2025-01-10T12:00:00Z,a,9.99,USD,Hats", "value_not_allowed"),
        ("t,p,2025-01-10T12:00:00Z,a,nine,USD,Skins", "wrong_type"),
        ("t,p,2025-01-10T12:00:00Z,a,1_000,USD,Skins", "wrong_type"),
        ("t,p,2025-01-10T12:00:00Z,a,,USD,Skins", "missing_required"),
        ("t,p,2025-01-10T12:00:00Z,a,9.99,USD", "unparsable"),
        ("t,p,2025-01-10T12:00:00Z,a,9.99,USD,Skins,more", "unparsable"),
        ('t,p,2025-01-10T12:00:00Z,"a,9.99,USD,Skins', "unparsable"),
    ],
)
def test_csv_lines_are_checked(warehouse, landing, line, reason):
    good = "g,p,2025-01-10T12:00:00Z,a,1,USD,Skins"
    deliver(landing, "transaction", "x.csv", f"{TRANSACTION}\n{good}\n{line}\nh{good}\n")
    (loaded,) = load(warehouse, landing, "transaction")
    assert loaded.received == 3
    assert [row[:2] for row in rejected(warehouse)] == ([(3, reason)] if reason else [])


def test_a_currency_that_is_not_three_letters_is_said_to_be_none(warehouse, landing):
    lines = [f"item,Skins,1,{currency}" for currency in ("USD", "USDX", "XUSD")]
    deliver(landing, "product", "x.csv", "\n".join(["purchase_item,transaction_type,price,currency", *lines]))
    load(warehouse, landing, "product")
    assert [row[:2] for row in rejected(warehouse)] == [(3, "value_not_allowed"), (4, "value_not_allowed")]
    assert all("does not have the form [A-Z]{3}" in message for *_, message in rejected(warehouse))


def test_a_rate_is_there_from_its_first_day_on(warehouse, landing):
    days = [dt.date(2025, 1, 19), dt.date(2025, 1, 20)]
    for day in days:
        line = f"t{day},p,{day}T12:00:00Z,a,9.99,NEW,Skins"
        deliver(landing, "transaction", "x.csv", f"{TRANSACTION}\n{line}\n", day=day)
    loaded = load(warehouse, landing, "transaction", days)
    assert [row.valid for row in loaded] == [0, 1]


def test_files_are_counted_by_their_day_and_their_endings_read_in_capitals_too(warehouse, landing):
    days = [DAY, DAY + dt.timedelta(days=1)]
    deliver(landing, "signons", "x.NDJSON", sign_on(1))
    deliver(landing, "signons", "x.Json.GZ", gzip.compress(f"[{sign_on(2)}]".encode()))
    deliver(landing, "signons", "x.ndjson", sign_on(3), day=days[1])
    loaded = load(warehouse, landing, "signons", days)
    assert [(row.files, row.valid) for row in loaded] == [(2, 2), (1, 1)]


def test_the_first_moment_of_the_first_day_is_in_the_window(warehouse, landing):
    times = ("2025-01-09T23:59:59.999999Z", "2025-01-10T00:00:00Z")
    deliver(
        landing, "signons", "x.ndjson", "\n".join(sign_on(n, event_date_time=t) for n, t in enumerate(times))
    )
    load(warehouse, landing, "signons", start_date=DAY)
    ((number, reason, message),) = rejected(warehouse)
    assert (number, reason) == (1, "out_of_window")
    assert "before the first day of the warehouse, 2025-01-10" in message


def test_a_parquet_number_with_a_fraction_is_no_whole_number(warehouse, landing):
    path = deliver(landing, "session", "x.parquet", b"")
    lines = [SESSION | {"session_id": f"s{n}", "kills": kills} for n, kills in enumerate((3.0, 3.7, None))]
    pq.write_table(pa.Table.from_pylist(lines), path)
    load(warehouse, landing, "session")
    assert [row[:2] for row in rejected(warehouse)] == [(2, "wrong_type")]


def test_stray_quotes_take_no_line_between_them_along(warehouse, landing):
    good = "g,p,2025-01-10T12:00:00Z,a,1,USD,Skins"
    opened, closed = 't,p,2025-01-10T12:00:00Z,"a,1,USD,Skins', 't",p'
    deliver(landing, "transaction", "x.csv", "\n".join([TRANSACTION, opened, good, closed]))
    (loaded,) = load(warehouse, landing, "transaction")
    assert (loaded.received, loaded.valid) == (3, 1)
    assert [row[:2] for row in rejected(warehouse)] == [(2, "unparsable"), (4, "unparsable")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_empty_lines_are_no_lines_but_are_counted_on(warehouse, landing, end):
    deliver(landing, "signons", "x.ndjson", end.join([sign_on(1), "", "", sign_on(2), "broken", "", ""]))
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.received, loaded.valid) == (3, 2)
    assert [row[0] for row in rejected(warehouse)] == [5]


def test_an_array_that_is_cut_off_between_two_elements_has_a_bad_line(warehouse, landing):
    deliver(landing, "signons", "x.json", f"[{sign_on(1)},")
    load(warehouse, landing, "signons")
    assert [row[:2] for row in rejected(warehouse)] == [(2, "unparsable")]


def test_a_byte_order_mark_belongs_to_no_line(warehouse, landing):
    mark = "\ufeff"
    deliver(landing, "signons", "x.ndjson", mark + sign_on(1))
    deliver(landing, "signons", "x.json", f"{mark}[{sign_on(2)}]")
    deliver(landing, "signons", "x.csv", f"{mark}player_id,event_date_time\np3,2025-01-10T12:00:00Z\n")
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.received, loaded.valid) == (3, 3), rejected(warehouse)


def test_a_quoted_csv_field_may_hold_line_ends(warehouse, landing, monkeypatch):
    monkeypatch.setattr("leap_assets.landing.records.BLOCK_BYTES", 50)
    line = 't{},p,2025-01-10T12:00:00Z,"two\nlines, one\nfield",9.99,USD,Skins'
    deliver(landing, "transaction", "x.csv", TRANSACTION + "\n" + "\n".join(line.format(n) for n in range(9)))
    (loaded,) = load(warehouse, landing, "transaction")
    assert (loaded.received, loaded.valid) == (9, 9), rejected(warehouse)
    lines = warehouse.execute("select line_number from leap_raw.event_transaction order by 1").fetchall()
    assert lines == [(2 + 3 * n,) for n in range(9)]


def test_a_parquet_column_of_another_type_is_wrong_type(warehouse, landing):
    path = deliver(landing, "session", "x.parquet", b"")
    pq.write_table(
        pa.table(
            {
                "player_id": [1, 2],
                "session_id": ["a", "b"],
                "event_date_time": ["2025-01-10T12:00:00Z", "noon"],
                "event_length_seconds": [60.0, 61.5],
                "kills": [[1], [2]],
            }
        ),
        path,
    )
    load(warehouse, landing, "session")
    assert [row[:2] for row in rejected(warehouse)] == [(1, "wrong_type"), (2, "wrong_type")]
    raw = warehouse.execute("select raw_line from leap_raw.rejected_line order by line_number").fetchall()
    assert json.loads(raw[1][0])["event_date_time"] == "noon"


def test_positions_that_are_no_numbers_are_rejected(warehouse, landing):
    path = deliver(landing, "heartbeat", "x.parquet", b"")
    n = 4
    columns = {name: ["a"] * n for name in ("player_id", "session_id", "team_id")}
    times = pa.array([dt.datetime(2025, 1, 10, 12, 0, i) for i in range(n)], pa.timestamp("us", tz="UTC"))
    x = [1.0, float("nan"), float("inf"), None]
    axes = {"position_x": x, "position_y": [0.0] * n, "position_z": [None] * n}
    pq.write_table(pa.table({**columns, "event_date_time": times, **axes}), path)
    load(warehouse, landing, "heartbeat")
    assert [row[:2] for row in rejected(warehouse)] == [
        (2, "value_not_allowed"),
        (3, "value_not_allowed"),
        (4, "missing_required"),
    ]


def event(event_type: str = "level_complete", properties: object = ..., **changes: object) -> str:
    if properties is ...:
        properties = {"level": 3, "time_spent": 41.5, "success": True, "score": 120}
    record = {
        "event_id": "e1",
        "player_id": "p",
        "session_id": None,
        "event_type": event_type,
        "timestamp": "2025-01-10T12:00:00Z",
        "properties": properties,
    }
    record |= changes
    return json.dumps({name: value for name, value in record.items() if value is not ...})


PURCHASE = {"product": "hat", "price": 4.99, "currency": "USD"}


@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        (event(), None, ""),
        (event(properties={"level": 3, "something_new": [1, 2]}), None, ""),
        (event("session_start", properties=...), None, ""),
        (event("session_start", properties=None), None, ""),
        (event("session_start", properties={"level": "not of this event"}), None, ""),
        (event("purchase", properties=PURCHASE), None, ""),
        (event("ad_watched", properties={"revenue": 0.0125}), None, ""),
        (event(properties=json.dumps({"level": 3})), None, ""),
        (event(properties=[1]), "wrong_type", "properties: '[1]' is not an object"),
        (
            event(properties={"level": "three"}),
            "wrong_type",
            "properties.level: 'three' is not a whole number",
        ),
        (event(properties={"level": 2.5}), "wrong_type", "properties.level: '2.5'"),
        (event(properties={"level": 2, "success": "maybe"}), "wrong_type", "properties.success"),
        (event("purchase", properties=PURCHASE | {"product": {"a": 1}}), "wrong_type", "properties.product"),
        (event("purchase", properties=PURCHASE | {"product": True}), "wrong_type", "properties.product"),
        (event(properties={}), "missing_required", "properties.level is missing"),
        (event(properties=None), "missing_required", "properties.level is missing"),
        (event("purchase", properties={"product": "hat"}), "missing_required", "properties.price is missing"),
        (event("purchase", properties=PURCHASE | {"price": -1}), "value_not_allowed", "properties.price"),
        (
            event("purchase", properties=PURCHASE | {"currency": "XXX"}),
            "value_not_allowed",
            "no exchange rate",
        ),
        (event("ad_watched", properties={"revenue": 1, "currency": "XXX"}), "value_not_allowed", "XXX"),
        (
            event("level_finish"),
            "unknown_event_type",
            "event_type: 'level_finish' is not one of session_start",
        ),
        (event(event_type=None), "missing_required", "event_type is missing"),
        (event(timestamp="2025-02-10T12:00:00Z"), "out_of_window", "more than 24 h after"),
    ],
)
def test_properties_are_checked_by_the_type_of_their_event(warehouse, landing, line, reason, said):
    deliver(landing, "client", "x.ndjson", line)
    load(warehouse, landing, "client")
    found = rejected(warehouse)
    assert [row[1] for row in found] == ([reason] if reason else [])
    if reason:
        assert said in found[0][2]


def test_known_properties_are_typed_and_the_others_kept(warehouse, landing):
    lines = [
        event(properties={"level": 3, "time_spent": 41.5, "success": True, "new": 1}),
        event("ad_watched", {"ad_type": "banner", "revenue": 0.000125}, event_id="e2"),
        event("purchase", PURCHASE, event_id="e3"),
    ]
    deliver(landing, "client", "x.ndjson", "\n".join(lines))
    load(warehouse, landing, "client")
    rows = warehouse.execute(
        """select level, time_spent, success, ad_type, revenue, product, price, currency, properties::json ->> 'new'
        from leap_raw.event_client order by event_id"""
    ).fetchall()
    assert rows == [
        (3, Decimal("41.5"), True, None, None, None, None, None, "1"),
        (None, None, None, "banner", Decimal("0.000125"), None, None, None, None),
        (None, None, None, None, None, "hat", Decimal("4.99"), "USD", None),
    ]


def test_nested_properties_of_a_parquet_file_are_read(warehouse, landing):
    path = deliver(landing, "client", "x.parquet", b"")
    columns = {
        "event_id": ["a", "b"],
        "player_id": ["p", "p"],
        "event_type": ["level_start", "level_start"],
        "timestamp": pa.array([dt.datetime(2025, 1, 10)] * 2, pa.timestamp("us")),
        "properties": [{"level": 4}, {"level": None}],
    }
    pq.write_table(pa.table(columns), path)
    load(warehouse, landing, "client")
    assert warehouse.execute("select event_id, level from leap_raw.event_client").fetchall() == [("a", 4)]
    assert [row[1] for row in rejected(warehouse)] == ["missing_required"]


def test_running_a_day_again_replaces_it_also_when_its_files_are_gone(warehouse, landing):
    path = deliver(landing, "signons", "x.ndjson", sign_on(1) + "\nbroken\n")
    load(warehouse, landing, "signons")
    load(warehouse, landing, "signons")
    assert warehouse.execute("select count(*) from leap_raw.event_signons").fetchall() == [(1,)]
    path.unlink()
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.files, loaded.received) == (0, 0)
    for table in ("event_signons", "rejected_line"):
        assert warehouse.execute(f"select count(*) from leap_raw.{table}").fetchall() == [(0,)]
    assert warehouse.execute("select log, files, received from leap_raw.delivery").fetchall() == [
        ("signons", 0, 0)
    ]


def damaged_gzip(landing: Path) -> Path:
    return deliver(landing, "signons", "x.ndjson.gz", gzip.compress((sign_on(1) * 99).encode())[:-20])


def not_parquet(landing: Path) -> Path:
    return deliver(landing, "signons", "x.parquet", b"hello")


def a_directory(landing: Path) -> Path:
    path = landing / "signons" / "2025-01-10" / "x.ndjson"
    path.mkdir(parents=True)
    return path


def a_file_for_a_folder(landing: Path) -> Path:
    path = landing / "signons" / "2025-01-10"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("hello")
    return path


def a_note(landing: Path) -> Path:
    return deliver(landing, "signons", "notes.txt", "hello")


def no_header(landing: Path) -> Path:
    return deliver(landing, "signons", "x.csv", "p1,2025-01-10T12:00:00Z,pc\n")


def other_columns(landing: Path) -> Path:
    path = deliver(landing, "signons", "x.parquet", b"")
    pq.write_table(pa.table({"a": [1]}), path)
    return path


def another_day(landing: Path) -> Path:
    lines = [sign_on(n, event_date_time="2025-03-01T12:00:00Z") for n in range(12)]
    return deliver(landing, "signons", "x.ndjson", "\n".join(lines))


@pytest.mark.parametrize(
    "drop",
    [
        damaged_gzip,
        not_parquet,
        a_directory,
        a_file_for_a_folder,
        a_note,
        no_header,
        other_columns,
        another_day,
    ],
)
def test_what_cannot_be_a_delivery_is_refused_and_changes_nothing(warehouse, landing, drop):
    other = DAY - dt.timedelta(days=1)
    deliver(landing, "signons", "good.ndjson", sign_on(1), other)
    load(warehouse, landing, "signons", [other])
    before = warehouse.execute("select * from leap_raw.event_signons").fetchall()
    path = drop(landing)
    with pytest.raises(LandingError, match="nothing was loaded") as refusal:
        load(warehouse, landing, "signons", [other, DAY])
    assert str(path) in str(refusal.value)
    assert warehouse.execute("select * from leap_raw.event_signons").fetchall() == before
    assert warehouse.execute("select count(*) from leap_raw.delivery").fetchall() == [(1,)]


@pytest.mark.parametrize(("lines", "is_refused"), [(9, False), (10, True)])
def test_a_file_of_another_day_is_refused_from_ten_lines_on(warehouse, landing, lines, is_refused):
    early = "\n".join(sign_on(n, event_date_time="2025-01-20T12:00:00Z") for n in range(lines))
    deliver(landing, "signons", "x.ndjson", early)
    if is_refused:
        with pytest.raises(LandingError, match="belongs to another day"):
            load(warehouse, landing, "signons")
    else:
        load(warehouse, landing, "signons")
        assert len(rejected(warehouse)) == lines


def test_an_empty_file_and_a_missing_log_are_said_and_bring_nothing(warehouse, landing):
    path = deliver(landing, "signons", "x.ndjson", "")
    deliver(landing, "signons", "y.csv", "player_id,event_date_time\n")
    said: list[str] = []
    (loaded,) = load(warehouse, landing, "signons", say=said.append)
    assert (loaded.files, loaded.received) == (2, 0)
    assert str(path) in said[0]
    (loaded,) = load(warehouse, landing, "heartbeat")
    assert (loaded.files, loaded.received) == (0, 0)


def test_unfinished_and_hidden_files_are_left_alone(warehouse, landing):
    for name in (".x.ndjson", "x.ndjson.part", "x.ndjson.tmp"):
        deliver(landing, "signons", name, sign_on(1))
    (loaded,) = load(warehouse, landing, "signons")
    assert loaded.files == 0


def test_what_no_run_will_read_is_found(landing):
    deliver(landing, "signons", "x.ndjson", sign_on(1))
    (landing / "sesion" / "2025-01-10").mkdir(parents=True)
    (landing / "signons" / "2025-1-1").mkdir()
    strays = landing_files.find_strays(landing)
    assert [str(landing / "sesion") in strays[0], "2025-1-1" in strays[1], len(strays)] == [True, True, 2]


def test_a_file_name_cannot_escape_into_sql(warehouse, landing):
    name = "x'; drop table leap_raw.delivery; --\n.ndjson"
    deliver(landing, "signons", name, sign_on(1) + "\nbroken")
    path = deliver(landing, "signons", "x'); select 1; --.parquet", b"")
    sign_ons_as_parquet(path, 1)
    (loaded,) = load(warehouse, landing, "signons")
    assert (loaded.files, loaded.received, loaded.rejected) == (2, 3, 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [b'"', b"\n", b"\r\n", b",", b'{"player_id":', b"}", b"[", b"]", b"\x00", b"\xff"]
            ),
        ),
        max_size=30,
    ).map(b"".join),
    form=st.sampled_from(["ndjson", "json", "csv"]),
    block=st.sampled_from([7, 64, 1 << 20]),
)
def test_no_bytes_crash_the_readers_or_unbalance_the_books(tmp_path, data, form, block):
    landing = tmp_path / "landing"
    prefix = b"player_id,event_date_time,platform\n" if form == "csv" else b""
    deliver(landing, "signons", f"x.{form}", prefix + data)
    with duckdb.connect() as warehouse, pytest.MonkeyPatch.context() as patch:
        patch.setattr("leap_assets.landing.records.BLOCK_BYTES", block)
        warehouse.execute("set TimeZone = 'UTC'")
        # what looks like UTF-16 is refused by its name
        with contextlib.suppress(TextError):
            (loaded,) = load(warehouse, landing, "signons")
            assert loaded.received == loaded.valid + loaded.rejected
    (landing / "signons" / "2025-01-10" / f"x.{form}").unlink()


def test_many_small_batches_give_the_same_rows(warehouse, landing, monkeypatch):
    for n in range(6):
        lines = [sign_on(10 * n + i) for i in range(10)]
        lines[n : n + n % 3] = ["not a line"] * (n % 3)
        deliver(landing, "signons", f"{n}.ndjson", "\n".join(lines))
    load(warehouse, landing, "signons")
    queries = [f"select * from leap_raw.{table} order by all" for table in ("event_signons", "rejected_line")]
    at_once = [warehouse.execute(query).fetchall() for query in queries]
    monkeypatch.setattr("leap_assets.landing.relations.BATCH_LINES", 3)
    monkeypatch.setattr("leap_assets.landing.ingestion.REREAD_LINES", 15)
    monkeypatch.setattr("leap_assets.landing.ingestion.STREAMED_LINES", 15)
    monkeypatch.setattr("leap_assets.landing.records.BLOCK_BYTES", 100)
    load(warehouse, landing, "signons")
    assert [warehouse.execute(query).fetchall() for query in queries] == at_once
    assert [len(rows) for rows in at_once] == [54, 6]
