"""The dimensions, from the facts of all days: players, products, countries and dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from leap_assets.proofs.delivered.facts import World
from leap_assets.proofs.delivered.lines import ATTRIBUTES, NULL, Numbering
from leap_assets.proofs.frames import Frame, iso_weeks, month_starts, objects, week_starts
from leap_assets.proofs.known import DAY_US, UNKNOWN, Known

LATE_DAYS = 3
# a line is delivered at most so many days behind its own


def first_attributes(lines: Frame) -> dict[int, dict[str, int]]:
    """Day of the first registration of each player, and each attribute as the first line that has it.

    Lines are in the order of event day and arrival, repeats included; -1 stands for null.
    """
    found: dict[int, dict[str, int]] = {}
    for player, day, *values in zip(
        *(lines[name].tolist() for name in ("player", "day", *ATTRIBUTES)), strict=True
    ):
        own = found.setdefault(player, {"day": day} | dict.fromkeys(ATTRIBUTES, -1))
        for name, value in zip(ATTRIBUTES, values, strict=True):
            if own[name] < 0:
                own[name] = value
    return found


def find_registrations(lines: Frame, numbering: Numbering, world: World) -> Frame:
    """One row per registered player, as the facts of the proofs have it: what is unknown is a text, too."""
    texts = numbering.names.words.texts
    unknown = numbering.names.words.of(UNKNOWN)
    first = first_attributes(lines)
    columns: dict[str, list[int]] = defaultdict(list)
    for player, own in first.items():
        code = world.country(None if own["country"] < 0 else texts[own["country"]])
        columns["player"].append(player)
        columns["day"].append(own["day"])
        columns["country"].append(unknown if code is None else numbering.names.words.of(code))
        for name in ("platform", "experiment_group"):
            columns[name].append(own[name] if own[name] >= 0 else unknown)
        columns["display_name"].append(own["display_name"])
    names = ("player", "day", "country", "platform", "experiment_group", "display_name")
    return {name: np.array(columns[name], dtype=np.int64) for name in names}


def prove_dim_players(known: Known) -> Frame:
    """Every player that any line names, internal ones too."""
    registered = known.facts["registration"]
    players = known.players
    seen = np.flatnonzero(players["acquired"] < np.iinfo(np.int64).max)
    names = np.full(len(players["id"]), -1, dtype=np.int64)
    names[registered["player"]] = registered["display_name"]
    is_registered = np.zeros(len(names), dtype=bool)
    is_registered[registered["player"]] = True
    words = known.words
    acquired = players["acquired"][seen]
    return {
        "player_id": players["id"][seen],
        "acquired_on": acquired,
        "cohort_week": week_starts(acquired),
        "country": words[players["country"][seen]],
        "platform": words[players["platform"][seen]],
        "experiment_group": words[players["group"][seen]],
        "display_name": objects(None if number < 0 else words[number] for number in names[seen].tolist()),
        "is_inferred": ~is_registered[seen],
        "is_internal": np.array([one in known.given.internal for one in players["id"][seen]], dtype=bool),
    }


def prove_dim_products(known: Known) -> Frame:
    """Each item's catalogue days one after the other; then the items that are bought and in no catalogue."""
    lines, words = known.facts["catalogue"], known.words
    by_item: defaultdict[int, list[dict[str, int]]] = defaultdict(list)
    names = tuple(lines)
    for values in zip(*(lines[name].tolist() for name in names), strict=True):
        line = dict(zip(names, values, strict=True))
        by_item[line["purchase_item"]].append(line)
    rows: list[dict[str, Any]] = []

    def text(number: int) -> str | None:
        return None if number < 0 else words[number]

    for item, own in by_item.items():
        validities: list[dict[str, Any]] = []
        for line in sorted(own, key=lambda line: line["day"]):
            price = (line["price"], line["currency"])
            if not validities or validities[-1]["of"] != price:
                if validities:
                    validities[-1]["valid_to"] = line["day"]
                validities.append({"of": price, "valid_from": line["day"], "valid_to": np.nan})
            validities[-1]["line"] = line
        for validity in validities:
            line = validity["line"]
            available = line["available_from"]
            rows.append(
                {
                    name: text(line[name])
                    for name in ("product_name", "transaction_type", "tier", "currency", "cycle")
                }
                | {
                    "purchase_item": text(item),
                    "price": line["price"],
                    "available_from": np.nan if available == NULL else available,
                    "valid_from": validity["valid_from"],
                    "valid_to": validity["valid_to"],
                    "is_inferred": False,
                }
            )
    payments = known.facts["payment"]
    bought: dict[int, tuple[int, list[str]]] = {}
    for item, day, kind in zip(*(payments[name].tolist() for name in ("item", "day", "type")), strict=True):
        if item in by_item:
            continue
        first, kinds = bought.get(item, (day, []))
        bought[item] = (min(first, day), kinds)
        if kind >= 0:
            kinds.append(words[kind])
    for item, (first, kinds) in bought.items():
        rows.append(
            dict.fromkeys(("tier", "currency", "cycle"))
            | {
                "purchase_item": text(item),
                "product_name": text(item),
                "transaction_type": min(kinds, default=None),
                "price": np.nan,
                "available_from": np.nan,
                "valid_from": first,
                "valid_to": np.nan,
                "is_inferred": True,
            }
        )
    texts = ("purchase_item", "product_name", "transaction_type", "tier", "currency", "cycle")
    frame: Frame = {name: objects(row[name] for row in rows) for name in texts}
    for name in ("price", "available_from", "valid_to"):
        # no price and no day is beyond what a double holds exactly
        frame[name] = np.array([row[name] for row in rows], dtype=float)
    frame["valid_from"] = np.array([row["valid_from"] for row in rows], dtype=np.int64)
    frame["is_inferred"] = np.array([row["is_inferred"] for row in rows], dtype=bool)
    return frame


def prove_dim_countries(countries: Mapping[str, str]) -> Frame:
    """The countries of the seed, and the unknown one."""
    codes = [*countries, UNKNOWN]
    return {
        "code": objects(codes),
        "name": objects([*countries.values(), "Unknown"]),
        "is_inferred": np.array([False] * len(countries) + [True], dtype=bool),
    }


def prove_dim_dates(known: Known) -> Frame:
    """Every day from the first to the last loaded one."""
    loaded = known.given.loaded_days
    days = np.arange(loaded.min(), loaded.max() + 1) if len(loaded) else loaded
    mondays = week_starts(days)
    years, weeks = iso_weeks(mondays)
    return {
        "date": days,
        "iso_year": years,
        "iso_week": weeks,
        "week_start": mondays,
        "month_start": month_starts(days),
        "is_loaded": known.loaded(days),
        "is_final": _are_final(known, days),
    }


def _are_final(known: Known, days: Any) -> Any:
    """Whether every delivery that can still bring a line of a day, or of the days that decide about it, is loaded."""
    midnights = max(1, -(-known.given.session_max_us // DAY_US))
    reach = LATE_DAYS + midnights
    return np.array(
        [all(day + late in known.is_loaded for late in range(reach + 1)) for day in days.tolist()], dtype=bool
    )


def prove_fact_player_day(known: Known) -> Frame:
    """Every player and day on which anything is known, internal players too."""
    facts = known.facts
    sessions, payments, events, ads = (facts[name] for name in ("session", "payment", "events", "ads"))
    counted = {"signons": facts["signons"], "fixes": facts["fixes"]}
    columns: dict[str, tuple[Frame, Any]] = {
        "player_sessions": (sessions, None),
        "play_s": (sessions, sessions["length"]),
        "kills": (sessions, sessions["kills"]),
        "deaths": (sessions, sessions["deaths"]),
        "transactions": (payments, None),
        "purchase_amount": (payments, payments["amount"]),
        "ad_amount": (ads, ads["total"]),
        "purchases": (payments, payments["price"] > 0),
        "refunds": (payments, payments["price"] < 0),
        "signons": (counted["signons"], counted["signons"]["count"]),
        "fixes": (counted["fixes"], counted["fixes"]["count"]),
        "events": (events, events["count"]),
    }
    parts = [sessions, payments, events, *counted.values()]
    keys = np.unique(np.concatenate([part["player"] << 20 | part["day"] for part in parts]))
    frame: Frame = {"player_id": known.players["id"][keys >> 20], "event_date": keys & (1 << 20) - 1}
    for name, (part, values) in columns.items():
        row = np.searchsorted(keys, part["player"] << 20 | part["day"])
        added = np.ones(len(row), dtype=np.int64) if values is None else values
        sums = np.zeros(len(keys), dtype=object if added.dtype == object else np.int64)
        np.add.at(sums, row, added if added.dtype == object else added.astype(np.int64))
        frame[name] = sums
    return frame
