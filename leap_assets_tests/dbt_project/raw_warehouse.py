"""A small raw warehouse, as the loader would leave it: what the tests of the dbt project run on.

In here: the raw tables, the loading of one delivery day, a made-up week of a game with late lines, repeats,
matches over midnight and unknown players, and a plain stand-in for the conflict kernel.
Not in here: the contracts of the logs and the checking of lines, which belong to the loader, and dbt itself.
"""

import datetime as dt
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

Line = dict[str, Any]

UTC_MICROSECONDS = pa.timestamp("us")
MONEY = pa.decimal128(18, 4)

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "player": {
        "player_id": pa.string(),
        "event_date_time": UTC_MICROSECONDS,
        "country": pa.string(),
        "platform": pa.string(),
        "experiment_group": pa.string(),
        "display_name": pa.string(),
    },
    "product": {
        "purchase_item": pa.string(),
        "product_name": pa.string(),
        "transaction_type": pa.string(),
        "tier": pa.string(),
        "price": MONEY,
        "currency": pa.string(),
        "cycle": pa.string(),
        "available_from": pa.date32(),
    },
    "signons": {
        "player_id": pa.string(),
        "event_date_time": UTC_MICROSECONDS,
        "platform": pa.string(),
    },
    "session": {
        "player_id": pa.string(),
        "session_id": pa.string(),
        "event_date_time": UTC_MICROSECONDS,
        "country": pa.string(),
        "event_length_seconds": pa.decimal128(18, 6),
        "kills": pa.int64(),
        "deaths": pa.int64(),
    },
    "transaction": {
        "transaction_id": pa.string(),
        "player_id": pa.string(),
        "event_date_time": UTC_MICROSECONDS,
        "purchase_item": pa.string(),
        "purchase_price": MONEY,
        "currency": pa.string(),
        "is_recurring": pa.bool_(),
        "cycle": pa.string(),
        "transaction_type": pa.string(),
        "refunded_transaction_id": pa.string(),
    },
    "heartbeat": {
        "player_id": pa.string(),
        "event_date_time": UTC_MICROSECONDS,
        "team_id": pa.string(),
        "session_id": pa.string(),
        "position_x": pa.float64(),
        "position_y": pa.float64(),
        "position_z": pa.float64(),
    },
    "client": {
        "event_id": pa.string(),
        "player_id": pa.string(),
        "session_id": pa.string(),
        "event_type": pa.string(),
        "timestamp": UTC_MICROSECONDS,
        "properties": pa.string(),
        "level": pa.int64(),
        "time_spent": MONEY,
        "success": pa.bool_(),
        "score": pa.int64(),
        "product": pa.string(),
        "price": MONEY,
        "currency": pa.string(),
        "ad_type": pa.string(),
        "network": pa.string(),
        "revenue": pa.decimal128(18, 6),
        "achievement": pa.string(),
        "feature": pa.string(),
        "session_length": MONEY,
    },
}

PLACE: dict[str, pa.DataType] = {
    "event_date": pa.date32(),
    "delivery_date": pa.date32(),
    "source_file": pa.string(),
    "line_number": pa.int64(),
}

REJECTED: dict[str, pa.DataType] = {
    "log": pa.string(),
    "delivery_date": pa.date32(),
    "source_file": pa.string(),
    "line_number": pa.int64(),
    "reason": pa.string(),
    "message": pa.string(),
    "raw_line": pa.string(),
}

CONFLICT_TABLES = """
    create table if not exists leap_stage.stage_conflicts (
        session_id varchar, team_1_id varchar, team_2_id varchar, conflict_number bigint,
        conflict_start timestamp, conflict_end timestamp, close_beats bigint,
        min_centroid_distance double, min_player_distance double, event_date date
    );
    create table if not exists leap_stage.stage_contacts (
        session_id varchar, player_1_id varchar, player_2_id varchar, contact_number bigint,
        contact_start timestamp, contact_end timestamp, close_beats bigint,
        min_distance double, event_date date
    );
"""


@dataclass
class Delivery:
    """What arrives on one day: the valid lines of each log in file order, and the rejected ones per log."""

    lines: dict[str, list[Line]] = field(default_factory=lambda: {log: [] for log in COLUMNS})
    rejected: dict[str, int] = field(default_factory=dict)


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty raw tables and the two tables of the conflict kernel."""
    connection.execute("create schema if not exists leap_raw; create schema if not exists leap_stage")
    for log, columns in COLUMNS.items():
        _create_table(connection, f"leap_raw.event_{log}", {**columns, **PLACE})
    _create_table(connection, "leap_raw.rejected_line", REJECTED)
    connection.execute(
        "create table if not exists leap_raw.delivery"
        " (log varchar, delivery_date date, files bigint, received bigint)"
    )
    connection.execute(CONFLICT_TABLES)


def load_delivery(connection: duckdb.DuckDBPyConnection, day: dt.date, delivery: Delivery) -> None:
    """Replace one delivery day in every raw table, in one transaction."""
    connection.execute("begin")
    for log, columns in COLUMNS.items():
        source_file = f"{log}/{day}/part-0"
        rows = [
            {
                **{column: line.get(column) for column in columns},
                "event_date": _own_day(log, line, day),
                "delivery_date": day,
                "source_file": source_file,
                "line_number": number,
            }
            for number, line in enumerate(delivery.lines[log], start=1)
        ]
        rejected = [
            {
                "log": log,
                "delivery_date": day,
                "source_file": source_file,
                "line_number": len(rows) + number,
                "reason": "wrong_type",
                "message": "kills: 'many' is not a whole number",
                "raw_line": "{}",
            }
            for number in range(1, delivery.rejected.get(log, 0) + 1)
        ]
        connection.execute(f"delete from leap_raw.event_{log} where delivery_date = ?", [day])
        connection.execute(
            "delete from leap_raw.rejected_line where log = ? and delivery_date = ?", [log, day]
        )
        connection.execute("delete from leap_raw.delivery where log = ? and delivery_date = ?", [log, day])
        _insert(connection, f"leap_raw.event_{log}", rows, {**columns, **PLACE})
        _insert(connection, "leap_raw.rejected_line", rejected, REJECTED)
        connection.execute(
            "insert into leap_raw.delivery values (?, ?, ?, ?)",
            [log, day, int(bool(rows or rejected)), len(rows) + len(rejected)],
        )
    connection.execute("commit")


def replace_conflicts(
    connection: duckdb.DuckDBPyConnection, first_day: dt.date, end_day: dt.date, *, distance: float = 30.0
) -> None:
    """Stand in for the conflict kernel: every close beat of a pair of teams is a conflict of its own."""
    connection.execute("begin")
    connection.execute(
        "delete from leap_stage.stage_conflicts where event_date >= ? and event_date < ?",
        [first_day, end_day],
    )
    connection.execute(
        """
        insert into leap_stage.stage_conflicts
        select
            a.session_id, a.team_id, b.team_id,
            row_number() over (partition by a.event_date, a.session_id, a.team_id, b.team_id order by a.beat),
            match_started_at + a.beat * interval 30 second,
            match_started_at + (a.beat + 1) * interval 30 second,
            1, distance, distance, a.event_date
        from leap_stage.stage_centroids as a
        inner join leap_stage.stage_centroids as b using (session_id, event_date, beat)
        inner join leap_stage.stage_matches using (session_id, event_date),
        lateral (
            select
                sqrt(
                    (a.centroid_x - b.centroid_x) ** 2
                    + (a.centroid_y - b.centroid_y) ** 2
                    + (a.centroid_z - b.centroid_z) ** 2
                ) as distance
        )
        where a.team_id < b.team_id and distance <= ? and a.event_date >= ? and a.event_date < ?
        """,
        [distance, first_day, end_day],
    )
    connection.execute("commit")


def made_up_deliveries(
    first_day: dt.date, days: int, *, players: int = 20, seed: int = 7
) -> dict[dt.date, Delivery]:
    """Return what is delivered on each day of a small game.

    Each day has every log. One line in eight is late by one to three days, one in ten is repeated as it is and
    one in twenty with another content; some matches cross midnight, some lines come from players without a
    registration, and some are rejected. The second day of the world has no play at all. Client events tell of some
    of the matches, of matches that no other log has, and of play without a session id, by players of their own.
    """
    rng = random.Random(seed)
    deliveries = {first_day + dt.timedelta(days=offset): Delivery() for offset in range(days)}
    ids = [f"player-{number:03d}" for number in range(players)]
    # A tenth never registers: their rows in dim_players are inferred.
    for player in ids[players // 10 :]:
        registered_at = _at(first_day, rng.uniform(0, 86_400 * max(1, days // 2)))
        line = {
            "player_id": player,
            "event_date_time": registered_at,
            "country": rng.choice(["US", "DE", "JP", "XX", None]),
            "platform": rng.choice(["pc", "console", "mobile"]),
            "experiment_group": rng.choice(["control", "treatment"]),
            "display_name": player.title(),
        }
        _deliver(deliveries, "player", line, registered_at.date(), rng)
    for offset, day in enumerate(deliveries):
        _add_catalogue(deliveries[day], day, offset)
        for number in range(0 if offset == 1 else 6):
            _add_match(deliveries, day, f"match-{offset:02d}-{number}", rng.sample(ids, 4), rng)
        for number in range(5):
            _add_transaction(deliveries, day, f"transaction-{offset:02d}-{number}", rng.choice(ids), rng)
        deliveries[day].rejected = {"session": rng.randint(0, 2), "client": 0}
    _add_client_events(deliveries, random.Random(seed + 1))
    return deliveries


def _add_client_events(deliveries: Mapping[dt.date, Delivery], rng: random.Random) -> None:
    """Client events of the matches played, and of players on phones whom no other log knows."""
    sessions = [line for delivery in list(deliveries.values()) for line in delivery.lines["session"]]
    for line in sessions:
        started_at = line["event_date_time"] - dt.timedelta(seconds=line["event_length_seconds"])
        if rng.random() < 0.5:
            _play(deliveries, line["player_id"], line["session_id"], started_at, line["event_date_time"], rng)
    for offset, day in enumerate(deliveries):
        for number in range(8):
            player, has_id = f"phone-{rng.randrange(6)}", number % 2 == 0
            # Half of them over midnight.
            start_s = rng.uniform(85_500, 86_300) if number % 4 < 2 else rng.uniform(0, 80_000)
            started_at = _at(day, start_s)
            ended_at = started_at + dt.timedelta(seconds=rng.randint(900, 2400))
            session_id = f"tap-{offset:02d}-{number}" if has_id else None
            _play(deliveries, player, session_id, started_at, ended_at, rng)


def _play(
    deliveries: Mapping[dt.date, Delivery],
    player: str,
    session_id: str | None,
    started_at: dt.datetime,
    ended_at: dt.datetime,
    rng: random.Random,
) -> None:
    """Deliver the client events of one player-session; now and then its end is missing."""
    acts: list[Line] = [{"event_type": "session_start"}]
    for _ in range(rng.randint(1, 4)):
        level = rng.randint(1, 6)
        acts.append({"event_type": "level_start", "level": level})
        result = rng.choice(["level_complete", "level_complete", "level_fail", None])
        if result:
            done = {"success": result == "level_complete", "score": rng.randint(0, 99)}
            acts.append({"event_type": result, "level": level, "time_spent": _money(6000), **done})
    shown = {"ad_type": rng.choice(["video", "banner"]), "network": "north", "revenue": Decimal("0.012345")}
    acts.append({"event_type": "ad_watched", "currency": rng.choice(["EUR", None]), **shown})
    acts.append({"event_type": "feature_used", "feature": rng.choice(["chat", "map"])})
    if rng.random() < 0.3:
        bought = {"product": "skin-red", "price": _money(rng.choice([499, 999])), "currency": "EUR"}
        acts.append({"event_type": "purchase", **bought})
    if rng.random() < 0.3:
        acts.append({"event_type": "achievement_unlocked", "achievement": "first-blood"})
    length_s = (ended_at - started_at).total_seconds()
    if rng.random() < 0.8:
        acts.append({"event_type": "session_end", "session_length": _money(round(100 * length_s))})
    for number, act in enumerate(acts):
        at = started_at + (ended_at - started_at) * number / len(acts)
        if act["event_type"] == "session_end":
            at = ended_at
        properties = {name: str(value) for name, value in act.items() if name != "event_type"}
        event = {
            "event_id": f"{player}/{started_at:%dT%H%M%S%f}/{number}",
            "player_id": player,
            "session_id": session_id,
            "timestamp": at,
            "properties": json.dumps(properties),
            **act,
        }
        _deliver(deliveries, "client", event, at.date(), rng)


def _add_match(
    deliveries: Mapping[dt.date, Delivery],
    day: dt.date,
    session_id: str,
    members: list[str],
    rng: random.Random,
) -> None:
    # Every third match starts shortly before midnight and ends on the next day.
    start_s = rng.uniform(85_500, 86_390) if session_id.endswith(("0", "3")) else rng.uniform(0, 80_000)
    started_at = _at(day, start_s)
    for position, player in enumerate(members):
        length_s = rng.randint(120, 1500)
        ended_at = started_at + dt.timedelta(seconds=length_s)
        sign_on = {
            "player_id": player,
            "event_date_time": started_at - dt.timedelta(seconds=5),
            "platform": "pc",
        }
        _deliver(deliveries, "signons", sign_on, day, rng)
        session = {
            "player_id": player,
            "session_id": session_id,
            "event_date_time": ended_at,
            "country": rng.choice(["US", "DE", "YY"]),
            "event_length_seconds": length_s,
            "kills": rng.randint(0, 5),
            "deaths": rng.randint(0, 3),
        }
        _deliver(deliveries, "session", session, ended_at.date(), rng)
        for beat in range(length_s // 30 + 1):
            seen_at = started_at + dt.timedelta(seconds=30 * beat + rng.uniform(0, 0.4))
            fix = {
                "player_id": player,
                "event_date_time": seen_at,
                "team_id": None if position == 3 else f"team-{position % 2}",
                "session_id": session_id,
                "position_x": round(rng.uniform(-100, 100), 2),
                "position_y": round(rng.uniform(-100, 100), 2),
                "position_z": None if position == 3 else round(rng.uniform(-100, 100), 2),
            }
            _deliver(deliveries, "heartbeat", fix, seen_at.date(), rng)


def _add_transaction(
    deliveries: Mapping[dt.date, Delivery], day: dt.date, transaction_id: str, player: str, rng: random.Random
) -> None:
    is_refund = transaction_id.endswith("4")
    paid_at = _at(day, rng.uniform(0, 86_399))
    line = {
        "transaction_id": transaction_id,
        "player_id": player,
        "event_date_time": paid_at,
        "purchase_item": rng.choice(["skin-red", "pass-gold", "emote-unlisted"]),
        "purchase_price": (-1 if is_refund else 1) * rng.choice([499, 999, 1999]),
        "currency": rng.choice(["USD", "EUR", "JPY"]),
        "is_recurring": False,
        "cycle": None,
        "transaction_type": "Skins",
        "refunded_transaction_id": transaction_id[:-1] + "0" if is_refund else None,
    }
    line["purchase_price"] = _money(line["purchase_price"])
    _deliver(deliveries, "transaction", line, day, rng)


def _add_catalogue(delivery: Delivery, day: dt.date, offset: int) -> None:
    for item, cents in (("skin-red", 499), ("pass-gold", 999 if offset < 3 else 1099)):
        line = {
            "purchase_item": item,
            "product_name": item.title(),
            "transaction_type": "Skins",
            "tier": "1",
            "price": _money(cents),
            "currency": "USD",
            "cycle": None,
            "available_from": day - dt.timedelta(days=offset),
        }
        delivery.lines["product"].append(line)


def _deliver(
    deliveries: Mapping[dt.date, Delivery], log: str, line: Line, day: dt.date, rng: random.Random
) -> None:
    """Put a line, and now and then a repeat of it, into the delivery of its day or of one to three days later."""
    copies: list[Line] = [line]
    if rng.random() < 0.1:
        copies.append(dict(line))
    if rng.random() < 0.05:
        copies.append(_altered(log, line))
    for copy in copies:
        delivered_on = day + dt.timedelta(days=rng.randint(1, 3) if rng.random() < 0.125 else 0)
        # What is not delivered before the last day is never seen: the world simply ends there.
        if delivered_on in deliveries:
            deliveries[delivered_on].lines[log].append(copy)


def _altered(log: str, line: Line) -> Line:
    changes: dict[str, Line] = {
        "player": {"country": "FR"},
        "signons": {"platform": "mobile"},
        "session": {"kills": 99},
        "transaction": {"purchase_price": _money(1)},
        "heartbeat": {"position_x": 0.0},
        "client": {"properties": '{"changed": true}'},
    }
    return {**line, **changes[log]}


def _own_day(log: str, line: Line, delivery_day: dt.date) -> dt.date:
    if log == "product":
        return delivery_day
    at: dt.datetime = line["timestamp" if log == "client" else "event_date_time"]
    if log == "session":
        at -= dt.timedelta(seconds=line["event_length_seconds"])
    return at.date()


def _at(day: dt.date, seconds: float) -> dt.datetime:
    return dt.datetime.combine(day, dt.time()) + dt.timedelta(milliseconds=int(seconds * 1000))


def _money(cents: int) -> Any:
    return pa.scalar(cents, pa.int64()).cast(pa.decimal128(19, 0)).as_py().scaleb(-2)


def _create_table(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, pa.DataType]
) -> None:
    empty = pa.schema(list(columns.items())).empty_table()
    connection.register("empty_table", empty)
    connection.execute(f"create table if not exists {table} as select * from empty_table")
    connection.unregister("empty_table")


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: Iterable[Line],
    columns: Mapping[str, pa.DataType],
) -> None:
    batch = pa.Table.from_pylist(list(rows), schema=pa.schema(list(columns.items())))
    connection.register("batch", batch)
    connection.execute(f"insert into {table} by name select * from batch")
    connection.unregister("batch")
