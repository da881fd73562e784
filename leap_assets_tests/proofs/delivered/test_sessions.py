"""Player-sessions and the day of a match, drawn by hand."""

import numpy as np
import pytest

from leap_assets.proofs.delivered.sessions import Event, MatchDays, Span, find_named, find_unnamed, is_tail

HOUR = 3_600_000_000
DAY = 24 * HOUR
LIMIT = 24 * HOUR


def event(hour, kind="", match=7, name=""):
    """An event so many hours after the first midnight."""
    at = round(hour * HOUR)
    return Event(at, kind == "end", name or f"{at:020}", kind == "start", match)


def named(*events, limit=LIMIT):
    found = find_named(1, 7, sorted(events), limit)
    return sorted(
        (told.first / HOUR, told.last / HOUR, None if told.ended is None else told.ended / HOUR)
        for told in found
    )


def unnamed(*events):
    return [(told.first / HOUR, told.last / HOUR) for told in find_unnamed(1, sorted(events))]


@pytest.mark.parametrize(
    ("before", "own", "expected"),
    [
        ((20, 23), (24.5, 25), True),
        # exactly six hours are no long pause
        ((20, 23), (29, 30), True),
        ((20, 23), (29.001, 30), False),
        # the day before may itself go on over its midnight
        ((6, 23), (24.5, 25), False),
        ((6.001, 23), (24.5, 25), True),
        # and this one over the next
        ((20, 23), (24.5, 42), False),
        ((20, 23), (24.5, 41.999), True),
        (None, (24.5, 25), False),
    ],
)
def test_a_tail_goes_on_over_one_midnight(before, own, expected):
    spans = [span and Span(round(span[0] * HOUR), round(span[1] * HOUR)) for span in (before, own)]
    assert is_tail(spans[0], spans[1], 1) == expected


def test_a_match_counts_on_the_day_of_its_first_line_whatever_log_it_is_in():
    def lines(*rows, **more):
        match, day, at = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
        return {"session_id": match, "day": day, "event_date_time": at * HOUR, "timestamp": at * HOUR} | more

    sessions = lines((5, 0, 23), length_us=np.array([HOUR]))
    heartbeats = lines((5, 1, 25), (6, 1, 25))
    events = lines((-1, 1, 24), (6, 0, 12), (6, 1, 30))
    days = MatchDays(sessions, heartbeats, events)
    found = days.of(np.array([5, 5, 6, 6]), np.array([0, 1, 0, 1]))
    assert found.tolist() == [0, 0, 0, 1]


def test_from_a_start_to_its_end_is_one_session_over_midnights():
    assert named(event(23, "start"), event(24.5), event(40), event(46.9, "end")) == [(23, 46.9, 46.9)]
    # exactly at the limit
    assert named(event(23, "start"), event(47, "end")) == [(23, 47, 47)]
    # beyond it, each day has its own
    assert named(event(23, "start"), event(47.001, "end")) == [(23, 23, None), (47.001, 47.001, 47.001)]
    assert named(event(23, "start"), event(80, "end"), limit=72 * HOUR) == [(23, 80, 80)]


def test_the_earliest_start_behind_the_end_before_counts():
    found = named(
        event(10, "end"), event(22, "start"), event(23, "start"), event(25, "end"), event(26, "end")
    )
    # what comes behind the end goes on from the day before
    assert found == [(10, 26, 26)]
    apart = named(
        event(10, "end"), event(22, "start"), event(25, "end"), event(43, "start"), event(44, "end")
    )
    assert apart == [(10, 25, 25), (43, 44, 44)]


def test_a_part_whose_head_belongs_elsewhere_starts_where_it_starts():
    # the end of the first span takes the early events of the second day; what is left starts on that day
    assert named(event(23, "start"), event(30, "end"), event(43)) == [(23, 30, 30), (43, 43, None)]


def test_half_an_hour_of_silence_or_an_end_closes_a_session_without_an_id():
    alone = [event(hour, match=-1) for hour in (10, 10.49, 10.98, 11.48)]
    assert unnamed(*alone) == [(10, 10.98), (11.48, 11.48)]
    assert unnamed(event(10, match=-1), event(10.1, "end", match=-1), event(10.2, match=-1)) == [
        (10, 10.1),
        (10.2, 10.2),
    ]
    # known by the id of one of its events
    assert unnamed(event(10, match=-1), event(10.1, match=3), event(10.2, match=-1)) == []


def test_a_session_without_an_id_goes_on_over_one_midnight():
    over = [event(hour, match=-1) for hour in (23.8, 24.1, 24.4)]
    assert unnamed(*over) == [(23.8, 24.4)]
    on = [event(24 + 0.4 * n, match=-1) for n in range(60)]
    # the second day may go on over the next midnight: a session of its own
    assert unnamed(event(23.8, match=-1), *on)[0] == (23.8, 23.8)
