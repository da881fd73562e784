"""A small analytics export, drawn by hand: one row an event, in the types and oddities that exports have."""

import datetime as dt
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

Event = dict[str, Any]
FIRST_DAY = dt.date(2025, 3, 1)
MIDNIGHT = int(dt.datetime(2025, 3, 1, tzinfo=dt.UTC).timestamp())


def param(key: str, value: Any, kind: str = "") -> Event:
    """A parameter with its value under the type that it has; whole numbers as texts, as exports of integers do."""
    kinds = {str: "string_value", int: "int_value", float: "double_value"}
    shown = str(value) if isinstance(value, int) else value
    return {"key": key, "value": {kind or kinds[type(value)]: shown}}


def event(player: str, day: int, second: int, name: str, *params: Event, **columns: Any) -> Event:
    """An event of a player, some seconds into the nth day from 1."""
    micros = (MIDNIGHT + (day - 1) * 86_400 + second) * 1_000_000 + 123_456
    return {
        "event_timestamp": str(micros) if second % 2 else micros,
        "event_name": name,
        "event_params": list(params),
        "user_pseudo_id": player,
        "user_id": None,
        "platform": "ANDROID",
        "device": {"category": "mobile", "operating_system": "ANDROID"},
        "geo": {"country": "Türkiye"},
        "app_info": {"id": "com.example.game", "version": "1.2.0"},
        "user_first_touch_timestamp": str(MIDNIGHT * 1_000_000),
        **columns,
    }


def session(number: int) -> Event:
    return param("ga_session_id", number)


TOLD = (
    param("transaction_id", "T-1"),
    param("product_id", "pass"),
    param("value", 19.99),
    param("currency", "USD"),
)


def events() -> list[Event]:
    """Three days of two players who installed, and one who was there before."""
    return [
        event("p1", 1, 100, "first_open", session(1)),
        event("p1", 1, 101, "session_start", session(1)),
        event("p1", 1, 110, "user_engagement", session(1), param("engagement_time_msec", 5_000)),
        event("p1", 1, 120, "level_start", session(1), param("level", 1)),
        event("p1", 1, 180, "level_end", session(1), param("level", 1), param("success", "true")),
        event("p1", 1, 200, "level_start", session(1), param("level_name", "level_2")),
        event("p1", 1, 260, "level_end", session(1), param("level_name", "level_2"), param("success", 0)),
        event("p1", 1, 300, "level_start", session(1), param("level", 2)),
        # says neither that it was done nor that it was not
        event("p1", 1, 330, "level_end", session(1), param("level", 2)),
        event(
            "p1",
            1,
            400,
            "in_app_purchase",
            session(1),
            param("product_id", "gems_100"),
            param("price", 4_590_000),
            param("currency", "EUR"),
            event_value_in_usd=4.99,
        ),
        event(
            "p1",
            1,
            500,
            "ad_impression",
            session(1),
            param("ad_format", "rewarded"),
            param("ad_source", "adnet"),
            param("value", 0.012345),
            param("currency", "USD"),
        ),
        event("p2", 1, 7_201, "first_open", session(1), platform="IOS", geo={"country": "Atlantis"}),
        event("p2", 1, 7_202, "session_start", session(1)),
        event("p2", 1, 7_300, "unlock_achievement", session(1), param("achievement_id", "first_blood")),
        # a price in millionths of the store's currency and no conversion
        event(
            "p2",
            2,
            1_000,
            "in_app_purchase",
            session(2),
            param("product_id", "gems_100"),
            param("price", 990_000),
            param("quantity", 2),
            param("currency", "USD"),
        ),
        event("p2", 2, 1_100, "purchase", session(2), param("value", 12.5), param("currency", "USD"))
        | {"items": [{"item_id": "chest", "item_name": "Chest"}]},
        # told twice, by two events, and in the next session too
        event("p2", 2, 1_050, "purchase", session(2), *TOLD),
        event("p2", 2, 1_060, "in_app_purchase", session(2), *TOLD),
        event("p2", 2, 9_000, "purchase", session(3), *TOLD),
        event("p2", 2, 1_101, "session_start", session(2)),
        # no session number: half an hour of silence
        event("p0", 3, 50, "level_start", param("level", 7)),
        event("p0", 3, 90, "level_complete", param("level", 7), param("score", 1_200)),
        event("p0", 3, 95, "app_remove"),
        # what cannot be: rejected, with what it says
        event("p0", 3, 97, "level_start", param("level", "secret")),
        event("p0", 3, 98, "session_start") | {"event_timestamp": "yesterday"},
    ]


REVENUE = Decimal("4.99") + 2 * Decimal("0.99") + Decimal("12.50") + Decimal("19.99")
TOLD_AGAIN = 2
AD_REVENUE = Decimal("0.012345")
IGNORED = 3
# user_engagement, the level_end that says nothing, app_remove
REJECTED = {"wrong_type": 2}
CLIENT = {
    "session_start": 3,
    "level_start": 4,
    "level_complete": 2,
    "level_fail": 1,
    "purchase": 4,
    "ad_watched": 1,
    "achievement_unlocked": 1,
}


def write_export(folder: Path, *, twice: bool = False) -> None:
    """The export as one file of all days; twice: under another name too, compressed."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in events())
    (folder / "events.ndjson").write_text(text)
    if twice:
        (folder / "events (1).ndjson.gz").write_bytes(gzip.compress(text.encode()))
