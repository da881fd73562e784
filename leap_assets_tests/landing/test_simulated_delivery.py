"""What the simulator delivers, read back: every injected defect has its reason, no good line is rejected."""

import collections
import datetime as dt
import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from leap_assets.landing import writing
from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.ingestion import load_deliveries
from leap_assets.landing.writing import EXPECTED_REASON, STEM, write_delivery
from leap_assets.simulation import World, WorldConfig

DAYS = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(7)]
RATE = 0.01
DIRT = (
    "late",
    "duplicate",
    "conflicting_duplicate",
    "future_clock",
    "truncated",
    "wrong_type",
    "missing_field",
    "bad_encoding",
    "unknown_event",
)
REPEATS = {"duplicate", "conflicting_duplicate"}


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """A week with every kind of defect, loaded; and the reason expected of each injected line."""
    root: Path = tmp_path_factory.mktemp("week")
    world = World(WorldConfig(initial_players=200, **{f"{kind}_rate": RATE for kind in DIRT}))
    expected = {}
    for day in DAYS:
        delivery = world.day(day, truth=False)
        write_delivery(root, delivery)
        for log, rows in delivery.logs.items():
            first_line = 2 if CONTRACTS[log].simulator_writes == "csv" else 1
            for number, kind in enumerate(rows.defects, first_line):
                if kind:
                    expected[log, day, number] = (str(kind), EXPECTED_REASON[str(kind)])
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        rates = dict.fromkeys(("USD", "EUR", "GBP", "JPY", "BRL", "KRW"), dt.date(2000, 1, 1))
        load_deliveries(connection, root, DAYS, start_date=DAYS[0], rates=rates)
        yield connection, expected, root


def test_every_rejected_line_is_an_injected_defect_and_has_its_reason(week):
    connection, expected, _ = week
    found = {
        (log, day, number): reason
        for log, day, number, reason in connection.execute(
            "select log, delivery_date, line_number, reason from leap_raw.rejected_line"
        ).fetchall()
    }
    assert found == {line: reason for line, (kind, reason) in expected.items() if kind not in REPEATS}
    injected = collections.Counter(kind for kind, _ in expected.values())
    assert set(injected) == set(DIRT) - {"late"}
    assert min(injected.values()) > 5


def test_amounts_arrive_as_the_simulator_meant_them(week):
    connection, _, _ = week
    price = connection.execute("select min(price), max(price) from leap_raw.event_product").fetchall()[0]
    assert 0 < price[0] < price[1]
    revenue = connection.execute(
        "select avg(revenue), count(*) from leap_raw.event_client where event_type = 'ad_watched'"
    ).fetchall()[0]
    # an impression earns a fraction of a cent to a few cents
    assert 0.0001 < revenue[0] < 0.05
    assert revenue[1] > 100


def test_a_purchase_is_told_alike_by_both_logs(tmp_path):
    world = World(WorldConfig(initial_players=400, **{f"{kind}_rate": 0.0 for kind in DIRT}))
    bought = set()
    for day in DAYS:
        delivery = world.day(day)
        write_delivery(tmp_path, delivery)
        paid = delivery.truth["transaction"]
        kinds = zip(paid["transaction_id"].text(), paid["kind"].text(), strict=True)
        bought |= {id_ for id_, kind in kinds if kind == "purchase"}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        rates = dict.fromkeys(("USD", "EUR", "GBP", "JPY", "BRL", "KRW"), dt.date(2000, 1, 1))
        load_deliveries(connection, tmp_path, DAYS, start_date=DAYS[0], rates=rates)
        client = connection.execute(
            """select player_id, product, price, currency, timestamp from leap_raw.event_client
            where event_type = 'purchase' order by all"""
        ).fetchall()
        transactions = connection.execute(
            """select player_id, purchase_item, purchase_price, currency, event_date_time
            from leap_raw.event_transaction where transaction_id in (select unnest(?)) order by all""",
            [sorted(bought)],
        ).fetchall()
    assert len(client) > 10
    assert client == transactions


def test_properties_are_those_of_the_event_type(week):
    _, _, root = week
    path = root / "client" / DAYS[0].isoformat() / f"{STEM}.ndjson"
    contract = CONTRACTS["client"]
    allowed = {
        event_type: {column.name for column in contract.properties if event_type in column.events}
        for event_type in contract.event_types
    }
    seen = set()
    for line in path.read_bytes().splitlines()[:2000]:
        record = json.loads(line)
        seen.add(record["event_type"])
        assert set(record["properties"]) == allowed[record["event_type"]]
    assert seen == set(allowed)


def test_writing_a_day_again_replaces_its_files_and_leaves_others(tmp_path):
    world = World(WorldConfig(initial_players=20))
    write_delivery(tmp_path, world.day(DAYS[0], truth=False))
    own = tmp_path / "session" / DAYS[0].isoformat() / f"{STEM}.ndjson"
    other = own.with_name("other.ndjson")
    other.write_text("mine")
    before = own.read_bytes()
    write_delivery(tmp_path, world.day(DAYS[0], truth=False))
    assert own.read_bytes() == before
    assert other.read_text() == "mine"
    assert sorted(path.name for path in own.parent.iterdir()) == ["other.ndjson", f"{STEM}.ndjson"]


def test_a_large_log_has_the_same_rows_in_row_groups_with_texts_of_their_own(tmp_path, monkeypatch):
    rates = {f"{kind}_rate": RATE for kind in DIRT}
    delivery = World(WorldConfig(initial_players=60, **rates)).day(DAYS[0], truth=False)
    write_delivery(tmp_path / "one", delivery, ["heartbeat"])
    monkeypatch.setattr(writing, "_ROW_GROUP", 500)
    write_delivery(tmp_path / "many", delivery, ["heartbeat"])
    one, many = (
        pq.ParquetFile(tmp_path / name / "heartbeat" / DAYS[0].isoformat() / f"{STEM}.parquet")
        for name in ("one", "many")
    )
    assert one.metadata.num_row_groups == 1
    assert many.metadata.num_row_groups > 1
    assert many.read().to_pylist() == one.read().to_pylist()
    dictionary = many.read_row_group(0)["player_id"].chunk(0).dictionary
    assert len(dictionary) == len(set(many.read_row_group(0)["player_id"].to_pylist()) - {None})


def test_what_a_killed_run_left_half_written_is_removed_by_the_next(tmp_path):
    delivery = World(WorldConfig(initial_players=20)).day(DAYS[0], truth=False)
    write_delivery(tmp_path, delivery)
    written = sorted(tmp_path.rglob("*"))
    path = next(tmp_path.rglob(f"{STEM}.ndjson"))
    path.with_name(f".{path.name}.12345.tmp").touch()
    path.with_name("by_hand.12345.tmp").touch()
    write_delivery(tmp_path, delivery)
    assert sorted(tmp_path.rglob("*")) == sorted([*written, path.with_name("by_hand.12345.tmp")])
