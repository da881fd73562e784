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


@pytest.mark.parametrize(
    ("hours", "first", "last"),
    [(24.0, 6, 16), (0.5, 6, 16), (24.5, 5, 17), (48.0, 5, 17), (72.0, 4, 18), (744.0, 0, 46)],
)
def test_event_days_reach_as_far_as_a_late_line_an_early_one_and_a_session(hours, first, last):
    assert event_window(Window(day(10), day(12)), START, hours) == Window(day(first), day(last))


def test_event_days_never_lie_before_the_first_day():
    assert event_window(Window(day(0), day(0)), START, 24.0) == Window(day(0), day(4))
