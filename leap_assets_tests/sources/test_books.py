"""The books of `make check-source`: those of a run over the same files, and those of a plain count."""

import datetime as dt
import gzip
import json
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.ingestion import create_raw_tables, load_deliveries
from leap_assets.landing.repeats import COMPLEMENTED, keep_books
from leap_assets.settings import load_settings
from leap_assets.sources.check import Sample, load_tried, try_files
from leap_assets.sources.declaration import read_source
from leap_assets_tests.sources.conftest import ndjson

LOGS = ("player", "session", "heartbeat", "client")
# A record names its log, and has the columns of that.
SELECTS = {
    f"{log}.sql": "select {} from delivered where (record->>'$.log') = '{}'".format(
        ", ".join(
            f"record{'->' if column.type == 'object' else '->>'}'$.{column.name}' as {column.name}"
            for column in CONTRACTS[log].columns
        ),
        log,
    )
    for log in LOGS
}
DECLARATION = '[events.chat]\ndescription = "A message"\n'
PROPERTIES = (
    {"level": 1, "score": 5},
    {"score": 5.0, "level": 1},
    {"level": "1", "score": 5},
    {"level": 1, "score": 5, "more": [1, {"a": 0.50}]},
    {"more": [1.0, {"a": 5e-1}], "score": 5, "level": 1},
    {"more": [{"a": 0.5}, 1], "score": 5, "level": 1},
    None,
    7,
)


def record(random: random.Random) -> Any:
    """A line of a game of few players and times, so that keys come back; some break their contract."""
    log = random.choice(LOGS)
    day, hour = random.choice([1, 1, 2, 3]), random.choice([0, 10, 10, 23])
    time = f"2025-01-0{day}T{hour:02}:00:00Z"
    player = random.choice(["ann", "bob", "", 17, "17"])
    if random.random() < 0.03:
        return b'{"log": "client", "event_id'
    time = random.choice([time] * 12 + ["2024-12-01T00:00:00Z", "yesterday", None])
    columns = {
        "player": {
            "event_date_time": time,
            "country": random.choice([None, "DE", "DE", "FR"]),
            "platform": random.choice([None, "ios"]),
        },
        "session": {
            "event_date_time": time,
            "session_id": random.choice(["m1", "m2"]),
            "event_length_seconds": random.choice([0.5, "0.50", 30, 3600, 90_000]),
            "kills": random.choice([0, 1, None, -1]),
        },
        "heartbeat": {
            "event_date_time": time,
            "session_id": random.choice(["m1", "m2"]),
            "team_id": random.choice(["red", None]),
            "position_x": random.choice([1, 1.0, 2]),
            "position_y": random.choice([1, "n/a", 0]),
        },
        "client": {
            "timestamp": time,
            "event_id": random.choice(["e1", "e2", "e3", "e4"]),
            "event_type": random.choice(["level_start", "level_start", "chat", "unheard_of"]),
            "properties": random.choice(PROPERTIES),
        },
    }[log]
    return {"log": log, "player_id": player, **columns}


def write_delivered(folder: Path, seed: int, records: int) -> None:
    """Files of all days each, one of them under two names."""
    generator = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [record(generator) for _ in range(records)]
    cuts = sorted(generator.sample(range(records), 3))
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, records], strict=True)):
        (folder / f"{number}.ndjson").write_bytes(ndjson(*lines[start:end]))
    (folder / "again.ndjson.gz").write_bytes(gzip.compress(ndjson(*lines[: records // 4])))


@pytest.mark.slow
@pytest.mark.smoke
def test_a_run_books_what_check_source_booked(mapped_leap, write_source, tmp_path, monkeypatch):
    monkeypatch.setenv("LEAP_START_DATE", "2025-01-01")
    leap = mapped_leap(write_source(SELECTS | {"source.toml": DECLARATION}))
    write_delivered(leap.settings.delivered_dir, 3, 2000)
    environ = {
        "LEAP_SOURCE": "game",
        "LEAP_SOURCES_DIR": str(tmp_path / "sources"),
        "LEAP_DATA_DIR": str(leap.settings.data_dir),
    }
    source = read_source(tmp_path / "sources" / "game")
    of_check = load_settings(environ)
    tried, start_date = try_files(
        of_check, source, None, leap.settings.delivered_dir, tmp_path / "tried", Sample(is_all=True)
    )
    with load_tried(of_check, source, None, tmp_path / "tried" / "landing", tried, start_date) as connection:
        rejected = connection.execute("select * from leap_raw.rejected_line order by all").fetchall()
    assert start_date == leap.settings.start_date == dt.date(2025, 1, 1)
    assert not tried.is_cut
    leap.run(1, 4)
    books = {
        (day, log): tuple(counts)
        for day, log, *counts in leap.query(
            """select delivery_date, log, received, accepted, duplicate, rejected
            from leap_mart.ingestion_daily where received > 0"""
        )
    }
    assert books == {
        key: (one.received, one.accepted, one.duplicate, sum(one.rejected.values()))
        for key, one in tried.books.items()
    }
    reasons = leap.query("select delivery_date, log, reason, lines from leap_mart.rejections_daily")
    assert {(day, log, reason): lines for day, log, reason, lines in reasons} == {
        (day, log, reason): lines
        for (day, log), one in tried.books.items()
        for reason, lines in one.rejected.items()
    }
    # each rejected line with its message, too
    assert leap.query("select * from leap_raw.rejected_line order by all") == rejected
    assert {reason for *_, reason, _, _ in rejected} == {
        "unparsable",
        "missing_required",
        "wrong_type",
        "value_not_allowed",
        "unknown_event_type",
        "out_of_window",
        "conflicting_duplicate",
    }
    for log in LOGS:
        assert sum(one.duplicate for (_, name), one in tried.books.items() if name == log) > 0


def value_of(text: str | None) -> Any:
    """What a JSON text says: equal for equal values, another for a number and its text."""
    if text is None:
        return None

    def told(value: Any) -> Any:
        match value:
            case dict():
                return ("object", tuple(sorted((key, told(inner)) for key, inner in value.items())))
            case list():
                return ("array", tuple(map(told, value)))
            case bool() | None | str():
                return (type(value).__name__, value)
            case _:
                return ("number", Decimal(value))

    return told(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def counted(connection: duckdb.DuckDBPyConnection, log: str) -> dict[dt.date, Counter[str]]:
    """Accepted lines, duplicates and conflicting ones of a log by delivery day, by a plain loop over valid lines."""
    contract = CONTRACTS[log]
    names = [*contract.names, "event_date", "delivery_date"]
    lines = connection.execute(
        f"""select {", ".join(names)} from leap_raw.event_{log}
        order by delivery_date, source_file, line_number"""
    ).fetchall()
    first: dict[Any, dict[str, Any]] = {}
    books: dict[dt.date, Counter[str]] = {}
    for line in lines:
        row = dict(zip(names, line, strict=True))
        before = first.setdefault((*(row[name] for name in contract.key), row["event_date"]), row)
        kind = "accepted" if before is row else "duplicate"
        for name in contract.names:
            one, other = row[name], before[name]
            if name == "properties":
                one, other = value_of(one), value_of(other)
            if log in COMPLEMENTED and (name == contract.time or one is None or other is None):
                continue
            if one != other:
                kind = "conflicting_duplicate"
        books.setdefault(row["delivery_date"], Counter())[kind] += 1
    return books


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_books_are_those_of_a_plain_count(tmp_path_factory, seed):
    generator = random.Random(seed)
    landing = tmp_path_factory.mktemp("landing")
    days = [dt.date(2025, 1, day) for day in (1, 2, 3)]
    for log in LOGS:
        for day in days:
            lines = [one for one in (record(generator) for _ in range(60)) if isinstance(one, dict)]
            folder = landing / log / day.isoformat()
            folder.mkdir(parents=True)
            for number in (1, 2):
                own = [one for one in lines[number::2] if one["log"] == log]
                (folder / f"{number}.ndjson").write_bytes(ndjson(*own))
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        create_raw_tables(connection)
        load_deliveries(
            connection, landing, days, logs=LOGS, start_date=days[0], rates={}, event_types=["chat"]
        )
        expected = {log: counted(connection, log) for log in LOGS}
        books = keep_books(connection, LOGS)
        kept = Counter(connection.execute("select log, reason from leap_raw.rejected_line").fetchall())
    for (day, log), one in books.items():
        own = expected[log].get(day, Counter())
        found = (one.accepted, one.duplicate, one.rejected.get("conflicting_duplicate", 0))
        assert found == (own["accepted"], own["duplicate"], own["conflicting_duplicate"])
        assert one.received == one.accepted + one.duplicate + sum(one.rejected.values())
    for log in LOGS:
        conflicting = sum(counts["conflicting_duplicate"] for counts in expected[log].values())
        assert kept[log, "conflicting_duplicate"] == conflicting
