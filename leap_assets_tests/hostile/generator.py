"""Worlds drawn by hypothesis: few players, few ids, few times, so that things meet; and values at their bounds.

A world is a list of episodes (a match, a play session, a purchase, ...), each of which writes some lines around a
time of its own. Repeats, late and early deliveries and damage come on top.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import strategies as st

from leap_assets.settings import ALL_LOGS

from .worlds import SETUPS, Line, World

DAY = dt.timedelta(days=1)
US = dt.timedelta(microseconds=1)
# First days of spans of delivery days: a year's end that is a week's begin, a month in whose middle nothing is, the day on
# which rates of the seed change, the end of a leap year's February, a day years later.
STARTS = (
    dt.date(2024, 12, 30),
    dt.date(2025, 3, 29),
    dt.date(2025, 6, 29),
    dt.date(2025, 12, 28),
    dt.date(2028, 2, 27),
    dt.date(2026, 12, 30),
)
PLAYERS = ("p1", "p2", "p3", "p4", "17", "Zoë", "player:p1", "7d037039-4d1b-4dd8-adee-ebf81d90f3a6")
SESSIONS = ("s1", "s2", "s3", "17")
TEAMS = ("t1", "t2", "t2", None, None, "p1", "player:p1", "team:t1", "17")
CURRENCIES = ("USD", "EUR", "EUR", "JPY", "KRW", "GBP", "BRL", "usd", "XXX")
COUNTRIES = ("DE", "de", " FR ", "US", "Germany", "XX", "", None)
BILLION = 1_000_000_000
# Seconds of a day at which something changes: midnight, the hours of rule 1 to 3 of match days, half an hour before
# midnight, noon.
CLOCK_US = tuple(
    round(seconds * 1_000_000) + more
    for seconds in (0, 900, 6 * 3600, 12 * 3600, 18 * 3600, 23 * 3600, 23.5 * 3600, 86_370, 86_399)
    for more in (0, 1, -1, 500_000)
    if 0 <= seconds * 1_000_000 + more < 86_400_000_000
)
# Between two events: nothing, a microsecond, a beat, the half hour that ends a session, hours, nearly a day.
GAPS_S = (0, 0.000001, 1, 29.999999, 30, 300, 1799.999999, 1800, 1800.000001, 3600, 6 * 3600, 20 * 3600)
LENGTHS_S: tuple[Any, ...] = (
    0,
    1,
    9.7,
    0.000001,
    "59.5",
    60,
    600,
    3600,
    21_600,
    86_400,
    86_400.000001,
    86_401,
)
LONG_LENGTHS_S: tuple[Any, ...] = (*LENGTHS_S, 100_000, 172_800, 217_800, 217_801)
ZONES = ("Z", "Z", "+00:00", "", " UTC", "+01:00", "-0530", "+14", "-12:00")
POSITIONS = (
    0,
    0.0,
    30,
    30,
    50,
    50,
    0,
    10,
    14.999999,
    15,
    29.99,
    30.01,
    60,
    -100,
    0.1,
    0.3,
    1e12,
    -1e12,
    1e-9,
)
PRICES: tuple[Any, ...] = (
    0,
    0.01,
    0.005,
    4.99,
    "4.9900",
    0.5,
    9.99,
    100,
    1234.5678,
    92_233.72,
    10_000,
    BILLION,
    -BILLION,
    -4.99,
    -0.005,
    BILLION + 1,
    -BILLION - 1,
    "1e3",
    999_999_999.9999,
)
REVENUES: tuple[Any, ...] = (0, 0.000001, 0.0123456, 0.25, 1000, BILLION, BILLION + 1, "0.5", None)
COUNTS: tuple[Any, ...] = (0, 1, 2, 7, BILLION, BILLION + 1, -1, None, 3.0, "4")
LEVELS = (1, 2, 4, 5, 5, 6, BILLION)


class Pen:
    """Draws values and writes lines."""

    def __init__(self, draw: Callable[[Any], Any], setup: str, days: tuple[dt.date, ...]) -> None:
        self.draw = draw
        self.setup = SETUPS[setup]
        self.days = days
        self.lines: list[Line] = []
        self.events = 0

    def one_of(self, values: Any) -> Any:
        """One of some values, the first being the simplest."""
        return self.draw(st.sampled_from(values))

    def chance(self, one_in: int) -> bool:
        """True once in so many draws."""
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def moment(self) -> dt.datetime:
        """A time on one of the days, mostly at an edge."""
        day = dt.datetime.combine(self.one_of(self.days), dt.time())
        if self.chance(3):
            return day + dt.timedelta(seconds=self.draw(st.integers(0, 86_399)))
        return day + self.one_of(CLOCK_US) * US

    def text_of(self, at: dt.datetime) -> Any:
        """A time as a log may write it."""
        zone = self.one_of(ZONES)
        local = at
        if found := re.fullmatch(r"([+-])(\d\d):?(\d\d)?", zone):
            offset = dt.timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
            local = at + offset if found[1] == "+" else at - offset
        if zone == "" and local.time() == dt.time() and self.chance(2):
            return local.date().isoformat()
        separator = self.one_of("TT ")
        if local.second == 0 and local.microsecond == 0 and self.chance(2):
            return f"{local:%Y-%m-%d}{separator}{local:%H:%M}{zone}"
        if local.microsecond and self.chance(4):
            # Beyond microseconds: cut.
            return f"{local:%Y-%m-%d}{separator}{local:%H:%M:%S.%f}999{zone}"
        fraction = f".{local.microsecond:06d}" if local.microsecond else ""
        return f"{local:%Y-%m-%d}{separator}{local:%H:%M:%S}{fraction}{zone}"

    def number_or_text(self, text: str) -> Any:
        """An id of digits as a number or a text."""
        return self.one_of((text, int(text), float(text))) if text.isdigit() else text

    def player(self) -> Any:
        """A player's id."""
        return self.number_or_text(self.one_of(PLAYERS))

    def session(self, *, optional: bool = False) -> Any:
        """A session's id."""
        return None if optional and self.chance(3) else self.number_or_text(self.one_of(SESSIONS))

    def event_id(self) -> str:
        """Mostly a new one."""
        self.events += 1
        return f"e{self.draw(st.integers(0, self.events)) if self.chance(12) else self.events}"

    def write(
        self, log: str, record: dict[str, Any], at: dt.datetime, *, early_at: dt.datetime | None = None
    ) -> None:
        """A line, delivered on its day, late, or early; now and then again, as it is or changed."""
        if log not in self.logs:
            return
        self._deliver(log, record, early_at or at)
        if self.chance(6):
            copy = self.changed(log, record) if self.chance(2) else self.rewritten(record)
            self._deliver(log, copy, early_at or at)

    @property
    def logs(self) -> tuple[str, ...]:
        """The logs that the source declares."""
        declared: tuple[str, ...] = self.setup.values.get("logs", ALL_LOGS)
        return declared

    def _deliver(self, log: str, record: dict[str, Any] | str, at: dt.datetime) -> None:
        day = at.date()
        if not self.chance(3):
            choices = [d for d in self.days if abs((d - day).days) <= 4] or list(self.days)
            # The day itself first: it is what hypothesis shrinks to.
            day = self.one_of(sorted(choices, key=lambda d: abs((d - day).days)))
        if day not in self.days:
            day = min(self.days, key=lambda d: abs((d - day).days))
        file = self.one_of(("a.ndjson", "a.ndjson", "b.ndjson", "b.csv", "c.parquet"))
        if isinstance(record, str):
            file = "a.ndjson"
        self.lines.append(Line(log, day, record, file))

    def rewritten(self, record: dict[str, Any]) -> dict[str, Any]:
        """The same values in another form."""
        copy = dict(reversed(record.items()))
        properties = copy.get("properties")
        if isinstance(properties, dict):
            copy["properties"] = dict(reversed(properties.items()))
        for name in ("purchase_price", "price", "event_length_seconds"):
            if isinstance(copy.get(name), int):
                copy[name] = float(copy[name])
        return copy

    def changed(self, log: str, record: dict[str, Any]) -> dict[str, Any]:
        """Another value under the same key."""
        name, value = {
            "player": ("country", "FR"),
            "product": ("tier", "9"),
            "signons": ("platform", "web"),
            "session": ("kills", 9),
            "transaction": ("is_recurring", True),
            "heartbeat": ("position_x", 1.5),
            "client": (
                "properties",
                {
                    "feature": "other",
                    "level": 3,
                    "product": "hat",
                    "price": "4.99",
                    "currency": "USD",
                    "achievement": "one",
                },
            ),
        }[log]
        return {**record, name: value}


def _registration(pen: Pen) -> None:
    at = pen.moment()
    record = {
        "player_id": pen.player(),
        "event_date_time": pen.text_of(at),
        "country": pen.one_of(COUNTRIES),
        "platform": pen.one_of(("pc", "mobile", None)),
        "experiment_group": pen.one_of(("control", "treatment", None)),
    }
    if pen.chance(3):
        # Attributes that another line has.
        for name in ("country", "platform", "experiment_group")[: pen.draw(st.integers(1, 3))]:
            del record[name]
        record["display_name"] = "Ann"
    pen.write("player", record, at)


def _product(pen: Pen) -> None:
    at = pen.moment()
    record = {
        "purchase_item": pen.one_of(("hat", "pass")),
        "product_name": "Hat",
        "transaction_type": pen.one_of(("Skins", "Battle Pass")),
        "tier": pen.one_of(("1", None)),
        "price": pen.one_of((4.99, 5.99, 0, "4.990", BILLION)),
        "currency": pen.one_of(("USD", "EUR")),
        "cycle": pen.one_of((None, "M")),
        "available_from": pen.one_of((None, "2025-01-01")),
    }
    pen.write("product", record, at)


def _sign_on(pen: Pen) -> None:
    at = pen.moment()
    record = {
        "player_id": pen.player(),
        "event_date_time": pen.text_of(at),
        "platform": pen.one_of(("pc", None)),
    }
    pen.write("signons", record, at)


def _session_line(pen: Pen, player: Any, session: Any, started_at: dt.datetime, length: Any) -> None:
    ended_at = started_at + dt.timedelta(microseconds=round(float(length) * 1_000_000))
    record = {
        "player_id": player,
        "session_id": session,
        "event_date_time": pen.text_of(ended_at),
        "country": pen.one_of(COUNTRIES),
        "event_length_seconds": length,
        "kills": pen.one_of(COUNTS),
        "deaths": pen.one_of((0, 1, None, BILLION)),
    }
    pen.write("session", record, ended_at)


def _length(pen: Pen) -> Any:
    return pen.one_of(LONG_LENGTHS_S if "session_max_hours" in pen.setup.values else LENGTHS_S)


def _lone_session(pen: Pen) -> None:
    _session_line(pen, pen.player(), pen.session(), pen.moment(), _length(pen))


def _server(pen: Pen) -> None:
    """One id on several days: a server that never stops, or an id that is used again."""
    session = pen.session()
    for _ in range(pen.draw(st.integers(2, 4))):
        _session_line(pen, pen.player(), session, pen.moment(), pen.one_of((600, 3600, 21_600)))


def _match(pen: Pen) -> None:
    session, started_at = pen.session(), pen.moment()
    players = pen.draw(st.lists(st.sampled_from(PLAYERS), min_size=1, max_size=4, unique=True))
    has_session_lines = not pen.chance(3)
    beat_s = pen.setup.values.get("heartbeat_s", 30)
    # A pause of a beat less and more than the cooldown, or within it.
    beats = pen.one_of(((0, 1, 2), (0, 3, 4), (0, 2, 5), (0, 1, 4), (0, 1, 5)))
    for player in players:
        team = pen.one_of(TEAMS)
        late_s = pen.one_of((0, 0, 600, 20_000))
        if has_session_lines:
            _session_line(
                pen, player, session, started_at + dt.timedelta(seconds=late_s), pen.one_of((300, 150, 3600))
            )
        for beat in beats[: pen.draw(st.integers(1, len(beats)))]:
            jitter = pen.one_of((0, 0, 0.2, -0.2, beat_s / 2, beat_s / 2 - 0.000001, -beat_s / 2))
            at = started_at + dt.timedelta(microseconds=round((late_s + beat * beat_s + jitter) * 1_000_000))
            record = {
                "player_id": player,
                "event_date_time": pen.text_of(at),
                "team_id": team,
                "session_id": session,
                "position_x": pen.one_of(POSITIONS),
                "position_y": pen.one_of((0, 0, 0, 30, 40)),
                "position_z": pen.one_of((None, 0, 30)),
            }
            pen.write("heartbeat", record, at)


def _event(
    pen: Pen, player: Any, session: Any, at: dt.datetime, event_type: str, properties: Any = None
) -> None:
    record: dict[str, Any] = {
        "event_id": pen.event_id(),
        "player_id": player,
        "session_id": session,
        "event_type": event_type,
        "timestamp": pen.text_of(at),
    }
    if properties is not None:
        record["properties"] = properties
    pen.write("client", record, at)


def _properties(pen: Pen, event_type: str) -> dict[str, Any] | None:
    level = pen.one_of(LEVELS)
    match event_type:
        case "level_start":
            return {"level": level}
        case "level_complete" | "level_fail":
            return {
                "level": level,
                "time_spent": pen.one_of((0, 9.7, 600, BILLION, None)),
                "score": pen.one_of((0, -5, 10**15)),
            }
        case "purchase":
            price = pen.one_of([price for price in PRICES if not str(price).startswith("-")])
            return {
                "product": pen.one_of(("hat", "17", 17)),
                "price": price,
                "currency": pen.one_of(CURRENCIES),
            }
        case "ad_watched":
            currency = pen.one_of((None, "EUR", "JPY"))
            shown = {"ad_type": pen.one_of(("video", "banner", None)), "revenue": pen.one_of(REVENUES)}
            return {**shown, "currency": currency} if currency else shown
        case "achievement_unlocked":
            return {"achievement": "first"}
        case "feature_used":
            return {"feature": pen.one_of(("map", "chat"))}
        case _:
            return pen.one_of((None, {}, {"session_length": 60}))


EVENTS = (
    "feature_used",
    "session_end",
    "session_start",
    "level_start",
    "level_complete",
    "level_fail",
    "ad_watched",
    "purchase",
    "achievement_unlocked",
)


def _play(pen: Pen) -> None:
    player, session, at = pen.player(), pen.session(optional=True), pen.moment()
    if pen.chance(2):
        _event(pen, player, session, at, "session_start")
    for _ in range(pen.draw(st.integers(1, 6))):
        at += dt.timedelta(microseconds=round(pen.one_of(GAPS_S) * 1_000_000))
        event_type = pen.one_of(EVENTS)
        _event(pen, player, session, at, event_type, _properties(pen, event_type))
    if pen.chance(2):
        at += dt.timedelta(microseconds=round(pen.one_of(GAPS_S) * 1_000_000))
        _event(pen, player, session, at, "session_end")
    if pen.chance(4):
        # The session log knows of it, too, or of one that is nearly half an hour away.
        started_at = at + dt.timedelta(microseconds=round(pen.one_of(GAPS_S) * 1_000_000))
        _session_line(pen, player, session or pen.session(), started_at, pen.one_of((0, 60, 3600)))


def _level(pen: Pen) -> None:
    """Attempts of one level, whose results may come after midnight."""
    player, session, at = pen.player(), pen.session(optional=True), pen.moment()
    if pen.chance(2):
        at = dt.datetime.combine(at.date(), dt.time(23, 59, 59))
    properties = {"level": pen.one_of(LEVELS)}
    for _ in range(pen.draw(st.integers(1, 4))):
        _event(
            pen, player, session, at, pen.one_of(("level_start", "level_complete", "level_fail")), properties
        )
        at += dt.timedelta(microseconds=round(pen.one_of(GAPS_S) * 1_000_000))


def _transaction(pen: Pen) -> None:
    at = pen.moment()
    record = {
        "transaction_id": pen.number_or_text(pen.one_of(("x1", "x2", "x3", "x4", "x5", "x6", "17"))),
        "player_id": pen.player(),
        "event_date_time": pen.text_of(at),
        "purchase_item": pen.one_of(("hat", "pass", "17", "unlisted")),
        "purchase_price": pen.one_of(PRICES),
        "currency": pen.one_of(CURRENCIES),
        "is_recurring": pen.one_of((False, True, None)),
        "cycle": pen.one_of((None, "M", "Y")),
        "transaction_type": pen.one_of(("Skins", "Battle Pass", "Emotes")),
    }
    if pen.chance(3):
        record["refunded_transaction_id"] = "x1"
    pen.write("transaction", record, at)


def _edge(pen: Pen) -> None:
    """A line at an end of what its delivery day may bring, or a moment beyond it."""
    day = dt.datetime.combine(pen.one_of(pen.days), dt.time())
    at = day + pen.one_of((-3 * DAY, 2 * DAY)) + pen.one_of((0, 1, -1)) * US
    started_at = day - 3 * DAY + pen.one_of((0, 1, -1)) * US
    log = pen.one_of(pen.logs)
    record: dict[str, Any] = {"player_id": pen.player(), "event_date_time": pen.text_of(at)}
    match log:
        case "client":
            record = {
                "event_id": pen.event_id(),
                "player_id": record["player_id"],
                "event_type": "session_start",
            }
            record["timestamp"] = pen.text_of(at)
        case "session":
            length = pen.one_of((60, 3600, 86_400))
            ended_at = started_at + dt.timedelta(seconds=length)
            record |= {"session_id": pen.session(), "event_date_time": pen.text_of(ended_at)}
            record["event_length_seconds"] = length
        case "transaction":
            record |= {"transaction_id": pen.event_id(), "purchase_item": "hat", "purchase_price": 5}
            record |= {"currency": "EUR", "transaction_type": "Skins"}
        case "heartbeat":
            record |= {"session_id": pen.session(), "position_x": 0, "position_y": 0}
        case "product":
            return
    pen.lines.append(Line(log, day.date(), record, "a.ndjson"))


def _damage(pen: Pen) -> None:
    """A line that is none, or nearly one."""
    at = pen.moment()
    log = pen.one_of(pen.logs)
    text = pen.one_of(
        (
            '{"player_id": "p1", "event_da',
            "[]",
            "null",
            "{}",
            '{"player_id": NaN, "event_date_time": "2025-01-01T00:00:00Z", "event_id": "e", "event_type": "session_start", '
            '"timestamp": "2025-01-01T00:00:00Z"}',
            '{"event_id": "n1", "player_id": " \\u200b", "event_type": "session_start", "timestamp": "2025-01-01T00:00Z"}',
            '{"event_id": "n2", "player_id": "p1", "event_type": "jumped", "timestamp": "2025-01-01T00:00Z"}',
            '{"event_id": "n3", "player_id": "p1", "event_type": "session_start", "timestamp": "2025-01-01 00:00 BST"}',
            '{"event_id": "n4", "player_id": "p1", "event_type": "session_start", "timestamp": "2025-01-01T00:00+05:99"}',
            '{"event_id": "n5", "player_id": 1e300, "event_type": "session_start", "timestamp": "2025-01-01T00:00Z"}',
            '{"event_id": "n6", "player_id": 9007199254740993, "event_type": "session_start", "timestamp": "2025-01-01T00:00Z"}',
            '{"player_id": "p1", "event_date_time": "2025-13-01T00:00:00Z"}',
        )
    )
    pen._deliver(log, text.replace("2025-01-01", at.date().isoformat()), at)


# The common ones more than once.
EPISODES: tuple[Callable[[Pen], None], ...] = (
    _lone_session,
    _play,
    _match,
    _transaction,
    _registration,
    _level,
    _server,
    _product,
    _sign_on,
    _damage,
    _edge,
    _play,
    _match,
    _lone_session,
    _transaction,
)
FEWEST, MOST = 12, 40


@st.composite
def worlds(draw: Callable[[Any], Any]) -> World:
    """A world of one setup, of one or two spans of days, some of whose days nothing was delivered for."""
    setup = draw(st.sampled_from(sorted(SETUPS)))
    days: set[dt.date] = set()
    for start in draw(st.lists(st.sampled_from(STARTS), min_size=1, max_size=2, unique=True)):
        length = draw(st.integers(2, 6))
        lost = draw(st.integers(0, 2 * length))
        days |= {start + n * DAY for n in range(length) if n != lost}
    pen = Pen(draw, setup, tuple(sorted(day for day in days if day >= SETUPS[setup].start_date)))
    for _ in range(draw(st.integers(FEWEST, MOST))):
        episode = draw(st.sampled_from(EPISODES))
        episode(pen)
    return World("drawn", setup, pen.days, tuple(pen.lines))


def draw_world(seed: int, number: int) -> World:
    """The world of a seed and a number, always the same one."""
    world = max(_examples(seed * 1_000_003 + number), key=lambda world: len(world.lines))
    return World(f"drawn-{seed}-{number}", world.setup, world.days, world.lines)


def _examples(seed: int) -> list[World]:
    """The first worlds of a seed. Of more, most are the one before with a small change."""
    drawn: list[World] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=4,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(worlds())
    def collect(world: World) -> None:
        drawn.append(world)

    collect()
    return drawn
