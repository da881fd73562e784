"""The second opinion on a foreign source: files of all formats through the real pipeline, then one value is changed."""

import dataclasses
import datetime as dt
import gzip
import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leap_assets.assets.proofs import given_by
from leap_assets.assets.second_opinion import CHECK, KEYS, VERIFY_JOB, VERIFY_OP
from leap_assets.definitions import build_defs
from leap_assets.partitions import Window
from leap_assets.proofs.delivered.registry import TABLES
from leap_assets.resources import DBT_PROJECT_DIR
from leap_assets.settings import LANDING, load_settings
from leap_assets.warehouse.proving import SECOND_OPINION
from leap_assets.warehouse.publication import amend
from leap_assets.warehouse.verifying import VerificationError, verify
from leap_assets_tests.conftest import as_day


def at(day, time):
    return f"{as_day(day)}T{time}Z"


def deliver(leap):
    """Three days of a game that writes every format, with what the simulator never does."""

    def lines(log, day, name, *records):
        text = "".join(json.dumps(record) + "\n" for record in records)
        leap.landed(log, day, name).write_bytes(
            gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
        )

    leap.landed("player", 1, "export.json").write_text(
        json.dumps(
            [
                {"player_id": 17, "event_date_time": at(1, "08:00:00"), "country": "de"},
                {"player_id": "17", "event_date_time": at(1, "09:00"), "platform": "ios"},
                {"player_id": "Zoë 🎮", "event_date_time": at(1, "10:00:00"), "country": "nowhere"},
                {"player_id": "\u200b", "event_date_time": at(1, "08:00:00")},
            ]
        )
    )
    session = {"country": "fr", "kills": 1, "deaths": 0}
    lines(
        "session",
        1,
        "a.ndjson.gz",
        session
        | {
            "player_id": 17.0,
            "session_id": "server",
            "event_date_time": at(1, "22:30:00"),
            "event_length_seconds": 1800.25,
        },
        session
        | {
            "player_id": "b",
            "session_id": "server",
            "event_date_time": at(1, "23:59:59"),
            "event_length_seconds": 9.7,
        },
    )
    lines(
        "session",
        2,
        "b.jsonl",
        # joins the same match after midnight
        session
        | {
            "player_id": "c",
            "session_id": "server",
            "event_date_time": at(2, "00:40:00"),
            "event_length_seconds": 600,
        },
        # a repeat with another value, and one with a length that nobody plays
        session
        | {
            "player_id": "b",
            "session_id": "server",
            "event_date_time": at(1, "23:59:59"),
            "event_length_seconds": 9,
        },
        session
        | {
            "player_id": "b",
            "session_id": "x",
            "event_date_time": at(2, "10:00:00"),
            "event_length_seconds": 90000,
        },
    )
    leap.landed("transaction", 2, "shop.csv").write_text(
        "transaction_id,player_id,event_date_time,purchase_item,purchase_price,currency,transaction_type\n"
        f't1,17.0,{at(2, "11:00")},"sword, long",1000000000,JPY,Skins\n'
        f"t2,Zoë 🎮,{at(2, '11:00:00')},hat,-4.99,EUR,Emotes\n"
        f"t3,17,{as_day(2)} 12:00:00 BST,hat,4.99,EUR,Emotes\n"
        f't1,17,{at(2, "11:00:00")},"sword, long",1e9,JPY,Skins\n'
    )
    beats = [(player, team, n) for player, team in (("17", None), ("b", None), ("c", "17")) for n in range(8)]
    moments = [
        dt.datetime.combine(as_day(1), dt.time(23, 58)) + dt.timedelta(seconds=20 * n + (player == "c"))
        for player, _, n in beats
    ]
    heartbeats = pa.table(
        {
            "player_id": [player for player, _, _ in beats],
            "event_date_time": pa.array(moments, pa.timestamp("ms")),
            "team_id": pa.array([team for _, team, _ in beats], pa.string()),
            "session_id": ["server"] * len(beats),
            "position_x": [float(n * (1 + (player == "b"))) for player, _, n in beats],
            "position_y": [0.1] * len(beats),
        }
    )
    pq.write_table(heartbeats, leap.landed("heartbeat", 1, "positions.parquet"))
    event = {"player_id": "d", "session_id": "m"}
    told = [
        ("e1", "session_start", at(1, "23:00:00"), None),
        ("e2", "level_start", at(1, "23:50:00"), {"level": 5}),
        ("e3", "level_complete", at(2, "00:10:00"), {"level": 5}),
        ("e4", "ad_watched", at(2, "00:11:00"), {"revenue": "0.0000015"}),
        ("e5", "session_end", at(2, "09:00:00"), {}),
        ("e6", "feature_used", at(2, "09:30:00"), {"feature": "chat", "extra": 0.50}),
    ]
    events = [
        event
        | {"event_id": name, "event_type": kind, "timestamp": when}
        | ({} if members is None else {"properties": members})
        for name, kind, when, members in told
    ]
    again = events[-1] | {"properties": {"extra": 0.5, "feature": "chat"}}
    alone = {
        "player_id": "Zoë 🎮",
        "event_id": 9,
        "event_type": "session_start",
        "timestamp": at(2, "23:50:00"),
    }
    on = alone | {"event_id": "10", "event_type": "achievement_unlocked", "timestamp": at(3, "00:05:00")}
    lines(
        "client", 2, "events.ndjson", *events, again, alone, event | {"event_id": "?", "event_type": "joined"}
    )
    lines("client", 3, "events.ndjson", on | {"properties": {"achievement": "owl"}}, on)
    lines("signons", 3, "late.ndjson", {"player_id": "e", "event_date_time": at(1, "00:00:00")})


@pytest.fixture(scope="module")
def foreign(make_leap):
    """A warehouse of a source that is not ours, reported in yen."""
    leap = make_leap(source=LANDING, currency="JPY", simulation={})
    deliver(leap)
    leap.run(1, 3)
    return leap


def opinion_of(leap, days=None):
    with (
        duckdb.connect(str(leap.settings.warehouse_path)) as warehouse,
        duckdb.connect(str(leap.settings.published_path), read_only=True) as published,
    ):
        given = given_by(leap.settings, warehouse)
        verified = verify(
            published, warehouse, leap.settings.landing_dir, given, DBT_PROJECT_DIR / "seeds", days
        )
    return verified, {outcome.mart: outcome for outcome in verified.outcomes}


def said_of(outcomes):
    return {name: outcome.said for name, outcome in outcomes.items() if not outcome.passed}


@pytest.mark.slow
@pytest.mark.smoke
def test_a_foreign_source_equals_its_second_opinion_until_somebody_changes_a_row(foreign):
    verified, outcomes = opinion_of(foreign)
    assert said_of(outcomes) == {}
    assert set(outcomes) == set(TABLES)
    empty = {name for name, outcome in outcomes.items() if not outcome.comparison.rows_compared}
    assert not empty
    assert f"All {outcomes['fact_session'].comparison.rows_compared:,} rows" in outcomes["fact_session"].said
    assert f"{verified.lines} lines" in verified.summary()

    changes = {
        # wrong, removed, added
        "kpi_daily": "update leap_mart.kpi_daily set dau = dau + 1 where event_date = date '2025-01-02'",
        "fact_transaction": "delete from leap_stage.fact_transaction where transaction_id = 't2'",
        "dim_players": "insert into leap_dim.dim_players select * replace ('nobody' as player_id) "
        "from leap_dim.dim_players where player_id = 'b'",
    }
    examples = {
        "kpi_daily": "event_date 2025-01-02: dau",
        "fact_transaction": "transaction_id t2, event_date 2025-01-02: missing",
        "dim_players": "player_id nobody: not in the second opinion",
    }
    for table, statement in changes.items():
        before = foreign.settings.published_path.read_bytes()
        with amend(foreign.settings.published_path) as copy:
            copy.execute(statement)
        found = said_of(opinion_of(foreign)[1])
        assert set(found) == {table}
        assert found[table].startswith("1 of ")
        assert examples[table] in found[table]
        foreign.settings.published_path.unlink()
        foreign.settings.published_path.write_bytes(before)
    assert said_of(opinion_of(foreign)[1]) == {}


@pytest.mark.slow
def test_a_range_compares_day_tables_of_its_days_alone(foreign):
    with amend(foreign.settings.published_path) as copy:
        copy.execute("update leap_stage.fact_session set kills = 7 where player_id = 'c'")
    first, second = as_day(1), as_day(2)
    _, outcomes = opinion_of(foreign, Window(first, first))
    assert said_of(outcomes) == {}
    assert "fact_session" in outcomes
    assert "kpi_daily" not in outcomes
    _, outcomes = opinion_of(foreign, Window(second, second))
    assert set(said_of(outcomes)) == {"fact_session"}
    with amend(foreign.settings.published_path) as copy:
        copy.execute("update leap_stage.fact_session set kills = 1 where player_id = 'c'")
    with pytest.raises(VerificationError, match="No delivery of 2026-01-01 is loaded"):
        opinion_of(foreign, Window(dt.date(2026, 1, 1), dt.date(2026, 1, 1)))


@pytest.mark.slow
def test_the_job_gives_checks_and_rows_of_proof_daily_in_both_files(foreign):
    defs = build_defs(foreign.settings)
    result = defs.resolve_job_def(VERIFY_JOB).execute_in_process(resources=dict(defs.resources or {}))
    assert result.success
    evaluations = result.get_asset_check_evaluations()
    assert {e.asset_key for e in evaluations} == set(KEYS.values())
    assert {(e.check_name, e.passed) for e in evaluations} == {(CHECK, True)}
    query = """select mart, sum(rows_compared), sum(rows_differing), any_value("by")
        from leap_mart.proof_daily group by all order by all"""
    rows = foreign.query(query)
    assert {row[0] for row in rows} == set(TABLES)
    assert {row[2:] for row in rows} == {(0, SECOND_OPINION)}
    with duckdb.connect(str(foreign.settings.published_path), read_only=True) as published:
        assert published.execute(query).fetchall() == rows
    assert foreign.settings.published_path.stat().st_mode & 0o777 == 0o444


@pytest.mark.slow
def test_a_file_that_changed_after_the_run_is_found_and_named(foreign):
    path = foreign.landed("session", 2, "b.jsonl")
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"kills": 1', b'"kills": 3'))
    try:
        found = said_of(opinion_of(foreign)[1])
        assert {"fact_session", "player_activity_daily", "fact_player_day"} <= set(found)
        assert "kills 1, expected 3" in found["fact_session"]
        defs = build_defs(foreign.settings)
        result = defs.resolve_job_def(VERIFY_JOB).execute_in_process(
            resources=dict(defs.resources or {}), raise_on_error=False
        )
        assert not result.success
        (failure,) = [e for e in result.all_events if e.is_step_failure]
        assert "b.jsonl" in str(failure.step_failure_data.error)
    finally:
        path.write_bytes(before)


@pytest.mark.slow
def test_the_simulated_world_is_proven_twice(make_leap):
    leap = make_leap(proofs=True)
    leap.run(1, 2)
    assert said_of(opinion_of(leap)[1]) == {}
    with duckdb.connect(str(leap.settings.warehouse_path)) as warehouse:
        # a run that loaded, but did not publish
        warehouse.execute(
            "insert into leap_raw.delivery select log, delivery_date + 9, files, received from leap_raw.delivery"
        )
    with pytest.raises(VerificationError, match="the last run did not publish"):
        opinion_of(leap)


def test_the_second_opinion_is_no_part_of_the_daily_job():
    defs = build_defs(dataclasses.replace(load_settings({}), source=LANDING))
    assert VERIFY_OP not in {node.name for node in defs.resolve_job_def("daily_warehouse").nodes}
    assert {node.name for node in defs.resolve_job_def(VERIFY_JOB).nodes} == {VERIFY_OP}
    keys = {key for key in defs.resolve_asset_graph().asset_check_keys if key.name == CHECK}
    assert {key.asset_key for key in keys} == set(KEYS.values())
