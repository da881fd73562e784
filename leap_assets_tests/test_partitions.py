"""Windows: which event days a run's delivery days can change."""

import datetime as dt
import os
import subprocess
import sys

import pytest

from leap_assets.partitions import Window, _describe_other_days, event_window, refuse_other_days
from leap_assets.settings import PROJECT_DIR

START = dt.date(2025, 1, 1)


def day(n: int) -> dt.date:
    return START + dt.timedelta(days=n)


def test_a_window_counts_both_ends():
    window = Window(day(0), day(2))
    assert list(window) == [day(0), day(1), day(2)]
    assert (len(window), window.end) == (3, day(3))
    assert str(window) == "2025-01-01 to 2025-01-03"
    assert str(Window(day(0), day(0))) == "2025-01-01"


def test_a_reversed_window_is_refused():
    with pytest.raises(ValueError, match="must not end before it starts"):
        Window(day(1), day(0))


@pytest.mark.parametrize(
    ("hours", "first", "last"),
    [(24.0, 6, 16), (0.5, 6, 16), (24.5, 5, 17), (48.0, 5, 17), (72.0, 4, 18), (744.0, 0, 46)],
)
def test_event_days_reach_as_far_as_a_late_line_an_early_one_and_a_session(hours, first, last):
    assert event_window(Window(day(10), day(12)), START, hours) == Window(day(first), day(last))


def test_event_days_never_lie_before_the_first_day():
    assert event_window(Window(day(0), day(0)), START, 24.0) == Window(day(0), day(4))


@pytest.mark.parametrize(
    ("partition", "partition_range", "said"),
    [
        (
            "2025-01-05",
            None,
            "2025-01-05 is not over yet. The days are 2025-01-01 (LEAP_START_DATE) to 2025-01-04",
        ),
        ("2025-01-06", None, "wait until midnight UTC after 2025-01-06"),
        ("2024-12-31", None, "2024-12-31 is before the first day"),
        ("2025-13-01", None, "2025-13-01 is no day such as 2025-01-04"),
        ("20250102", None, "20250102 is no day"),
        ("gibberish", None, "gibberish is no day"),
        (None, "2025-01-01...gibberish", "gibberish is no day"),
        (None, "2024-12-31...2025-01-02", "2024-12-31 is before the first day"),
        (None, "2025-01-01..2025-01-02", "is no range. Write it first...last"),
        (None, "2025-01-03...2025-01-01", "ends before it starts. Write it 2025-01-01...2025-01-03"),
        (None, None, "No day was given. The days are"),
        ("2025-01-01", "2025-01-01...2025-01-02", "Give one of them"),
        ("2025-01-04", None, None),
        (None, "2025-01-01...2025-01-04", None),
    ],
)
def test_days_that_are_no_partitions_are_described_with_those_that_are(partition, partition_range, said):
    found = _describe_other_days(partition, partition_range, START, day(3))
    assert found is None if said is None else said in found


def test_before_the_first_day_is_over_there_is_none():
    assert "There is no day yet" in _describe_other_days("2025-01-01", None, START, day(-1))


@pytest.mark.parametrize(
    "arguments", [("--partition", "2999-01-01"), ("--partition-range", "2999-01-01...x"), ()]
)
def test_a_command_with_other_days_ends_in_one_message(tmp_path, arguments):
    select = ["--select", "leap_raw/delivery", *arguments]
    found = subprocess.run(
        [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "leap_assets.definitions", *select],
        env={**os.environ, "LEAP_DATA_DIR": str(tmp_path / "data"), "DAGSTER_HOME": ""},
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert "Error: " in found.stderr
    assert "The days are 2025-01-01 (LEAP_START_DATE) to " in found.stderr
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "data").exists()


def test_definitions_load_where_no_command_names_days():
    # the UI, the daemon and tests have no such arguments
    refuse_other_days(dt.date(2999, 1, 1))
