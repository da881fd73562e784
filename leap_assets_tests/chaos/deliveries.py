"""Deliveries of the histories: files that the simulator wrote once, put into landing/ and taken out again.

A few slots can change, so that few different deliveries exist and each needs one fresh build only.
"""

import dataclasses
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from leap_assets.settings import Settings
from leap_assets_tests.chaos.events import DAYS, Event
from leap_assets_tests.conftest import Leap, as_day

PLAYERS = 40
SLOTS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    # kind of event, delivery day, logs
    ("late", 3, ("session", "client")),
    ("late", 1, ("heartbeat",)),
    ("replace", 2, ("transaction", "client", "session")),
    ("empty", 4, ("player", "signons", "session", "transaction", "heartbeat", "client")),
)
State = tuple[str, ...]
# version of the files of each slot: of the first world, of the second one, or none
FIRST: State = ("none", "none", "one", "one")


def make_worlds(folder: Path) -> None:
    """Let the simulator write the days of two worlds into `folder`/one and `folder`/two."""
    simulation = dict.fromkeys(
        (
            "conflicting_duplicate_rate",
            "future_clock_rate",
            "truncated_rate",
            "wrong_type_rate",
            "missing_field_rate",
            "bad_encoding_rate",
        ),
        0.01,
    )
    simulation |= {"late_rate": 0.1, "duplicate_rate": 0.03}
    for seed, name in enumerate(("one", "two"), 42):
        settings = Settings(
            data_dir=folder / f"world-{name}", seed=seed, initial_players=PLAYERS, simulation=simulation
        )
        Leap(settings).run(1, DAYS, select="group:generators")
        settings.landing_dir.rename(folder / name)
        shutil.rmtree(settings.data_dir)


@dataclasses.dataclass
class Deliveries:
    """The landing folder of one data folder, and the version of each slot that is in it."""

    worlds: Path
    landing: Path
    state: State = FIRST

    def place(self) -> None:
        """Make the folder as `state` says."""
        shutil.copytree(self.worlds / "one", self.landing)
        for number, version in enumerate(self.state):
            self._put(number, version)

    def happen(self, event: Event) -> tuple[int, str]:
        """Let a delivery arrive or vanish; returns the delivery day and what was done."""
        slots = [number for number, (kind, _, _) in enumerate(SLOTS) if kind == event.kind]
        number = slots[event.detail["slot"] % len(slots)]
        was = self.state[number]
        now = {"late": "one", "replace": "two", "empty": "none"}[event.kind]
        if now == was and event.kind != "late":
            now = "one"
        self._put(number, now)
        self.state = (*self.state[:number], now, *self.state[number + 1 :])
        return SLOTS[number][1], f"{was} -> {now}"

    def _put(self, number: int, version: str) -> None:
        _, day, logs = SLOTS[number]
        for log in logs:
            folder = self.landing / log / as_day(day).isoformat()
            for path in folder.glob("*"):
                path.unlink()
            if version != "none":
                # whole files appear by rename, as the README asks for
                folder.mkdir(parents=True, exist_ok=True)
                for path in (self.worlds / version / log / folder.name).glob("*"):
                    partial = folder / f".{path.name}"
                    shutil.copyfile(path, partial)
                    partial.replace(folder / path.name)

    def count_lines(self) -> Counter[tuple[str, str]]:
        """Lines by log and delivery day, counted without Leap."""
        lines: Counter[tuple[str, str]] = Counter()
        for path in self.landing.glob("*/*/*"):
            key = (path.parent.parent.name, path.parent.name)
            if path.suffix == ".parquet":
                lines[key] += pq.read_metadata(path).num_rows
            else:
                text = [line for line in path.read_bytes().split(b"\n") if line.strip()]
                lines[key] += len(text) - (path.suffix == ".csv")
        return +lines
