"""Thresholds: each figure is the one of the lines, and each limit is kept on its side."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.ingestion import load_deliveries
from leap_assets.landing.thresholds import CLAIMS, Thresholds, check_thresholds
from leap_assets.warehouse.connections import rows_of

DAYS = [dt.date(2025, 1, 10), dt.date(2025, 1, 11)]
LOGS = tuple(CONTRACTS)


@pytest.fixture
def find(tmp_path: Path):
    """Load lines of the client log and return the findings by name."""

    def find(lines: dict[dt.date, list[str]], log: str = "client", **limits: object) -> dict:
        for day, texts in lines.items():
            path = tmp_path / log / day.isoformat() / "x.ndjson"
            path.parent.mkdir(parents=True)
            path.write_text("\n".join(texts))
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            rates = {"USD": dt.date(2000, 1, 1)}
            load_deliveries(connection, tmp_path, DAYS, start_date=dt.date(2025, 1, 1), rates=rates)
            findings = check_thresholds(
                rows_of(connection), DAYS, LOGS, dataclasses.replace(Thresholds(), **limits)
            )
        return {finding.name: finding for finding in findings}

    return find


def event(n: int, day: int = 10, event_type: str = "session_start", **changes: object) -> str:
    record = {
        "event_id": f"{day}-{n}",
        "player_id": "p",
        "session_id": "s",
        "event_type": event_type,
        "timestamp": f"2025-01-{day}T12:00:00Z",
        "properties": {},
    }
    return json.dumps(record | changes)


def purchase(n: int, price: float) -> str:
    return event(n, event_type="purchase", properties={"product": "hat", "price": price, "currency": "USD"})


def test_every_claim_is_looked_at(find):
    assert set(find({})) == set(CLAIMS)


def test_days_without_enough_events_are_found(find):
    lines = {DAYS[0]: [event(n) for n in range(5)], DAYS[1]: [event(n, 11) for n in range(3)]}
    found = find(lines, min_events=4)["enough_client_events_arrived"]
    assert (found.passed, found.figure, found.limit) == (False, 3, 4)
    assert "2025-01-11" in found.said


def test_a_day_without_any_event_is_found(find):
    found = find({DAYS[0]: [event(1)]})["enough_client_events_arrived"]
    assert (found.passed, found.figure) == (False, 0)


def test_lacking_event_types_are_named(find):
    lines = {DAYS[0]: [event(1), event(2, event_type="session_end")], DAYS[1]: [event(1, 11)]}
    found = find(lines)["every_required_event_type_arrived"]
    assert (found.passed, found.figure) == (False, 1)
    assert found.said == "lacking: session_end on 2025-01-11"
    assert find({}, event_types=())["every_required_event_type_arrived"].passed


def test_a_price_that_stands_out_is_named(find):
    lines = {DAYS[0]: [purchase(n, 5) for n in range(9)] + [purchase(9, 50), purchase(10, 51)]}
    found = find(lines)["client_prices_are_plausible"]
    assert not found.passed
    assert found.figure == 10.2
    assert found.said.startswith("hat for 51")
    assert "line 11 of client/2025-01-10/x.ndjson" in found.said
    assert "50.0" not in found.said


def test_the_share_of_rejected_lines_is_that_of_the_worst_log_and_day(find):
    lines = {DAYS[0]: [event(n) for n in range(19)] + ["broken"], DAYS[1]: [event(n, 11) for n in range(20)]}
    at_limit = find(lines)["few_lines_are_rejected"]
    assert (at_limit.passed, at_limit.figure) == (True, 0.05)
    assert "client on 2025-01-10" in at_limit.said


def test_more_rejected_lines_than_allowed_are_found(find):
    found = find({DAYS[0]: [event(n) for n in range(18)] + ["broken"]})["few_lines_are_rejected"]
    assert not found.passed


def test_a_property_that_changed_its_type_is_named(find):
    levels = [
        event(n, event_type="level_start", properties={"level": "three" if n < 3 else 3}) for n in range(10)
    ]
    found = find({DAYS[0]: levels})["no_column_changed_its_type"]
    assert (found.passed, found.figure) == (False, 0.3)
    assert "properties.level of log client on 2025-01-10" in found.said
    assert "'three'" in found.said


def test_lines_rejected_for_another_reason_are_of_no_wrong_type(find):
    late = [event(n, timestamp="2025-01-01T12:00:00Z") for n in range(3)]
    found = find({DAYS[0]: [*(event(n) for n in range(10, 17)), *late]})
    assert found["no_column_changed_its_type"].figure == 0
    assert found["few_lines_are_rejected"].figure == 0.3


def test_a_property_that_is_new_breaks_nothing(find):
    found = find({DAYS[0]: [event(n, properties={"new": [n]}) for n in range(10)]})
    assert found["no_column_changed_its_type"].passed
    assert found["few_lines_are_rejected"].figure == 0


def test_clocks_that_are_ahead_are_counted_accepted_or_not(find):
    ahead = [event(1, timestamp="2025-01-11T02:00:00Z"), event(2, timestamp="2025-02-01T00:00:00Z")]
    just_after = [event(3, timestamp="2025-01-11T00:59:59Z")]
    found = find({DAYS[0]: [*(event(n) for n in range(10, 17)), *ahead, *just_after]})["few_clocks_are_ahead"]
    assert (found.passed, found.figure) == (False, 0.2)


def test_missing_optional_values_are_counted(find):
    lines = [event(n, session_id=None if n < 6 else "s") for n in range(10)]
    found = find({DAYS[0]: lines})["few_optional_values_are_missing"]
    assert (found.passed, found.figure) == (False, 0.6)
    assert "session_id of log client" in found.said


def test_a_source_without_transactions_has_no_finding_about_them(tmp_path):
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        load_deliveries(connection, tmp_path, DAYS, start_date=DAYS[0], rates={})
        findings = check_thresholds(rows_of(connection), DAYS, ["client"], Thresholds())
    assert "transaction_prices_are_plausible" not in {finding.name for finding in findings}


def span(n: int, start: str, end: str, **changes: object) -> list[str]:
    """A start and an end of one session of one player, delivered on the day of the end."""
    return [
        event(2 * n, timestamp=start, **changes),
        event(2 * n + 1, event_type="session_end", timestamp=end, **changes),
    ]


def test_a_session_of_the_client_log_that_is_too_long_is_counted_with_player_and_hours(find):
    long = span(1, "2025-01-09T09:00:00Z", "2025-01-10T09:00:01Z", player_id="ann", session_id="S1")
    at_limit = span(2, "2025-01-09T09:00:00Z", "2025-01-10T09:00:00Z", player_id="bob")
    # an earlier end is the next one, and a start behind the last end has none
    again = span(3, "2025-01-09T09:00:00Z", "2025-01-09T10:00:00Z", player_id="cleo")
    again += span(4, "2025-01-10T11:00:00Z", "2025-01-10T12:00:00Z", player_id="cleo")
    again.append(event(10, timestamp="2025-01-10T13:00:00Z", player_id="cleo"))
    found = find({DAYS[0]: [*long, *at_limit, *again]})["no_session_is_too_long"]
    assert (found.passed, found.figure, found.table) == (False, 1, "delivery")
    assert "client: player ann, session S1, 24.0 h from 2025-01-09 09:00:00" in found.said
    assert "bob" not in found.said


def test_how_long_a_session_may_be_follows_the_setting(find):
    lines = {DAYS[0]: span(1, "2025-01-09T09:00:00Z", "2025-01-10T09:00:01Z")}
    assert find(lines, session_max_hours=25.0)["no_session_is_too_long"].passed


def test_an_end_is_matched_with_a_start_of_an_earlier_delivery(tmp_path):
    start, end = span(1, "2025-01-08T09:00:00Z", "2025-01-10T10:00:00Z", player_id="ann")
    lines = {dt.date(2025, 1, 8): start, DAYS[0]: end, DAYS[1]: event(9, 11)}
    for day, line in lines.items():
        path = tmp_path / "client" / day.isoformat() / "x.ndjson"
        path.parent.mkdir(parents=True)
        path.write_text(line)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        days = [dt.date(2025, 1, 8), dt.date(2025, 1, 9), *DAYS]
        load_deliveries(connection, tmp_path, days, start_date=days[0], rates={})
        figures = [
            next(one.figure for one in findings if one.name == "no_session_is_too_long")
            for day in days
            for findings in [check_thresholds(rows_of(connection), [day], LOGS, Thresholds())]
        ]
    # the runs of both its deliveries count it, no other
    assert figures == [1, 0, 1, 0]


def test_a_session_of_the_session_log_that_is_too_long_is_counted_with_its_line(find):
    line = {"player_id": "p", "session_id": "s", "event_date_time": "2025-01-10T12:00:00Z"}
    lines = [json.dumps(line | {"event_length_seconds": seconds}) for seconds in (86400, 86401, 9 * 10**18)]
    found = find({DAYS[0]: lines}, log="session")["no_session_is_too_long"]
    assert (found.passed, found.figure) == (False, 2)
    assert found.said.startswith(
        "2 sessions are longer than 24 h: session: line 2 of session/2025-01-10/x.ndjson"
    )
