"""What can happen to a warehouse, as plain data that hypothesis draws and a file can keep.

A sequence says where it starts (an empty data folder or one that holds all days) and what happens then. Days are
numbers from 1. Moments are shares from 0 to 1 of the time that the work at a marker usually takes.
"""

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import hypothesis
from hypothesis import strategies as st

DAYS = 4
PLAIN = ("day", "range", "again")
ARRIVALS = ("late", "replace", "empty")
KILLS = ("kill_python", "kill_dbt", "kill_replace", "kill_publish")
ACCIDENTS = ("crowd", "disk_full", "unwritable", "other_world")
KINDS = (*PLAIN, *ARRIVALS, *KILLS, *ACCIDENTS)
WHOM = ("parent", "group")
# what is killed: the run's process alone, or its dbt too
WORK_S = {"load": 1.0, "detect": 0.5, "kill_dbt": 0.4, "kill_replace": 0.005, "kill_publish": 0.4}
# about how long the work goes on after its marker was seen
NEED_A_WORLD = ("kill_replace", "unwritable", "other_world")
# in an empty folder there is nothing to replace, to forbid or to refuse
LOCKED = ("data", "published", "leap.duckdb", "tmp")


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happens: its kind, the days it is about, and whatever else its kind needs."""

    kind: str
    first: int = 1
    last: int = 1
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        days = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return " ".join([self.kind, days, *(f"{name}={value}" for name, value in self.detail.items())])


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A sequence of events and the state that it starts from."""

    starts_built: bool
    events: tuple[Event, ...]

    def tags(self) -> list[str]:
        """What its events count as."""
        return [tag for event in self.events for tag in tags(event)]

    def to_json(self) -> str:
        """Text that `from_json` reads."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Scenario":
        """The scenario that was recorded."""
        record = json.loads(text)
        return cls(record["starts_built"], tuple(Event(**event) for event in record["events"]))


def _days(draw: st.DrawFn) -> tuple[int, int]:
    first = draw(st.integers(1, DAYS))
    return first, draw(st.integers(first, DAYS))


@st.composite
def events(draw: st.DrawFn, kinds: Sequence[str] = KINDS) -> Event:
    """One event of some kinds."""
    kind = draw(st.sampled_from(kinds))
    share = st.floats(0, 1).map(lambda value: round(value, 3))
    first, last = _days(draw)
    match kind:
        case "day" | "again":
            return Event(kind, first, first)
        case "range":
            return Event(kind, min(first, DAYS - 1), max(last, min(first, DAYS - 1) + 1))
        case "late" | "replace" | "empty":
            return Event(kind, detail={"slot": draw(st.integers(0, 1))})
        case "kill_python":
            detail = {"step": draw(st.sampled_from(["load", "detect"]))}
        case "kill_dbt" | "kill_replace":
            detail = {"nth": draw(st.integers(1, 40 if kind == "kill_dbt" else 12))}
        case "crowd":
            second = _days(draw)
            return Event(
                kind,
                first,
                last,
                {
                    "others": [second] + ([_days(draw)] if draw(st.integers(0, 3)) == 3 else []),
                    "turn": draw(st.sampled_from(["all", "first_killed", "impatient"])),
                },
            )
        case "disk_full":
            return Event(kind, first, last, {"share": draw(share)})
        case "unwritable":
            return Event(kind, first, first, {"what": draw(st.sampled_from(LOCKED))})
        case _:
            detail = {}
    if kind in KILLS:
        detail |= {"whom": draw(st.sampled_from(WHOM)), "moment": draw(share)}
    return Event(kind, first, last, detail)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A sequence of two to five events, at least one of them an accident."""
    happened = draw(st.lists(events(), min_size=1, max_size=4))
    accident = draw(events(KILLS + ACCIDENTS))
    place = draw(st.integers(0, len(happened)))
    happened.insert(place, accident)
    return Scenario(draw(st.booleans()) or happened[0].kind in NEED_A_WORLD, tuple(happened))


@st.composite
def every_kind_once(draw: st.DrawFn, parts: int) -> list[Scenario]:
    """A few sequences in which every kind of event happens once, in any order; kills meet both, parent and group."""
    happened = [draw(events([kind])) for kind in draw(st.permutations(KINDS))]
    whom = itertools.cycle(draw(st.permutations(WHOM)))
    happened = [
        dataclasses.replace(event, detail={**event.detail, "whom": next(whom)})
        if event.kind in KILLS
        else event
        for event in happened
    ]
    cut = [tuple(happened[part::parts]) for part in range(parts)]
    return [Scenario(part > 0 or own[0].kind in NEED_A_WORLD, own) for part, own in enumerate(cut)]


def draw_scenarios(count: int, seed: int) -> list[Scenario]:
    """Up to `count` different sequences, the same ones for the same seed."""
    drawn = {scenario.to_json(): scenario for scenario in _draw(scenarios(), count, seed)}
    return list(drawn.values())


def draw_short_mode(seed: int, parts: int = 3) -> list[Scenario]:
    """The sequences of the short mode: the last of some drawings, as the first ones are the simplest."""
    return _draw(every_kind_once(parts), 20, seed)[-1]


def _draw(strategy: st.SearchStrategy[Any], count: int, seed: int) -> list[Any]:
    drawn: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def collect(example: Any) -> None:
        drawn.append(example)

    collect()
    return drawn


def tags(event: Event) -> list[str]:
    """What an event counts as: its kind and, of a kill, whom it meets."""
    return [event.kind, f"kill {event.detail['whom']}"] if event.kind in KILLS else [event.kind]


ALL_TAGS = (*KINDS, *(f"kill {whom}" for whom in WHOM))


def rarest_first(pool: Iterable[Scenario], seen: Counter[str], *, wanted: int = 5) -> Scenario:
    """The sequence of a pool that does most for what has happened too rarely yet."""

    def gain(scenario: Scenario) -> float:
        missing = sum(max(0, wanted - seen[tag]) for tag in set(scenario.tags()))
        # the clean run at the end costs as much as an event
        return missing / (1 + len(scenario.events))

    return max(pool, key=gain)
