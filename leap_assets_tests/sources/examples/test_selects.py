"""The SELECTs of the shipped sources by themselves, against figures drawn by hand or counted by loops."""

import copy
import csv
import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.settings import PROJECT_DIR
from leap_assets_tests.sources.examples import exported_events, matches
from leap_assets_tests.sources.examples.delivered import (
    ODD,
    SOURCES,
    Record,
    delivered,
    frames_of,
    lines_of,
    records_of,
    select,
)
from leap_assets_tests.test_real_input import TWO_ROUNDS, WHOLE_MATCH

MAPPINGS = sorted((path.parent.name, path.stem) for path in SOURCES.glob("*/*.sql"))
LINEAGE = {"source_file", "line_number", "line_numbers"}


def test_every_shipped_source_has_mappings():
    assert {source for source, _ in MAPPINGS} == {path.parent.name for path in SOURCES.glob("*/source.toml")}


@pytest.mark.parametrize(("source", "log"), MAPPINGS)
def test_a_mapping_returns_its_contracts_columns_and_where_they_come_from(source, log):
    with delivered([]) as connection:
        found = connection.execute((SOURCES / source / f"{log}.sql").read_text())
        names = {column[0] for column in found.description}
    contract = CONTRACTS[log]
    assert names - LINEAGE <= set(contract.names)
    assert {column.name for column in contract.columns if column.required} <= names
    assert "source_file" in names
    assert len(names & LINEAGE) == 2


@pytest.mark.parametrize(("source", "log"), MAPPINGS)
@pytest.mark.parametrize(
    "record",
    [{}, {"unknown": [1, {"deep": None}]}, {"_T": 1, "_D": [], "character": "x"}, {"event_params": "x"}],
)
def test_a_mapping_takes_records_of_another_shape(source, log, record):
    records = [
        ("x.json", number, {**record, "event_name": name, "_T": kind})
        for number, (name, kind) in enumerate(
            [
                ("first_open", "LogPlayerKillV2"),
                ("purchase", "LogPlayerPosition"),
                ("level_end", "LogMatchStart"),
                ("ad_impression", "LogPlayerLogout"),
            ],
            1,
        )
    ]
    with delivered(records) as connection:
        assert len(select(connection, source, log)) <= len(records)


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the values of a record are, those inside of others too."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


def changed(record: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy of a record with another value in one place."""
    copied = copy.deepcopy(record)
    place: Any = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied


def records_of_source(source: str) -> list[Record]:
    return {
        "csgo": lambda: frames()[:2],
        "battle_royale": lambda: list(records_of(match_files())),
        "mobile_analytics": lambda: list(records_of({"events.ndjson": exported_events.events()})),
    }[source]()


@pytest.mark.parametrize(("source", "log"), MAPPINGS)
def test_a_mapping_stops_at_no_value(source, log):
    records = records_of_source(source)
    # one record of every type, with an odd value in each place
    types = {(record.get("_T"), record.get("event_name")): record for _, _, record in records}
    odd = [
        changed(record, path, value)
        for record in types.values()
        for path in paths_of(record)
        for value in ODD
    ]
    mixed = [*records, *(("odd.json", number, record) for number, record in enumerate(odd, 1))]
    with delivered(mixed) as connection:
        sql = (SOURCES / source / f"{log}.sql").read_text()
        # made only: some values are no times of Python's
        assert connection.execute(f"create temp table made as {sql}").fetchall() > [(0,)]


def frames() -> list[Record]:
    return list(frames_of(TWO_ROUNDS, "overpass_2025-01-01T1800.parquet"))


def test_csgo_frames_of_the_living_are_those_of_the_file():
    with delivered(frames()) as connection:
        fixes = select(connection, "csgo", "heartbeat")
    with duckdb.connect() as connection:
        expected = connection.execute(
            f"""select player, timestamp '2025-01-01 18:00:00' + to_microseconds(tick * 1000000 // 128), team,
            'match@2025-01-01T1800-' || round_num, x::varchar, y::varchar, z::varchar
            from '{TWO_ROUNDS}' where is_alive"""
        ).fetchall()
    names = (
        "player_id",
        "event_date_time",
        "team_id",
        "session_id",
        "position_x",
        "position_y",
        "position_z",
    )
    assert Counter(tuple(fix[name] for name in names) for fix in fixes) == Counter(expected)


def test_csgo_rounds_end_with_the_life_of_a_player():
    records = frames()
    with delivered(records) as connection:
        fixes, sessions = (select(connection, "csgo", log) for log in ("heartbeat", "session"))
    expected = {}
    for player in {record["player"] for _, _, record in records}:
        for number in (2, 3):
            own = sorted(
                (record["tick"], record["is_alive"])
                for _, _, record in records
                if (record["player"], record["round_num"]) == (player, number)
            )
            dead = [tick for tick, alive in own if not alive]
            last = min(dead) if dead else own[-1][0]
            expected[player, f"match@2025-01-01T1800-{number}"] = (
                Decimal(last * 1_000_000 // 128 - own[0][0] * 1_000_000 // 128).scaleb(-6),
                0,
                int(bool(dead)),
                own[0][0] * 1_000_000 // 128,
            )
    start = dt.datetime(2025, 1, 1, 18)
    assert {
        (row["player_id"], row["session_id"]): (
            row["event_length_seconds"],
            row["kills"],
            row["deaths"],
            (row["event_date_time"] - start) // dt.timedelta(microseconds=1)
            - row["event_length_seconds"].scaleb(6),
        )
        for row in sessions
    } == expected
    assert sum(row["deaths"] for row in sessions) > 0
    dead = {(name, number) for name, number, record in records if not record["is_alive"]}
    everything = {(name, number) for name, number, _ in records}
    assert dead
    assert everything - lines_of(fixes) - lines_of(sessions) == dead


@pytest.mark.slow
def test_a_whole_csgo_match_has_its_published_facts():
    if not WHOLE_MATCH.exists():
        pytest.skip("the whole match is not part of the repository; two of its rounds are in fixtures/")
    with delivered(frames_of(WHOLE_MATCH, "overpass.parquet")) as connection:
        sessions, fixes = (
            connection.execute(
                f"select {figures} from ({(SOURCES / 'csgo' / f'{log}.sql').read_text()})"
            ).fetchall()
            for log, figures in (
                ("session", "count(*), count(distinct session_id), sum(deaths)"),
                ("heartbeat", "count(*)"),
            )
        )
    assert sessions == [(290, 29, 181)]
    assert fixes == [(221_330 - 47_442,)]


def match_files() -> dict[str, list[matches.Event]]:
    return {"one.json": matches.match_one(), "two.json": matches.match_two()}


def test_battle_royale_sessions_have_the_kills_and_ends_drawn_by_hand():
    with delivered(records_of(match_files())) as connection:
        sessions = select(connection, "battle_royale", "session")
    found: dict[str, dict] = {"one.json": {}, "two.json": {}}
    for row in sessions:
        figures = (row["event_length_seconds"], row["kills"], row["deaths"])
        found[row["source_file"]][row["player_id"]] = figures
    exact = {"account.ann": (matches.ONE_ANN_S, *matches.ONE["account.ann"][1:])}
    assert found == {"one.json": matches.ONE | exact, "two.json": matches.TWO}
    starts = {
        (
            row["source_file"],
            row["event_date_time"] - dt.timedelta(microseconds=int(row["event_length_seconds"].scaleb(6))),
        )
        for row in sessions
    }
    assert starts == {("one.json", matches.START), ("two.json", matches.LATE_START)}


def test_battle_royale_positions_are_in_metres_and_start_with_the_match():
    records = list(records_of(match_files()))
    with delivered(records) as connection:
        fixes, sessions = (select(connection, "battle_royale", log) for log in ("heartbeat", "session"))
    assert Counter(row["source_file"] for row in fixes) == {
        "one.json": matches.ONE_FIXES,
        "two.json": matches.TWO_FIXES,
    }
    places = {
        (row["player_id"], row["team_id"], row["position_x"], row["position_y"], row["position_z"])
        for row in fixes
        if row["source_file"] == "one.json"
    }
    assert ("account.cat", "2", 10.0, 40.0, 1.5) in places
    assert len(places) == 5
    ignored = {(name, number) for name, number, _ in records} - lines_of(fixes) - lines_of(sessions)
    assert Counter(name for name, _ in ignored) == {
        "one.json": matches.ONE_IGNORED,
        "two.json": matches.TWO_IGNORED,
    }


def test_a_battle_royale_match_is_the_same_under_two_names():
    files = match_files() | {f"copy of {name}": events for name, events in match_files().items()}
    with delivered(records_of(files)) as connection:
        for log in ("heartbeat", "session"):
            rows = select(connection, "battle_royale", log)
            keys = Counter(tuple(row[name] for name in CONTRACTS[log].key) for row in rows)
            assert set(keys.values()) == {2}


def test_a_return_after_death_is_played_on():
    events = matches.match_one()
    back = matches.position(matches.at(matches.START, 400), matches.character("cat", 2))
    with delivered(records_of({"one.json": [*events, back]})) as connection:
        rows = select(connection, "battle_royale", "session")
    cat = next(row for row in rows if row["player_id"] == "account.cat")
    assert (cat["event_length_seconds"], cat["deaths"]) == (matches.ONE_ANN_S, 1)


def test_mobile_events_become_those_of_the_contract():
    events = exported_events.events()
    records = list(records_of({"events.ndjson": events}))
    with delivered(records) as connection:
        rows, players = (select(connection, "mobile_analytics", log) for log in ("client", "player"))
    counts = Counter(row["event_type"] for row in rows)
    again = exported_events.TOLD_AGAIN
    assert counts == Counter(exported_events.CLIENT) + Counter(
        {"level_start": 1, "session_start": 1, "purchase": again}
    )
    assert len(rows) + len(players) + exported_events.IGNORED == len(events)
    assert not lines_of(rows) & lines_of(players)
    in_order = sorted(rows, key=lambda row: row["line_number"])
    of_ids = {row["event_id"]: row for row in reversed(in_order)}
    assert len(of_ids) == len(rows) - again
    # told again, it says the same
    names = [name for name in rows[0] if name not in LINEAGE]
    assert {tuple(row[name] for name in names) for row in rows} == {
        tuple(row[name] for name in names) for row in of_ids.values()
    }
    prices = [
        json.loads(row["properties"])
        for row in in_order
        if row["event_type"] == "purchase" and of_ids[row["event_id"]] is row
    ]
    assert {price["currency"] for price in prices} == {"USD"}
    assert sum(Decimal(str(price["price"])) for price in prices) == exported_events.REVENUE
    assert [price["product"] for price in prices] == ["gems_100", "gems_100", "chest", "pass"]
    times = {row["timestamp"] for row in rows if row["player_id"] == "p0"}
    assert times == {
        "2025-03-03 00:00:50.123456",
        "2025-03-03 00:01:30.123456",
        "2025-03-03 00:01:37.123456",
        "yesterday",
    }
    assert {row["session_id"] for row in rows} == {"p1-1", "p2-1", "p2-2", None}


def test_mobile_registrations_have_codes_of_countries():
    with delivered(records_of({"events.ndjson": exported_events.events()})) as connection:
        players = select(connection, "mobile_analytics", "player")
    assert {(row["player_id"], row["country"], row["platform"]) for row in players} == {
        ("p1", "TR", "android"),
        ("p2", "Atlantis", "ios"),
    }


def test_mobile_events_have_the_same_id_in_every_file_and_another_for_every_event():
    files = {name: exported_events.events() for name in ("a.ndjson", "b.ndjson")}
    with delivered(records_of(files)) as connection:
        ids = Counter(row["event_id"] for row in select(connection, "mobile_analytics", "client"))
    told = 1 + exported_events.TOLD_AGAIN
    assert Counter(ids.values()) == {2: len(ids) - 1, 2 * told: 1}
    # the same a second later is another event, unless it has a transaction id
    events = [row for row in files["a.ndjson"] if exported_events.TOLD[0] not in row["event_params"]]
    later = [{**row, "event_timestamp": int(row["event_timestamp"]) + 1_000_000} for row in events[:20]]
    with delivered(records_of({"a.ndjson": events, "later.ndjson": later})) as connection:
        ids = Counter(row["event_id"] for row in select(connection, "mobile_analytics", "client"))
    assert set(ids.values()) == {1}


def test_the_countries_of_the_mobile_mapping_are_those_of_the_seed():
    with (PROJECT_DIR / "dbt_project" / "seeds" / "countries.csv").open(newline="") as file:
        seed = {row["name"]: row["code"] for row in csv.DictReader(file)}
    sql = (SOURCES / "mobile_analytics" / "player.sql").read_text()
    listed = {
        name.replace("''", "'"): code for name, code in re.findall(r"\('((?:[^']|'')+)', '([A-Z]{2})'\)", sql)
    }
    assert seed.items() <= listed.items()
    assert set(listed.values()) <= set(seed.values())
