"""The published file: what is in it, and readers that poll it while runs replace it."""

import datetime as dt
import json
import subprocess
import sys
import textwrap

import duckdb
import pytest

from leap_assets.warehouse.publication import publish

READERS = 8
# Prints (run, table, number) of each answer once. A reader's queries share a connection, as those of a dashboard do:
# all tables when it meets a new snapshot, else a few in turn, so that polling leaves the processors to the run.
READER = textwrap.dedent(
    """
    import itertools, json, pathlib, sys, time
    import duckdb

    path, stop, tables, everything = sys.argv[1], pathlib.Path(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
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
        time.sleep(1)
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


def test_the_snapshot_says_which_run_published_and_which_days(tmp_path, warehouse):
    warehouse.execute(
        "insert into leap_raw.delivery values "
        "('a', '2025-01-01'), ('b', '2025-01-01'), ('a', '2025-01-04'), ('b', '2025-01-04')"
    )
    path = tmp_path / "published" / "leap.duckdb"
    started = dt.datetime.now(dt.UTC)
    assert publish(warehouse, path, "the run") == {"leap_mart.numbers": 7, "leap_raw.rejected_line": 0}
    with duckdb.connect(str(path), read_only=True) as published:
        [(at, *rest)] = published.execute(
            "select epoch_us(published_at), * exclude (published_at) from leap_published.snapshot"
        ).fetchall()
    assert started.timestamp() - 1 <= at / 1e6 <= dt.datetime.now(dt.UTC).timestamp()
    assert rest == ["the run", 2, dt.date(2025, 1, 1), dt.date(2025, 1, 4)]


def test_a_snapshot_without_deliveries_has_no_days(tmp_path, warehouse):
    path = tmp_path / "published.duckdb"
    publish(warehouse, path, "the run")
    with duckdb.connect(str(path), read_only=True) as published:
        query = "select * exclude (published_at) from leap_published.snapshot"
        assert published.execute(query).fetchall() == [("the run", 0, None, None)]


@pytest.mark.slow
def test_every_answer_of_8_readers_comes_from_one_snapshot_while_runs_publish(make_leap, tmp_path):
    leap = make_leap()
    leap.run(1)
    path, stop = leap.settings.published_path, tmp_path / "stop"
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            """select schema_name || '.' || table_name from duckdb_tables()
            where database_name = current_database() and schema_name <> 'leap_published' order by 1"""
        ).fetchall()
    names = [name for (name,) in tables]
    assert len(names) > 20
    states = state_of(path, names)
    command = [sys.executable, "-c", READER, str(path), str(stop), json.dumps(names), EVERYTHING]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(READERS)
    ]
    try:
        leap.run(2, 3)
        states |= state_of(path, names)
    finally:
        stop.touch()
        outputs = [reader.communicate() for reader in readers]
    assert [reader.returncode for reader in readers] == [0] * READERS, [errors for _, errors in outputs]
    assert len(states) == 2 * len(names)
    for output, _ in outputs:
        opened, answers = json.loads(output)
        assert opened > 3
        # both snapshots, whole, and nothing else
        assert {tuple(answer) for answer in answers} == states


def state_of(path, names) -> set[tuple[str, str, str]]:
    """The run that published a file, and one number for each of its tables."""
    with duckdb.connect(str(path), read_only=True) as connection:
        run = connection.execute("select run_id from leap_published.snapshot").fetchall()[0][0]
        return {(run, n, connection.execute(EVERYTHING.format(table=n)).fetchall()[0][0]) for n in names}
