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
# prints each different answer of a loop once; a reader's queries share a connection, as those of a dashboard do
READER = textwrap.dedent(
    """
    import json, pathlib, sys, time
    import duckdb

    path, stop, tables, everything = sys.argv[1], pathlib.Path(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
    seen, opened = set(), 0
    while not stop.exists():
        with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
            before = connection.execute("select run_id from leap_published.snapshot").fetchall()
            answer = [connection.execute(everything.format(table=table)).fetchall()[0][0] for table in tables]
            after = connection.execute("select run_id from leap_published.snapshot").fetchall()
        assert before == after
        opened += 1
        line = json.dumps([before[0][0], answer])
        if line not in seen:
            seen.add(line)
            print(line, flush=True)
        time.sleep(0.05)
    print(json.dumps(opened))
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
    path = tmp_path / "leap_published.duckdb"
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
    states = [state_of(path, names)]
    command = [sys.executable, "-c", READER, str(path), str(stop), json.dumps(names), EVERYTHING]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(READERS)
    ]
    try:
        for first, last in ((2, 3), (4, 4)):
            leap.run(first, last)
            states.append(state_of(path, names))
    finally:
        stop.touch()
        outputs = [reader.communicate() for reader in readers]
    assert [reader.returncode for reader in readers] == [0] * READERS, [errors for _, errors in outputs]
    assert len({json.dumps(answer) for _, answer in states}) == len(states)
    for output, _ in outputs:
        *answers, opened = [json.loads(line) for line in output.splitlines()]
        assert opened > len(answers)
        assert len(answers) >= 2
        assert [answer for answer in answers if answer not in states] == []


def state_of(path, names) -> list[object]:
    """The run that published a file, and one number for each of its tables."""
    with duckdb.connect(str(path), read_only=True) as connection:
        run_id = connection.execute("select run_id from leap_published.snapshot").fetchall()[0][0]
        return [run_id, [connection.execute(EVERYTHING.format(table=n)).fetchall()[0][0] for n in names]]
