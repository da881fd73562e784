"""The published file: what is in it, and readers that poll it while runs replace it."""

import contextlib
import datetime as dt
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from leap_assets.landing.ingestion import create_raw_tables
from leap_assets.partitions import Window
from leap_assets.warehouse.connections import open_for_writing
from leap_assets.warehouse.publication import Meaning, key_figures, publish

READERS = 8
PUBLICATIONS = 15
ROWS = 100_000
Answer = tuple[str, str, str]
# run, table, one number for its rows
# Prints (run, table, number) of each answer once. A reader's queries share a connection, as those of a dashboard do:
# all tables when it meets a new snapshot, else a few in turn, so that polling leaves the processors to the run.
READER = textwrap.dedent(
    """
    import itertools, json, pathlib, sys, time
    import duckdb

    path, stop, pause_s, everything = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    tables = sys.argv[5:]
    turn, runs, seen, opened, is_last = itertools.cycle(tables), set(), set(), 0, False
    while not is_last:
        is_last = stop.exists()
        with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
            snapshot = connection.execute("from leap_published.snapshot").fetchall()
            run = snapshot[0][1]
            for table in tables if run not in runs else itertools.islice(turn, 4):
                seen.add((run, table, connection.execute(everything.format(table=table)).fetchall()[0][0]))
            assert connection.execute("from leap_published.snapshot").fetchall() == snapshot
        runs.add(run)
        opened += 1
        if opened == 1:
            print("reading", flush=True)
        time.sleep(pause_s)
    print(json.dumps([opened, sorted(seen)]))
    """
)
# one number for all rows of a table, whatever their order
EVERYTHING = "select cast(coalesce(sum(hash(rows)), 0) as varchar) from {table} as rows"


@pytest.fixture
def warehouse(tmp_path):
    with duckdb.connect(str(tmp_path / "leap.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for schema in ("leap_raw", "leap_mart"):
            connection.execute(f"create schema {schema}")
        connection.execute("create table leap_mart.numbers as from range(7)")
        connection.execute("create table leap_mart.numbers__dbt_tmp as from range(3)")
        connection.execute("create table leap_raw.delivery (log varchar, delivery_date date)")
        connection.execute(
            """create table leap_raw.rejected_line
            (log varchar, delivery_date date, reason varchar, source_file varchar, line_number bigint)"""
        )
        yield connection


def test_the_snapshot_says_which_run_published_which_days_and_in_which_currency(tmp_path, warehouse):
    warehouse.execute(
        "insert into leap_raw.delivery values "
        "('a', '2025-01-01'), ('b', '2025-01-01'), ('a', '2025-01-04'), ('b', '2025-01-04')"
    )
    path = tmp_path / "published" / "leap.duckdb"
    started = dt.datetime.now(dt.UTC)
    assert publish(warehouse, path, "the run", currency="USD") == {
        "leap_mart.numbers": 7,
        "leap_raw.rejected_line": 0,
    }
    with duckdb.connect(str(path), read_only=True) as published:
        [(at, *rest)] = published.execute(
            "select epoch_us(published_at), * exclude (published_at) from leap_published.snapshot"
        ).fetchall()
    assert started.timestamp() - 1 <= at / 1e6 <= dt.datetime.now(dt.UTC).timestamp()
    assert rest == ["the run", 2, dt.date(2025, 1, 1), dt.date(2025, 1, 4), "USD"]


def test_a_snapshot_without_deliveries_has_no_days(tmp_path, warehouse):
    path = tmp_path / "published.duckdb"
    publish(warehouse, path, "the run", currency="USD")
    with duckdb.connect(str(path), read_only=True) as published:
        query = "select * exclude (published_at) from leap_published.snapshot"
        assert published.execute(query).fetchall() == [("the run", 0, None, None, "USD")]


def test_old_tools_can_open_what_is_published(tmp_path):
    path = tmp_path / "published.duckdb"
    with open_for_writing(tmp_path / "leap.duckdb") as warehouse:
        create_raw_tables(warehouse)
        publish(warehouse, path, "the run", currency="USD")
    with duckdb.connect(str(path), read_only=True) as published:
        query = "select tags['storage_version'] from duckdb_databases() where not internal"
        assert published.execute(query).fetchall() == [("v1.0.0+",)]


def test_published_tables_carry_their_meanings(tmp_path, warehouse):
    path = tmp_path / "published.duckdb"
    meanings = {
        ("leap_mart", "numbers"): Meaning("It's seven.", {"range": "From 0.", "gone": "Not there."}),
        ("leap_mart", "never_built"): Meaning("Nothing.", {}),
    }
    publish(warehouse, path, "the run", meanings, currency="USD")
    with duckdb.connect(str(path), read_only=True) as published:
        told = "select comment from duckdb_tables() where table_name = 'numbers'"
        assert published.execute(told).fetchall() == [("It's seven.",)]
        told = "select comment from duckdb_columns() where table_name = 'numbers'"
        assert published.execute(told).fetchall() == [("From 0.",)]


def test_key_figures_are_those_of_each_day(warehouse):
    days = Window(dt.date(2025, 1, 1), dt.date(2025, 1, 3))
    assert key_figures(warehouse, days) == {}
    warehouse.execute(
        """create table leap_mart.kpi_daily as
        select
            date '2025-01-02' as event_date, 3 as dau, 1 as new_players, 4 as player_sessions, 5400 as play_s,
            1.5::decimal(18, 2) as purchase_amount, 0.25::decimal(18, 6) as ad_amount, 2 as payers"""
    )
    assert key_figures(warehouse, days) == {
        "2025-01-02": {
            "dau": 3,
            "new_players": 1,
            "player_sessions": 4,
            "play_hours": 1.5,
            "purchase_amount": 1.5,
            "ad_amount": 0.25,
            "payers": 2,
        }
    }


def test_readers_meet_whole_snapshots_while_the_file_is_replaced_many_times(tmp_path, warehouse):
    path, names = tmp_path / "published" / "leap.duckdb", ["leap_mart.numbers", "leap_mart.others"]
    states: set[Answer] = set()
    with contextlib.ExitStack() as stack:
        for number in range(PUBLICATIONS):
            for name in names:
                warehouse.execute(
                    f"create or replace table {name} as select {number} as n from range({ROWS})"
                )
            publish(warehouse, path, f"run {number}", currency="USD")
            states |= state_of(path, names)
            if number == 0:
                answers = stack.enter_context(polling(2, path, names, tmp_path / "stop", pause_s=0))
    for opened, answer in answers:
        assert opened > 1
        assert len({run for run, _, _ in answer}) > 1
        assert answer <= states


@pytest.mark.slow
def test_every_answer_of_8_readers_comes_from_one_snapshot_while_runs_publish(make_leap, tmp_path):
    leap = make_leap()
    leap.run(1)
    path = leap.settings.published_path
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            """select schema_name || '.' || table_name from duckdb_tables()
            where database_name = current_database() and schema_name <> 'leap_published' order by 1"""
        ).fetchall()
    names = [name for (name,) in tables]
    assert len(names) > 20
    states = state_of(path, names)
    with polling(READERS, path, names, tmp_path / "stop", pause_s=1) as answers:
        leap.run(2, 3)
        states |= state_of(path, names)
    assert len(states) == 2 * len(names)
    assert len(answers) == READERS
    for opened, answer in answers:
        assert opened > 3
        # both snapshots, whole, and nothing else
        assert answer == states


@contextlib.contextmanager
def polling(
    n: int, path: Path, names: list[str], stop: Path, *, pause_s: float
) -> Iterator[list[tuple[int, set[Answer]]]]:
    """Processes that read a file while the block runs; then how often each opened it, and what it was told."""
    command = [sys.executable, "-c", READER, str(path), str(stop), str(pause_s), EVERYTHING, *names]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(n)
    ]
    answers: list[tuple[int, set[Answer]]] = []
    try:
        for reader in readers:
            assert reader.stdout
            # an empty line is that of a reader that has failed, which is told below
            reader.stdout.readline()
        yield answers
    finally:
        stop.touch()
        outputs = [reader.communicate() for reader in readers]
    assert [reader.returncode for reader in readers] == [0] * n, [errors for _, errors in outputs]
    for output, _ in outputs:
        opened, answer = json.loads(output)
        answers.append((opened, {(run, table, number) for run, table, number in answer}))


def state_of(path: Path, names: list[str]) -> set[Answer]:
    """The run that published a file, and one number for each of its tables."""
    with duckdb.connect(str(path), read_only=True) as connection:
        run = connection.execute("select run_id from leap_published.snapshot").fetchall()[0][0]
        return {(run, n, connection.execute(EVERYTHING.format(table=n)).fetchall()[0][0]) for n in names}
