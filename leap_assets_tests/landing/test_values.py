"""What a value of each column may be: ids, times, lengths and bounds, at the ends of what is allowed and beyond."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leap_assets.landing.contracts import CONTRACTS, SESSION_MAX_HOURS, Column, Contract
from leap_assets.landing.files import LandingError
from leap_assets_tests.landing.test_ingestion import (
    DAY,
    SESSION,
    deliver,
    event,
    landing,
    load,
    rejected,
    sign_on,
    warehouse,
)

__all__ = ["landing", "warehouse"]
AT = dt.datetime(2025, 1, 10, 12)


def players(warehouse: duckdb.DuckDBPyConnection, table: str = "event_signons") -> list[Any]:
    rows = warehouse.execute(f"select player_id from leap_raw.{table} order by line_number").fetchall()
    return [player for (player,) in rows]


def deliver_parquet(landing: Path, log: str, columns: dict[str, pa.Array]) -> Path:
    path = deliver(landing, log, "x.parquet", b"")
    pq.write_table(pa.table(columns), path)
    return path


def sign_ons_of(ids: pa.Array) -> dict[str, pa.Array]:
    return {"player_id": ids, "event_date_time": pa.array([AT] * len(ids), pa.timestamp("us"))}


def json_sign_on(player_id: str) -> str:
    return f'{{"player_id": {player_id}, "event_date_time": "2025-01-10T12:00:00Z"}}'


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("17", "17"),
        ("17.0", "17"),
        ("1.7e1", "17"),
        ("-0.0", "0"),
        ("17.50", "17.5"),
        ('"17.0"', "17.0"),
        ('"1e2"', "1e2"),
        ('"017"', "017"),
        ("9007199254740992.0", "9007199254740992"),
        ("76561198000000001", "76561198000000001"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ('"3e5f0000-0000-4000-8000-000000000000"', "3e5f0000-0000-4000-8000-000000000000"),
        ('"~"', "~"),
        ('"\\u200bp"', "\u200bp"),
        ('"\u65e5"', "\u65e5"),
        ('"Nan"', "Nan"),
    ],
)
def test_an_id_in_json_is_its_text_and_a_whole_double_that_whole_number(warehouse, landing, written, read):
    deliver(landing, "signons", "x.ndjson", json_sign_on(written))
    load(warehouse, landing, "signons")
    assert players(warehouse) == [read], rejected(warehouse)


@pytest.mark.parametrize("written", ["9007199254740994.0", "7.6561198e+16", "-1e300"])
def test_a_number_in_json_that_has_lost_digits_is_no_id(warehouse, landing, written):
    deliver(landing, "signons", "x.ndjson", json_sign_on(written))
    load(warehouse, landing, "signons")
    ((_, reason, message),) = rejected(warehouse)
    assert (reason, "lost digits" in message) == ("wrong_type", True)


BLANK = [
    "",
    " ",
    "\t \t",
    "\u200b",
    "\u200c\u200d",
    "\u2060",
    "\ufeff",
    "\u00a0",
    "\u3000 ",
    "\u00ad",
    "\x1c",
    "NaN",
    "nan",
]


@pytest.mark.parametrize("blank", BLANK)
def test_an_id_that_shows_nothing_is_missing(warehouse, landing, blank):
    deliver(landing, "signons", "x.ndjson", sign_on(1, player_id=blank))
    events = [
        event("session_start", {}, session_id=blank),
        event("purchase", {"product": blank}, event_id="e2"),
    ]
    deliver(landing, "client", "x.ndjson", "\n".join(events))
    load(warehouse, landing, "signons")
    load(warehouse, landing, "client")
    assert [row[1:] for row in rejected(warehouse)] == [
        ("missing_required", "properties.product is missing"),
        ("missing_required", "player_id is missing"),
    ]
    assert warehouse.execute("select session_id from leap_raw.event_client").fetchall() == [(None,)]


def test_what_python_writes_for_no_number_is_no_id(warehouse, landing):
    # json.dumps writes them, and DuckDB reads them, although they are no JSON
    deliver(landing, "signons", "x.ndjson", "\n".join(map(json_sign_on, ("NaN", "Infinity", "-Infinity"))))
    load(warehouse, landing, "signons")
    assert [row[1] for row in rejected(warehouse)] == ["missing_required", "wrong_type", "wrong_type"]


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        (pa.array([17.0, -3.0, -0.0, 2.0**53, 1.5]), ["17", "-3", "0", "9007199254740992", "1.5"]),
        (pa.array([17.0, 2.0**24], pa.float32()), ["17", "16777216"]),
        (pa.array([Decimal("17.00"), Decimal("100.00"), Decimal("1.50")], pa.decimal128(20, 2)), ["17", "100", "1.5"]),
        (pa.array([Decimal(10) ** 30, Decimal(100)], pa.decimal128(38, 0)), ["1" + "0" * 30, "100"]),
        (pa.array([17, 2**63 - 1]), ["17", "9223372036854775807"]),
        (pa.array(["17.0", "1e2"]), ["17.0", "1e2"]),
    ],
    ids=lambda values: str(getattr(values, "type", "")),
)  # fmt: skip
def test_a_number_of_a_parquet_file_is_the_id_of_its_value(warehouse, landing, ids, read):
    deliver_parquet(landing, "signons", sign_ons_of(ids))
    load(warehouse, landing, "signons")
    assert players(warehouse) == read, rejected(warehouse)


def test_a_double_of_a_parquet_file_is_missing_or_no_id_when_it_is_no_whole_number(warehouse, landing):
    ids = pa.array([float("nan"), 2.0**53 + 2, 7.6561198e16, float("inf"), None])
    deliver_parquet(landing, "signons", sign_ons_of(ids))
    load(warehouse, landing, "signons")
    reasons = ["missing_required", "wrong_type", "wrong_type", "wrong_type", "missing_required"]
    assert [row[1] for row in rejected(warehouse)] == reasons
    messages = [row[2] for row in rejected(warehouse)]
    assert ["lost digits" in message for message in messages] == [False, True, True, False, False]


def test_a_whole_float_beyond_its_digits_is_no_id(warehouse, landing):
    deliver_parquet(landing, "signons", sign_ons_of(pa.array([2.0**24 + 2], pa.float32())))
    load(warehouse, landing, "signons")
    assert [row[1] for row in rejected(warehouse)] == ["wrong_type"]


def test_an_id_in_csv_is_its_text_and_a_whole_number_with_a_point_that_number(warehouse, landing):
    ids = [
        "17",
        "17.0",
        "-3.000",
        "17.5",
        "v1.0",
        "1.0.0",
        "9007199254740994.0",
        "NaN",
        " ",
        "76561198000000001",
    ]
    lines = [f"{written},2025-01-10T12:00:00Z" for written in ids]
    deliver(landing, "signons", "x.csv", "\n".join(["player_id,event_date_time", *lines]))
    load(warehouse, landing, "signons")
    assert players(warehouse) == ["17", "17", "-3", "17.5", "v1.0", "1.0.0", "76561198000000001"]
    assert [row[1] for row in rejected(warehouse)] == ["wrong_type", "missing_required", "missing_required"]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-01-10", dt.datetime(2025, 1, 10)),
        ("2025-01-10T12:00Z", AT),
        ("2025-01-10 12:00", AT),
        ("2025-01-10T12:00:00", AT),
        ("2025-01-10T12:00:00 Z", AT),
        ("2025-01-10T12:00:00UTC", AT),
        ("2025-01-10 12:00:00 UTC", AT),
        ("2025-01-10T13:00+01", AT),
        ("2025-01-10T13:30+0130", AT),
        ("2025-01-10T13:30:00 +01:30", AT),
        ("2025-01-10T10:00:00-02:00", AT),
        ("2025-01-10T12:00:00.5Z", AT.replace(microsecond=500_000)),
        ("2025-01-10T12:00:00.1234567Z", AT.replace(microsecond=123_456)),
        ("2025-01-10T12:00:00.999999999999Z", AT.replace(microsecond=999_999)),
        ("2025-01-10T23:59:00+15:59", dt.datetime(2025, 1, 10, 8)),
    ],
)
def test_times_of_iso_8601_are_read(warehouse, landing, text, time):
    # behind one with another zone, of which nothing stays
    lines = [sign_on(0, event_date_time="2025-01-10T12:00:00-08:00"), sign_on(1, event_date_time=text)]
    deliver(landing, "signons", "x.ndjson", "\n".join(lines))
    load(warehouse, landing, "signons")
    rows = warehouse.execute(
        "select event_date_time from leap_raw.event_signons order by line_number"
    ).fetchall()
    assert rows[1:] == [(time,)], rejected(warehouse)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-10 12:00:00 BST",
        "2025-01-10 12:00:00 EST",
        "2025-01-10 12:00:00 America/New_York",
        "2025-01-10T12:00:00+05:99",
        "2025-01-10T12:00:00+16:00",
        "2025-01-10T24:00:00Z",
        "2025-01-10T12:60:00Z",
        "2025-01-10T12:00:60Z",
        "2025-1-10",
        "2025/01/10",
        "2025-01-10T1:00:00Z",
        "2025-01-10T 1:00:00Z",
        "2025-01-10T12:00:1.Z",
        "2025-01-10T12:00:00.Z",
        " 2025-01-10",
        "2025-01-10Z",
        "20250110T120000Z",
        "2025-02-30T12:00:00Z",
        "12025-01-10T12:00:00Z",
        "-025-01-10T12:00:00Z",
        "10.01.2025",
        "1736510400",
        "now",
    ],
)
def test_every_other_time_is_refused_with_the_remedy(warehouse, landing, text):
    deliver(landing, "signons", "x.ndjson", sign_on(1, event_date_time=text))
    load(warehouse, landing, "signons")
    ((_, reason, message),) = rejected(warehouse)
    assert reason == "wrong_type"
    assert f"event_date_time: '{text}' is not a time such as" in message
    assert "write an offset, not a zone" in message


@pytest.mark.parametrize(
    ("hours", "changes", "reason"),
    [
        (24.0, {"event_length_seconds": 86400}, None),
        (24.0, {"event_length_seconds": 86400.000001}, "out_of_window"),
        (0.5, {"event_length_seconds": 1800}, None),
        (0.5, {"event_length_seconds": 1801}, "out_of_window"),
        (72.0, {"event_length_seconds": 259200}, None),
        (72.0, {"event_length_seconds": 259201}, "out_of_window"),
        # a session of three days that is delivered three days late started five days before the delivery
        (72.0, {"event_date_time": "2025-01-07T00:00:00Z", "event_length_seconds": 172800}, None),
        (72.0, {"event_date_time": "2025-01-07T00:00:00Z", "event_length_seconds": 172801}, "out_of_window"),
        (24.0, {"event_date_time": "2025-01-07T00:00:00Z", "event_length_seconds": 0}, None),
        (
            24.0,
            {"event_date_time": "2025-01-07T00:00:00Z", "event_length_seconds": 0.000001},
            "out_of_window",
        ),
        (24.0, {"event_date_time": "2025-01-12T00:00:00Z"}, None),
        (24.0, {"event_date_time": "2025-01-12T00:00:00.000001Z"}, "out_of_window"),
    ],
)
def test_how_long_and_how_late_a_session_may_be_follows_the_setting(
    warehouse, landing, hours, changes, reason
):
    deliver(landing, "session", "x.ndjson", json.dumps(SESSION | changes))
    load(warehouse, landing, "session", session_max_hours=hours, start_date=dt.date(2024, 1, 1))
    assert [row[1] for row in rejected(warehouse)] == ([reason] if reason else [])


def test_messages_about_the_window_follow_the_setting(warehouse, landing):
    lines = [
        SESSION | {"event_length_seconds": 200_000},
        SESSION | {"event_date_time": "2025-01-05T12:00:00Z"},
    ]
    deliver(landing, "session", "x.ndjson", "\n".join(map(json.dumps, lines)))
    load(warehouse, landing, "session", session_max_hours=48.0)
    messages = [row[2] for row in rejected(warehouse)]
    assert messages[0] == "event_length_seconds: '200000.000000' seconds are more than 48 h"
    assert messages[1].endswith(" is more than 96 h before its delivery day")


def test_a_session_starts_to_the_microsecond_before_its_end(warehouse, landing):
    lengths = {"a": 9.7, "b": "600.000001"}
    lines = [
        SESSION | {"session_id": name, "event_length_seconds": length} for name, length in lengths.items()
    ]
    # that of the second line lies on the day before by a microsecond
    deliver(landing, "session", "x.ndjson", "\n".join(map(json.dumps, lines)))
    load(warehouse, landing, "session")
    rows = warehouse.execute(
        "select session_id, event_length_seconds, event_date from leap_raw.event_session order by 1"
    )
    assert rows.fetchall() == [
        ("a", Decimal("9.7"), DAY),
        ("b", Decimal("600.000001"), DAY - dt.timedelta(days=1)),
    ]


@pytest.mark.parametrize("first", ["exact", "other"])
def test_of_columns_that_differ_by_case_the_exact_name_wins(warehouse, landing, first):
    exact, other = {"country": ["DE"], "kills": [7]}, {"Country": ["FR"], "KILLS": [5], "country_1": ["IT"]}
    columns = {name: [value] for name, value in SESSION.items() if name not in exact}
    columns |= exact | other if first == "exact" else other | exact
    path = deliver(landing, "session", "a.parquet", b"")
    pq.write_table(pa.table(columns), path)
    record = {name: values[0] for name, values in columns.items()} | {"session_id": "json"}
    deliver(landing, "session", "b.ndjson", json.dumps(record))
    record["session_id"] = "csv"
    deliver(landing, "session", "c.csv", "\n".join([",".join(record), ",".join(map(str, record.values()))]))
    load(warehouse, landing, "session")
    rows = warehouse.execute("select country, kills from leap_raw.event_session").fetchall()
    assert rows == [("DE", 7)] * 3, rejected(warehouse)


def test_a_column_of_another_case_is_not_that_of_the_contract(warehouse, landing):
    columns = {name: [value] for name, value in SESSION.items() if name not in ("country", "kills")}
    pq.write_table(
        pa.table(columns | {"Country": ["FR"], "Kills": [7]}), deliver(landing, "session", "a.parquet", b"")
    )
    load(warehouse, landing, "session")
    assert warehouse.execute("select country, kills from leap_raw.event_session").fetchall() == [(None, None)]


def test_a_column_twice_is_refused(warehouse, landing):
    path = deliver(landing, "signons", "x.csv", "player_id,event_date_time,player_id\np,2025-01-10,q\n")
    with pytest.raises(
        LandingError, match="has the column player_id more than once in its first line"
    ) as refusal:
        load(warehouse, landing, "signons")
    assert str(path) in str(refusal.value)
    path.unlink()
    path = deliver(landing, "signons", "x.parquet", b"")
    names = ["player_id", "event_date_time", "player_id"]
    pq.write_table(pa.Table.from_arrays([pa.array(["p"])] * 3, names=names), path)
    with pytest.raises(LandingError, match="has the column player_id more than once"):
        load(warehouse, landing, "signons")


def test_of_a_key_twice_the_first_counts(warehouse, landing):
    deliver(landing, "signons", "x.ndjson", sign_on(1)[:-1] + ', "player_id": "other", "platform": {"a": 1}}')
    load(warehouse, landing, "signons")
    assert warehouse.execute("select player_id, platform from leap_raw.event_signons").fetchall() == [
        ("p1", "pc")
    ]


ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "player_id,event_date_time\na,2025-01-10T12:00:00Z\n"),
        ("x.ndjson", sign_on(1)),
        ("x.json", f"[{sign_on(1)}]"),
    ],
)
def test_utf_16_is_refused_by_name(warehouse, landing, encoding, name, text):
    path = deliver(landing, "signons", name, text.encode(encoding))
    with pytest.raises(
        LandingError, match=r"UTF-16 or UTF-32, but Leap reads UTF-8\. Save it as UTF-8"
    ) as refusal:
        load(warehouse, landing, "signons")
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "player_id,event_date_time\ra,2025-01-10T12:00:00Z\r"),
        ("x.csv", '"player_id","event_date_time"\r"a","2025-01-10T12:00:00Z"'),
        ("x.ndjson", "\r".join([sign_on(1), sign_on(2)])),
    ],
)
def test_line_ends_of_old_macs_are_refused_with_the_remedy(warehouse, landing, name, text):
    path = deliver(landing, "signons", name, text)
    with pytest.raises(LandingError, match=r"carriage return alone.*Save it with line feeds") as refusal:
        load(warehouse, landing, "signons")
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("name", ["x.csv", "x.ndjson", "x.json"])
def test_a_line_of_20_megabytes_is_a_line(warehouse, landing, name):
    long = "x" * 20_000_000
    record = json.loads(sign_on(1, platform=long))
    text = {
        "x.csv": f"player_id,event_date_time,platform\na,2025-01-10,pc\n{','.join(record.values())}\nc,2025-01-10,pc\n",
        "x.ndjson": "\n".join([sign_on(0), json.dumps(record), sign_on(2)]),
        "x.json": f"[{sign_on(0)}, {json.dumps(record)}, {sign_on(2)}]",
    }[name]
    deliver(landing, "signons", name, text)
    load(warehouse, landing, "signons")
    lengths = warehouse.execute(
        "select length(platform) from leap_raw.event_signons order by line_number"
    ).fetchall()
    assert lengths == [(2,), (20_000_000,), (2,)], rejected(warehouse)


@pytest.mark.parametrize("what", ["file", "parquet", "folder"])
def test_what_may_not_be_read_is_refused_with_the_remedy(warehouse, landing, monkeypatch, what):
    path = deliver(landing, "signons", "x.parquet" if what == "parquet" else "x.ndjson", sign_on(1))
    refused = path.parent if what == "folder" else path

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(refused))

    # the tests may run as root, whom no permission stops
    function = {
        "file": "pyarrow.input_stream",
        "parquet": "pyarrow.parquet.ParquetFile",
        "folder": "pathlib.Path.iterdir",
    }[what]
    monkeypatch.setattr(function, refuse)
    with pytest.raises(LandingError, match=r"permission denied.*Let the user that Leap runs as") as refusal:
        load(warehouse, landing, "signons")
    assert str(refused) in str(refusal.value)
    assert "nothing was loaded" in str(refusal.value)


# One good line of each log, to which one value at a time is changed; `properties` by event type.
LINES: dict[str, dict[str, Any]] = {
    "player": {"player_id": "p", "event_date_time": "2025-01-10T12:00:00Z"},
    "product": {"purchase_item": "i", "transaction_type": "Skins", "price": 1, "currency": "USD"},
    "signons": {"player_id": "p", "event_date_time": "2025-01-10T12:00:00Z"},
    "session": {
        "player_id": "p",
        "session_id": "s",
        "event_date_time": "2025-01-10T12:00:00Z",
        "event_length_seconds": 60,
    },
    "transaction": {
        "transaction_id": "t",
        "player_id": "p",
        "event_date_time": "2025-01-10T12:00:00Z",
        "purchase_item": "i",
        "purchase_price": 1,
        "currency": "USD",
        "transaction_type": "Skins",
    },
    "heartbeat": {
        "player_id": "p",
        "session_id": "s",
        "event_date_time": "2025-01-10T12:00:00Z",
        "position_x": 0,
        "position_y": 0,
    },
    "client": {
        "event_id": "e",
        "player_id": "p",
        "event_type": "session_start",
        "timestamp": "2025-01-10T12:00:00Z",
    },
}
REQUIRED_PROPERTIES = {
    "level": 1,
    "product": "i",
    "price": 1,
    "currency": "USD",
    "achievement": "a",
    "feature": "f",
}
# The smallest step of a type's values.
STEPS = {
    "integer": Decimal(1),
    "decimal": Decimal("0.0001"),
    "micros": Decimal("0.000001"),
    "duration": Decimal("0.000001"),
    "double": Decimal("0.001"),
}
# Of what is no value of a type, as JSON.
MISFITS = {
    "id": ['{"a": 1}', "[1]", "true", "1e20"],
    "text": ['{"a": 1}', "[1]", "true"],
    "integer": ['"many"', "1.5", "true"],
    "decimal": ['"much"', "true", '"Infinity"'],
    "micros": ['"much"', "true"],
    "duration": ['"long"', "true", '"1_0"'],
    "double": ['"far"', '{"a": 1}'],
    "boolean": ['"maybe"', "[1]"],
    "timestamp": ['"noon"', "12", '"2025-01-10 12:00:00 BST"'],
    "date": ['"some day"', "12", '"2025-13-01"'],
    "object": ["[1]", "17", '"text"'],
}
Trial = tuple[str, Column, str, str | None]
# log, column, its value as JSON, the reason for which its line is rejected


def trials_of(contract: Contract, column: Column) -> list[Trial]:
    """Values at, just inside and just outside of what a column may be, with the reason of those that it may not."""
    accepted, refused = ["null"] if not _is_required(column) else [], ["null"] if _is_required(column) else []
    found: list[Trial] = [(contract.log, column, value, None) for value in accepted]
    found += [(contract.log, column, value, "missing_required") for value in refused]
    found += [(contract.log, column, value, "wrong_type") for value in MISFITS[column.type]]
    if column.minimum is not None:
        step, lowest, highest = STEPS[column.type], Decimal(column.minimum), column.maximum
        beyond = "value_not_allowed"
        if highest is None:
            # a length, of which the end is a setting
            highest, beyond = round(SESSION_MAX_HOURS * 3600), "out_of_window"
        values = [lowest, lowest + step, highest - step, Decimal(highest)]
        outside = [lowest - step, lowest - 10**12, lowest - 10**30]
        far = [highest + step, Decimal(highest) + 10**12, Decimal(10) ** 30]
        found += [(contract.log, column, f"{value:f}", None) for value in values]
        found += [(contract.log, column, f'"{value:f}"', None) for value in values]
        found += [(contract.log, column, f"{value:f}", "value_not_allowed") for value in outside]
        found += [(contract.log, column, f"{value:f}", beyond) for value in far]
    if column.name == contract.time:
        first, last = DAY - dt.timedelta(days=3), DAY + dt.timedelta(days=2)
        found += [(contract.log, column, json.dumps(f"{last}T00:00:00Z"), None)]
        found += [(contract.log, column, json.dumps(f"{last}T00:00:00.000001Z"), "out_of_window")]
        early = f"{first}T00:01:00Z" if contract.length_s else f"{first}T00:00:00Z"
        found += [(contract.log, column, json.dumps(early), None)]
        too_early = (
            f"{first}T00:00:59.999999Z"
            if contract.length_s
            else f"{first - dt.timedelta(days=1)}T23:59:59.999999Z"
        )
        found += [(contract.log, column, json.dumps(too_early), "out_of_window")]
    found += [(contract.log, column, json.dumps(value), None) for value in column.allowed]
    if column.allowed:
        found.append((contract.log, column, '"none of them"', "value_not_allowed"))
    if column.pattern:
        found += [(contract.log, column, '"usd"', "value_not_allowed"), (contract.log, column, '"USD"', None)]
    if column.type == "id":
        found += [
            (contract.log, column, value, None) for value in ('"x"', "17", "17.0", "9007199254740992.0")
        ]
        blank = "missing_required" if _is_required(column) else None
        found += [(contract.log, column, json.dumps(value), blank) for value in BLANK]
    return found


def _is_required(column: Column) -> bool:
    return column.required if not column.events else bool(column.required_for)


EVERYTHING = [
    trial
    for contract in CONTRACTS.values()
    for column in (*contract.columns, *contract.properties)
    for trial in trials_of(contract, column)
]


def line_of(trial: Trial) -> str:
    """A good line of the log with the trial's value in its column."""
    log, column, value, _ = trial
    line: dict[str, Any] = dict(LINES[log])
    if column.events:
        event_type = (column.required_for or column.events)[0]
        names = [one.name for one in CONTRACTS[log].properties if event_type in one.required_for]
        line |= {"event_type": event_type, "properties": {name: REQUIRED_PROPERTIES[name] for name in names}}
        line["properties"][column.name] = "<here>"
    else:
        line[column.name] = "<here>"
    return json.dumps(line).replace('"<here>"', value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trials=st.lists(st.sampled_from(EVERYTHING), min_size=1, max_size=60))
def test_every_column_takes_what_its_contract_allows_and_nothing_else(tmp_path, trials):
    check_trials(tmp_path, trials)


def test_every_end_of_every_column_is_tried(tmp_path):
    check_trials(tmp_path, EVERYTHING)
    assert {(log, column.name) for log, column, *_ in EVERYTHING} == {
        (contract.log, column.name)
        for contract in CONTRACTS.values()
        for column in (*contract.columns, *contract.properties)
    }


def check_trials(tmp_path: Path, trials: list[Trial]) -> None:
    by_log: dict[str, list[Trial]] = {}
    for trial in trials:
        by_log.setdefault(trial[0], []).append(trial)
    for log, own in by_log.items():
        path = deliver(tmp_path / "landing", log, "x.ndjson", "\n".join(map(line_of, own)))
        # a good line more, so that the file is not taken for one of another day
        with path.open("a") as file:
            file.write(f"\n{json.dumps(LINES[log])}")
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            load(connection, tmp_path / "landing", log)
            found = {number: (reason, message) for number, reason, message in rejected(connection)}
        for number, trial in enumerate(own, 1):
            reason, message = found.get(number, (None, ""))
            assert reason == trial[3], (line_of(trial), message)
            assert reason is None or trial[1].name in message, (line_of(trial), message)
