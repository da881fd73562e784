"""The published file as the dashboard reads it: which state, how old, what its columns mean."""

import datetime as dt
import os

import duckdb
import pytest

from leap_assets.dashboard.filters import Filters
from leap_assets.dashboard.snapshot import NoSnapshotError, Snapshot, say_age, stamp

NOON = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)


def write(path, days: int) -> None:
    """A published file with nothing but what says which state it is, put in place by rename."""
    partial = path.with_suffix(".partial")
    with duckdb.connect(str(partial)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema leap_published; create schema leap_mart")
        connection.execute(
            """create table leap_published.snapshot as select
            timestamptz '2025-03-01 12:00:00+00' as published_at, 'the-run' as run_id, ? as delivery_days,
            date '2025-01-01' as first_delivery_date, date '2025-01-01' + ? as last_delivery_date,
            'EUR' as currency""",
            [days, days - 1],
        )
        connection.execute("create table leap_mart.numbers as select 1 as one")
        connection.execute("comment on table leap_mart.numbers is 'One row.'")
        connection.execute("comment on column leap_mart.numbers.one is 'Always ''1''.'")
    partial.replace(path)


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "leap.duckdb", 3)
    return tmp_path / "leap.duckdb"


def test_a_snapshot_says_what_it_is(path):
    snapshot = Snapshot.open(path)
    assert (snapshot.published_at, snapshot.run_id, snapshot.days) == (NOON, "the-run", 3)
    assert (snapshot.first, snapshot.last) == (dt.date(2025, 1, 1), dt.date(2025, 1, 3))
    assert snapshot.currency == "EUR"


def test_definitions_are_the_comments_of_the_file(path):
    snapshot = Snapshot.open(path)
    assert snapshot.describe("leap_mart.numbers") == "One row."
    assert snapshot.describe("leap_mart.numbers.one") == "Always '1'."
    assert snapshot.describe("leap_mart.numbers.two") == ""


def test_a_reader_keeps_its_state_and_another_one_gets_the_new(path):
    old, old_stamp = Snapshot.open(path), stamp(path)
    write(path, 4)
    assert stamp(path) != old_stamp
    new = Snapshot.open(path)
    days = "select delivery_days from leap_published.snapshot"
    assert (old.query(days).iloc[0, 0], new.query(days).iloc[0, 0]) == (3, 4)


def test_a_sum_of_whole_numbers_is_a_whole_number(path):
    rows = Snapshot.open(path).query(
        "select sum(n) as n, sum(n) filter (n > 9) as none, avg(n) as mean from range(3) as r (n)"
    )
    assert rows.dtypes.astype(str).to_dict() == {"n": "int64", "none": "float64", "mean": "float64"}
    assert rows["n"][0] == 3


def test_nothing_can_be_written(path):
    with pytest.raises(duckdb.Error):
        Snapshot.open(path).query("create table leap_mart.more as select 1")


def test_a_file_that_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(NoSnapshotError, match="make demo"):
        Snapshot.open(tmp_path / "leap.duckdb")
    assert stamp(tmp_path / "leap.duckdb") is None


@pytest.mark.parametrize("content", [b"", b"no database", os.urandom(20_000)])
def test_a_file_that_is_none_of_ours_says_what_to_do(tmp_path, content):
    (tmp_path / "leap.duckdb").write_bytes(content)
    with pytest.raises(NoSnapshotError, match="cannot be read as a published file"):
        Snapshot.open(tmp_path / "leap.duckdb")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 second ago"), (59, "59 seconds ago"), (60, "1 minute ago"), (7200, "2 hours ago"), (200_000, "2 days ago")],
)  # fmt: skip
def test_an_age_is_said_in_words(seconds, said):
    assert say_age(NOON, NOON + dt.timedelta(seconds=seconds)) == said


def test_filters_become_conditions():
    filters = Filters(dt.date(2025, 1, 1), dt.date(2025, 1, 2), ["DE", "it's"], [], [dt.date(2024, 12, 30)])
    assert filters.where("d") == "where d between date '2025-01-01' and date '2025-01-02'"
    assert filters.where(segment=True) == "where country in ('DE', 'it''s')"
    assert filters.where(week="w", also="x") == "where w in (date '2024-12-30') and x"
    assert Filters(filters.first, filters.last).where(segment=True, week="w") == ""
    assert (filters.days, filters.by_segment) == (2, True)
