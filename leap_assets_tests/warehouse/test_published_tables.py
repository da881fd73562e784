"""The published file and the row counts of the UI."""

import datetime as dt

import duckdb
import pytest

from leap_assets.partitions import Window
from leap_assets.warehouse.counts import count_rows
from leap_assets.warehouse.publication import REJECTED_PER_DAY, publish

DAYS = Window(dt.date(2025, 1, 1), dt.date(2025, 1, 3))


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        for schema in ("leap_raw", "leap_stage", "leap_mart"):
            opened.execute(f"create schema {schema}")
        opened.execute(
            """create table leap_raw.rejected_line as select
                'session' as log, date '2025-01-01' + (n % 2)::integer as delivery_date, 'f' as source_file,
                n as line_number, if(n % 4 < 2, 'wrong_type', 'unparsable') as reason
            from range(1000) as numbers(n)"""
        )
        opened.execute(
            "create table leap_mart.kpi_daily as select date '2025-01-02' as event_date from range(3)"
        )
        opened.execute("create table leap_mart.kpi_daily__dbt_tmp as select 1 as leftover")
        opened.execute("create table leap_stage.fact_session as select 1 as one")
        opened.execute("create table leap_raw.delivery as select date '2025-01-01' as delivery_date")
        opened.execute("create table leap_stage.match_days as select 1 as one")
        yield opened


def test_people_see_marts_and_some_stage_tables_and_no_leftovers(connection, tmp_path):
    rows = publish(connection, tmp_path / "leap.duckdb", "a run", currency="USD")
    expected = {"leap_mart.kpi_daily": 3, "leap_stage.fact_session": 1}
    assert rows == {**expected, "leap_raw.rejected_line": 4 * REJECTED_PER_DAY}
    with duckdb.connect(str(tmp_path / "leap.duckdb"), read_only=True) as published:
        found = published.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    assert {name for (name,) in found} == {*rows, "leap_published.snapshot"}


def test_the_first_rejected_lines_of_each_day_and_reason_are_kept(connection, tmp_path):
    publish(connection, tmp_path / "leap.duckdb", "a run", currency="USD")
    with duckdb.connect(str(tmp_path / "leap.duckdb"), read_only=True) as published:
        found = published.execute(
            "select delivery_date, reason, count(*), max(line_number) from leap_raw.rejected_line group by all"
        ).fetchall()
    assert len(found) == 4
    assert {count for _, _, count, _ in found} == {REJECTED_PER_DAY}
    assert {last for *_, last in found} <= set(range(396, 400))


def test_a_file_is_replaced_also_behind_a_half_written_one_and_nobody_may_write_it(connection, tmp_path):
    path = tmp_path / "leap.duckdb"
    publish(connection, path, "a run", currency="USD")
    path.with_name(".leap.duckdb.partial").write_text("a killed run left this")
    connection.execute("insert into leap_mart.kpi_daily values ('2025-01-03')")
    publish(connection, path, "a run", currency="USD")
    assert path.stat().st_mode & 0o222 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["leap.duckdb"]
    with duckdb.connect(str(path), read_only=True) as published:
        assert published.execute("select count(*) from leap_mart.kpi_daily").fetchall() == [(4,)]


def test_rows_are_counted_by_day_and_whole(connection):
    connection.execute(
        "insert into leap_mart.kpi_daily values ('2025-01-01'), ('2025-01-03'), ('2025-01-04')"
    )
    counts = count_rows(connection, "leap_mart", "kpi_daily", DAYS)
    by_day = {"2025-01-01": 1, "2025-01-02": 3, "2025-01-03": 1}
    assert counts == {None: {"dagster/row_count": 6}} | {
        day: {"dagster/partition_row_count": rows} for day, rows in by_day.items()
    }


def test_a_day_without_rows_counts_none_and_a_table_that_is_not_there_nothing(connection):
    counts = count_rows(connection, "leap_mart", "kpi_daily", DAYS)
    assert counts["2025-01-01"] == {"dagster/partition_row_count": 0}
    assert count_rows(connection, "leap_mart", "no_such_table", DAYS) == {}
