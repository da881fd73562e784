"""The contract of every log, as data: columns, types, keys, allowed values, times.

Checking, raw tables, column documentation and the simulator's writers all read `CONTRACTS`; a rule about a log has
no other home. How a rule is checked lives in `validation.py`.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

ColumnType = Literal[
    "id",
    "text",
    "integer",
    "decimal",
    "micros",
    "duration",
    "double",
    "boolean",
    "timestamp",
    "date",
    "object",
]
FileFormat = Literal["ndjson", "csv", "parquet"]
Reason = Literal[
    "unparsable",
    "missing_required",
    "wrong_type",
    "value_not_allowed",
    "unknown_event_type",
    "out_of_window",
]

SQL_TYPES: dict[ColumnType, str] = {
    # a text, but a whole number is the same id however it is written, and NaN or a blank one is none
    "id": "varchar",
    "text": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18,4)",
    # revenue of a single ad is a fraction of a cent
    "micros": "decimal(18,6)",
    # to the microsecond, so that a start is exact
    "duration": "decimal(18,6)",
    "double": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    # kept as JSON text; what is known of it is in the contract's properties
    "object": "varchar",
}

# A clock may be this far ahead of the end of the delivery day.
EARLY_LIMIT_H = 24
# A line may be delivered this long after its event.
LATE_LIMIT_H = 72
# Default of LEAP_SESSION_MAX_HOURS: a longer session is a clock that jumped or an end that was never sent.
SESSION_MAX_HOURS = 24.0
# Bounds leave room for any game's values and keep every sum over years inside its type: a thousand million lines of
# the largest amount are 1e18, and sums of money have 38 digits.
MOST_MONEY = 10**9
MOST_COUNT = 10**9
MOST_SCORE = 10**15
MOST_SECONDS = 10**9
# The square of a distance of such positions is far from the end of a double.
MOST_POSITION = 10**12


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a log, or property inside its `properties`: its type and which values a line may have there.

    `minimum` and `maximum` are allowed themselves.
    A property is read in lines of the event types in `events`, and required in those in `required_for`.
    """

    name: str
    type: ColumnType
    meaning: str
    required: bool = True
    allowed: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    pattern: str = ""
    events: tuple[str, ...] = ()
    required_for: tuple[str, ...] = ()

    @property
    def sql_type(self) -> str:
        """The column's type in leap_raw."""
        return SQL_TYPES[self.type]


@dataclasses.dataclass(frozen=True)
class Contract:
    """One log: what a line is, its columns in order, what identifies it and when it happened.

    `time` is the column that says when a line happened (None: on its delivery day). `length_s` names a column of
    seconds before `time` in which the fact was going on: it then belongs to the day it started.
    `rated` names the column of a currency that must have an exchange rate on that day. `event_type` names the
    column whose value decides which `properties` a line has; only the given `event_types` are known.
    """

    log: str
    line: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    simulator_writes: FileFormat
    generator: str
    time: str | None = "event_date_time"
    length_s: str | None = None
    rated: str | None = None
    event_type: str | None = None
    event_types: tuple[str, ...] = ()
    properties: tuple[Column, ...] = ()

    @property
    def table(self) -> str:
        """Name of the log's table in leap_raw."""
        return f"event_{self.log}"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


_PLAYER = Column("player_id", "id", "The player")
_SESSION = Column("session_id", "id", "The match; unique over all time")
_TIME = "event_date_time"
_TRANSACTION_TYPES = ("Battle Pass", "Skins", "Emotes")
_CYCLES = ("M", "Y")
_CURRENCY = Column("currency", "text", "ISO 4217 code of the price", pattern="[A-Z]{3}")

LINEAGE = (
    Column("event_date", "date", "UTC day of the line itself: when it happened, or when its session started"),
    Column("delivery_date", "date", "UTC day of the landing folder that the line arrived in"),
    Column("source_file", "text", "File that the line arrived in, relative to landing/"),
    Column(
        "line_number", "integer", "Line of the file from 1; element of a JSON array, row of a Parquet file"
    ),
)


def _count(name: str, meaning: str) -> Column:
    return Column(name, "integer", meaning, required=False, minimum=0, maximum=MOST_COUNT)


def _position(name: str, meaning: str, *, required: bool = True) -> Column:
    return Column(name, "double", meaning, required=required, minimum=-MOST_POSITION, maximum=MOST_POSITION)


_ALL = (
    Contract(
        log="player",
        line="a registration",
        generator="players",
        simulator_writes="ndjson",
        key=("player_id",),
        columns=(
            _PLAYER,
            Column(_TIME, "timestamp", "When the player registered"),
            Column("country", "text", "ISO 3166 alpha-2 code of the player's country", required=False),
            Column("platform", "text", "Platform the player registered on", required=False),
            Column("experiment_group", "text", "Group of the running experiment", required=False),
            Column("display_name", "text", "Name shown to other players", required=False),
        ),
    ),
    Contract(
        log="product",
        line="an item of the catalogue, as of the delivery day",
        generator="products",
        simulator_writes="csv",
        key=("purchase_item",),
        time=None,
        rated="currency",
        columns=(
            Column("purchase_item", "id", "The item"),
            Column("product_name", "text", "Name shown in the shop", required=False),
            Column("transaction_type", "text", "Kind of item", allowed=_TRANSACTION_TYPES),
            Column("tier", "text", "Price tier of the item", required=False),
            Column("price", "decimal", "Price, in `currency`", minimum=0, maximum=MOST_MONEY),
            _CURRENCY,
            Column(
                "cycle", "text", "Renewal of a pass: M a month, Y a year", required=False, allowed=_CYCLES
            ),
            Column("available_from", "date", "First day the item is sold", required=False),
        ),
    ),
    Contract(
        log="signons",
        line="a player signing on",
        generator="signons",
        simulator_writes="ndjson",
        key=("player_id", _TIME),
        columns=(
            _PLAYER,
            Column(_TIME, "timestamp", "When the player signed on"),
            Column("platform", "text", "Platform the player signed on with", required=False),
        ),
    ),
    Contract(
        log="session",
        line="a player leaving a session",
        generator="sessions",
        simulator_writes="ndjson",
        key=("player_id", "session_id"),
        length_s="event_length_seconds",
        columns=(
            _PLAYER,
            _SESSION,
            Column(_TIME, "timestamp", "When the player left the session"),
            Column("country", "text", "Country the player played from", required=False),
            Column(
                "event_length_seconds",
                "duration",
                "Seconds the player was in the session, at most LEAP_SESSION_MAX_HOURS",
                minimum=0,
            ),
            _count("kills", "Kills by the player"),
            _count("deaths", "Deaths of the player"),
        ),
    ),
    Contract(
        log="transaction",
        line="a purchase, renewal or refund",
        generator="transactions",
        simulator_writes="csv",
        key=("transaction_id",),
        rated="currency",
        columns=(
            Column("transaction_id", "id", "The transaction"),
            _PLAYER,
            Column(_TIME, "timestamp", "When it was paid or refunded"),
            Column("purchase_item", "id", "The item"),
            Column(
                "purchase_price",
                "decimal",
                "Price paid, in `currency`; negative for a refund",
                minimum=-MOST_MONEY,
                maximum=MOST_MONEY,
            ),
            _CURRENCY,
            Column("is_recurring", "boolean", "Whether the purchase renews itself", required=False),
            Column(
                "cycle", "text", "Renewal of a pass: M a month, Y a year", required=False, allowed=_CYCLES
            ),
            Column("transaction_type", "text", "Kind of item", allowed=_TRANSACTION_TYPES),
            Column("refunded_transaction_id", "id", "The transaction that this one refunds", required=False),
        ),
    ),
    Contract(
        log="heartbeat",
        line="a player's position during a session",
        generator="heartbeats",
        simulator_writes="parquet",
        key=("player_id", "session_id", _TIME),
        columns=(
            _PLAYER,
            Column(_TIME, "timestamp", "When the position was taken"),
            Column(
                "team_id", "id", "The player's team in the match; without one, a team alone", required=False
            ),
            _SESSION,
            _position("position_x", "Position, in units of the game"),
            _position("position_y", "Position, in units of the game"),
            _position("position_z", "Position, in units of the game; none counts as 0", required=False),
        ),
    ),
)

_LEVEL_ENDS = ("level_complete", "level_fail")
_LEVELS = ("level_start", *_LEVEL_ENDS)
EVENT_TYPES = (
    "session_start",
    "session_end",
    *_LEVELS,
    "purchase",
    "ad_watched",
    "achievement_unlocked",
    "feature_used",
)


def _property(name: str, type_: ColumnType, meaning: str, events: tuple[str, ...], **rules: Any) -> Column:
    return Column(name, type_, meaning, required=False, events=events, **rules)


_CLIENT = Contract(
    log="client",
    line="a client event",
    generator="client_events",
    simulator_writes="ndjson",
    key=("event_id",),
    time="timestamp",
    rated="currency",
    event_type="event_type",
    event_types=EVENT_TYPES,
    columns=(
        Column("event_id", "id", "The event"),
        _PLAYER,
        Column(
            "session_id",
            "id",
            "The match; without one, 30 minutes of silence end a session",
            required=False,
        ),
        Column("event_type", "text", "What happened"),
        Column("timestamp", "timestamp", "When it happened"),
        Column("properties", "object", "What belongs to the event, as a JSON object", required=False),
    ),
    properties=(
        _property(
            "level",
            "integer",
            "Level played",
            _LEVELS,
            required_for=_LEVELS,
            minimum=0,
            maximum=MOST_COUNT,
        ),
        _property(
            "time_spent",
            "duration",
            "Seconds spent in the level",
            _LEVEL_ENDS,
            minimum=0,
            maximum=MOST_SECONDS,
        ),
        _property("success", "boolean", "Whether the level was completed", _LEVEL_ENDS),
        _property(
            "score",
            "integer",
            "Score reached in the level",
            _LEVEL_ENDS,
            minimum=-MOST_SCORE,
            maximum=MOST_SCORE,
        ),
        _property("product", "id", "The item bought", ("purchase",), required_for=("purchase",)),
        _property(
            "price",
            "decimal",
            "Price paid, in `currency`",
            ("purchase",),
            required_for=("purchase",),
            minimum=0,
            maximum=MOST_MONEY,
        ),
        _property(
            "currency",
            "text",
            "ISO 4217 code of the price or revenue; without one, an ad's revenue is in LEAP_CURRENCY",
            ("purchase", "ad_watched"),
            required_for=("purchase",),
            pattern="[A-Z]{3}",
        ),
        _property("ad_type", "text", "Kind of ad", ("ad_watched",)),
        _property("network", "text", "Network that served the ad", ("ad_watched",)),
        _property(
            "revenue",
            "micros",
            "What the impression earned",
            ("ad_watched",),
            minimum=0,
            maximum=MOST_MONEY,
        ),
        _property(
            "achievement",
            "text",
            "The achievement",
            ("achievement_unlocked",),
            required_for=("achievement_unlocked",),
        ),
        _property("feature", "text", "The feature", ("feature_used",), required_for=("feature_used",)),
        _property(
            "session_length",
            "duration",
            "Seconds from start to end",
            ("session_end",),
            minimum=0,
            maximum=MOST_SECONDS,
        ),
    ),
)

CONTRACTS: dict[str, Contract] = {contract.log: contract for contract in (*_ALL, _CLIENT)}


def with_event_types(contract: Contract, declared: Iterable[str]) -> Contract:
    """The contract of a source that has event types beside Leap's own; that of a log without event types as it is."""
    if contract.event_type is None:
        return contract
    known = dict.fromkeys((*contract.event_types, *declared))
    return dataclasses.replace(contract, event_types=tuple(known))
