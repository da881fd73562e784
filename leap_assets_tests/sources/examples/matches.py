"""Two battle-royale matches in the shape of public game APIs, drawn by hand, and what is to be counted in them.

Match one, from 12:00:00 on 1 March, 600.4 s: teams 1 (ann, ben) and 2 (cat, dan), eve alone, two bots.

    12:01:00  ann kills cat                                a kill
    12:02:00  ben kills a bot                              a kill of nobody who plays
    12:03:00  ann kills ben, of her team                   a death, no kill
    12:04:00  dan falls                                    a death, no killer
    12:05:00  eve logs out
    12:10:00  the end: ann has played all of it

`fay` is in the lobby and leaves before the start. Match two, at 23:55 on the same day and over midnight, has the older
form of kills, no match id, and a zone in its times.
"""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

Event = dict[str, Any]
START = dt.datetime(2025, 3, 1, 12, 0, 0, 250_000)
LATE_START = dt.datetime(2025, 3, 1, 23, 55)
FIRST_DAY = dt.date(2025, 3, 1)


def at(start: dt.datetime, seconds: float) -> str:
    """A time as the API writes it."""
    return (start + dt.timedelta(seconds=seconds)).isoformat(timespec="milliseconds") + "Z"


def character(name: str, team: int, x: float = 0, y: float = 0, z: float = 0) -> Event:
    account = name if name.startswith("ai.") else f"account.{name}"
    place = {"x": x, "y": y, "z": z}
    return {"name": name, "teamId": team, "health": 100, "location": place, "accountId": account}


def position(time: str, who: Event, in_game: float = 1.0) -> Event:
    return {
        "character": who,
        "elapsedTime": 10,
        "common": {"isGame": in_game},
        "_D": time,
        "_T": "LogPlayerPosition",
    }


def kill(time: str, victim: Event, killer: Event | None, **others: Event | None) -> Event:
    return {"victim": victim, "killer": killer, **others, "_D": time, "_T": "LogPlayerKillV2"}


def match_one() -> list[Event]:
    """The events of match one."""
    ann, ben, cat, dan, eve = (
        character(name, team) for name, team in (("ann", 1), ("ben", 1), ("cat", 2), ("dan", 2), ("eve", 3))
    )
    fay, bot, other_bot = character("fay", 4), character("ai.260", 201), character("ai.261", 202)
    players = [ann, ben, cat, dan, eve]
    events: list[Event] = [
        {"MatchId": "match.one", "SeasonState": "progress", "_D": at(START, -120), "_T": "LogMatchDefinition"}
    ]
    events += [
        {"character": who, "_D": at(START, -90), "_T": "LogPlayerCreate"}
        for who in [*players, fay, bot, other_bot]
    ]
    # the lobby: all in one place
    events += [position(at(START, -60), who, 0) for who in [*players, fay]]
    events += [{"accountId": "account.fay", "_D": at(START, -30), "_T": "LogPlayerLogout"}]
    events += [
        {"mapName": "Island", "characters": [{"character": who} for who in players], "_D": at(START, 0)}
        | {"_T": "LogMatchStart"}
    ]
    events += [position(at(START, 5), who, 0.1) for who in players]
    # teams 1 and 2 are 40 m apart, eve a kilometre away, until the first death
    for second in range(10, 60, 10):
        events += [
            position(at(START, second), character("ann", 1, 1_000, 0, 150)),
            position(at(START, second), character("ben", 1, -1_000, 0, 150)),
            position(at(START, second), character("cat", 2, 1_000, 4_000, 150)),
            position(at(START, second), character("dan", 2, -1_000, 4_000, 150)),
            position(at(START, second), character("eve", 3, 100_000, 0, 150)),
            position(at(START, second), character("ai.260", 201, 0, 2_000, 150)),
        ]
    events += [
        {"character": ann, "item": {"itemId": "Weapon"}, "_D": at(START, 50), "_T": "LogItemPickup"},
        kill(at(START, 60), cat, ann, finisher=ann, dBNOMaker=None),
        kill(at(START, 120), bot, None, finisher=ben),
        kill(at(START, 180), ben, ann),
        # nobody, as the API writes it
        kill(at(START, 240), dan, character("", 0) | {"accountId": ""}, finisher=None, dBNOMaker=None),
        kill(at(START, 250), other_bot, None),
        {"accountId": "account.eve", "_D": at(START, 300), "_T": "LogPlayerLogout"},
        {"accountId": "account.ann", "_D": at(START, 605), "_T": "LogPlayerLogout"},
        {"characters": [], "_D": at(START, 600.4), "_T": "LogMatchEnd"},
    ]
    return events


ONE_ANN_S = Decimal("600.4")
# to the end of the match; fact_session has it to the nearest second
ONE = {
    # seconds, kills, deaths
    "account.ann": (600, 1, 0),
    "account.ben": (180, 1, 1),
    "account.cat": (60, 0, 1),
    "account.dan": (240, 0, 1),
    "account.eve": (300, 0, 0),
}
ONE_FIXES = 5 * 5
# the lobby's 6 fixes, the plane's 5; of the bots 5 fixes, 2 creations and a death by nobody; fay's creation and logout,
# an item
ONE_IGNORED = 6 + 5 + 5 + 2 + 1 + 2 + 1


def match_two() -> list[Event]:
    """The events of match two: a bot kills gus, hal kills himself, ann stays until after midnight."""
    gus, hal, ann, bot = (
        character("gus", 1),
        character("hal", 2),
        character("ann", 3),
        character("ai.1", 9),
    )

    def with_zone(seconds: float) -> str:
        local = LATE_START + dt.timedelta(hours=1, seconds=seconds)
        return local.isoformat() + "+01:00"

    events: list[Event] = [{"characters": [gus, hal, ann, bot], "_D": with_zone(0), "_T": "LogMatchStart"}]
    events += [position(with_zone(second), who) for second in range(0, 60, 10) for who in (gus, hal, ann)]
    events += [position(with_zone(second), ann) for second in range(60, 600, 10)]
    # in the lobby, of which older files do not say that it is no game
    events += [position(with_zone(-30), gus)]
    # hal was knocked down by ann, got up again, and fell over his own grenade
    events += [{"victim": hal, "attacker": ann, "_D": with_zone(55), "_T": "LogPlayerMakeGroggy"}]
    # nobody's team is known of a player who kills himself
    hal = {name: value for name, value in hal.items() if name != "teamId"}
    for seconds, victim, killer in ((60, gus, bot), (61, hal, hal)):
        events += [{"victim": victim, "killer": killer, "_D": with_zone(seconds), "_T": "LogPlayerKill"}]
    # while both forms were written, one death had one of each
    events += [kill(with_zone(61.2), hal, None, dBNOMaker=ann, isSuicide=True)]
    return [*events, {"characters": [], "_D": with_zone(600), "_T": "LogMatchEnd"}]


TWO = {"account.gus": (60, 0, 1), "account.hal": (61, 0, 1), "account.ann": (600, 0, 0)}
TWO_FIXES = 6 * 3 + 54
TWO_IGNORED = 2
# gus in the lobby, and the knock


def write_matches(folder: Path) -> None:
    """Both matches as files of one JSON array."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one.json").write_text(json.dumps(match_one(), indent=1))
    (folder / "two.json").write_text(json.dumps(match_two()))
