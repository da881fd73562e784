"""Windows: which event days a run's delivery days can change."""

import datetime as dt

import pytest

from leap_assets.partitions import Window, event_window

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


def test_event_days_reach_four_days_back_and_two_ahead():
    assert event_window(Window(day(10), day(12)), START) == Window(day(6), day(14))


def test_event_days_never_lie_before_the_first_day():
    assert event_window(Window(day(0), day(0)), START) == Window(day(0), day(2))
