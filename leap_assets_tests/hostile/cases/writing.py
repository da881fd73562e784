"""How cases are written down: lines of each log with what does not matter left out, and what must result."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

from leap_assets_tests.hostile.worlds import Line, World, join_worlds

Rows = list[tuple[Any, ...]]


@dataclasses.dataclass(frozen=True)
class Case:
    """Some lines, and queries with the rows that they must give, worked out by hand.

    Attributes
    ----------
    name : str
        What is right, as a claim.
    group : str
        Cases of a group share a warehouse: players and ids are the case's own, days need not be.
    days : sequence of date
        Delivery days.
    lines : sequence of Line
    expected : sequence of (str, list of tuple)
    """

    name: str
    group: str
    days: Sequence[dt.date]
    lines: Sequence[Line]
    expected: Sequence[tuple[str, Rows]]


# Which settings the groups of cases have.
GROUP_SETUPS = {"plain": "plain", "growth": "plain", "long": "long", "mobile": "mobile"}


def world_of(cases: Sequence[Case], group: str) -> World:
    """The world of all cases of a group."""
    own = [case for case in cases if case.group == group]
    setup = GROUP_SETUPS[group]
    return join_worlds(group, [World(case.name, setup, tuple(case.days), tuple(case.lines)) for case in own])


def span(first: str, last: str) -> tuple[dt.date, ...]:
    """All days from one to another."""
    begin, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return tuple(begin + dt.timedelta(days=n) for n in range((end - begin).days + 1))


def _line(log: str, at: str, on: str | None, file: str, record: dict[str, Any]) -> Line:
    """A line that is delivered on the day that its time names, unless told otherwise."""
    return Line(log, dt.date.fromisoformat(on or at[:10]), record, file)


def session(
    player: Any,
    match: Any,
    end: str,
    length: Any,
    *,
    on: str | None = None,
    file: str = "a.ndjson",
    **more: Any,
) -> Line:
    """A line of the session log; `end` and `length` decide the start."""
    record = {
        "player_id": player,
        "session_id": match,
        "event_date_time": end,
        "event_length_seconds": length,
    }
    return _line("session", end, on, file, record | more)


def event(
    event_id: Any,
    player: Any,
    event_type: str,
    at: str,
    match: Any = None,
    *,
    on: str | None = None,
    file: str = "a.ndjson",
    **properties: Any,
) -> Line:
    """A client event."""
    record = {"event_id": event_id, "player_id": player, "event_type": event_type, "timestamp": at}
    if match is not None:
        record["session_id"] = match
    if properties:
        record["properties"] = properties
    return _line("client", at, on, file, record)


def fix(
    player: Any,
    match: Any,
    at: str,
    x: Any,
    team: Any = None,
    *,
    y: Any = 0,
    z: Any = 0,
    on: str | None = None,
    file: str = "a.ndjson",
) -> Line:
    """A position."""
    record = {
        "player_id": player,
        "session_id": match,
        "event_date_time": at,
        "team_id": team,
        "position_x": x,
        "position_y": y,
        "position_z": z,
    }
    return _line("heartbeat", at, on, file, record)


def paid(
    transaction: Any,
    player: Any,
    at: str,
    price: Any,
    currency: str = "USD",
    item: Any = "hat",
    *,
    on: str | None = None,
    file: str = "a.ndjson",
    **more: Any,
) -> Line:
    """A line of the transaction log."""
    record = {
        "transaction_id": transaction,
        "player_id": player,
        "event_date_time": at,
        "purchase_item": item,
        "purchase_price": price,
        "currency": currency,
        "transaction_type": "Skins",
    }
    return _line("transaction", at, on, file, record | more)


def registered(
    player: Any, at: str, *, on: str | None = None, file: str = "a.ndjson", **attributes: Any
) -> Line:
    """A line of the player log."""
    return _line("player", at, on, file, {"player_id": player, "event_date_time": at} | attributes)


def signed_on(player: Any, at: str, *, on: str | None = None, file: str = "a.ndjson", **more: Any) -> Line:
    """A line of the sign-on log."""
    return _line("signons", at, on, file, {"player_id": player, "event_date_time": at} | more)


def listed(
    item: Any, on: str, price: Any, currency: str = "USD", *, file: str = "a.ndjson", **more: Any
) -> Line:
    """A line of the catalogue."""
    record = {"purchase_item": item, "transaction_type": "Skins", "price": price, "currency": currency}
    return _line("product", on, on, file, record | more)


def text(log: str, on: str, line: str) -> Line:
    """A line of NDJSON as it is."""
    return Line(log, dt.date.fromisoformat(on), line, "a.ndjson")


def day(value: str) -> dt.date:
    """A day, short to write."""
    return dt.date.fromisoformat(value)


def time(value: str) -> dt.datetime:
    """A time, short to write."""
    return dt.datetime.fromisoformat(value)


def seconds_after(begin: str, seconds: float) -> str:
    """A time as text, some seconds after another."""
    at = time(begin) + dt.timedelta(microseconds=round(seconds * 1_000_000))
    return f"{at.isoformat(timespec='microseconds')}Z"
