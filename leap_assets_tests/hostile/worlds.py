"""A world as plain data: the settings that it runs with, its lines by log and delivery day, and its landing files.

Who makes worlds up is in `generator.py` and `cases/`; how one becomes a warehouse is in `running.py`.
"""

import dataclasses
import datetime as dt
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.settings import ALL_LOGS, Settings

NDJSON, CSV, PARQUET = ".ndjson", ".csv", ".parquet"
Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Setup:
    """The settings of a world."""

    name: str
    start_date: dt.date = dt.date(2024, 12, 30)
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def settings(self, data_dir: Path) -> Settings:
        """Settings of an installation in a folder."""
        return Settings(
            data_dir=data_dir, source="landing", start_date=self.start_date, proofs=False, **self.values
        )


SETUPS = {
    setup.name: setup
    for setup in (
        Setup("plain"),
        # A beat that no second divides, a cooldown that is a whole number of beats only in microseconds, amounts in
        # the currency of the smallest unit, sessions over several midnights.
        Setup(
            "long",
            values={
                "currency": "JPY",
                "heartbeat_s": 20.1,
                "conflict_cooldown_s": 60.3,
                "conflict_distance": 50.0,
                "session_max_hours": 60.5,
            },
        ),
        # A game that has client events alone: purchases and sessions are taken from them.
        Setup("mobile", values={"currency": "EUR", "logs": ("player", "client")}),
    )
}


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a landing file.

    Attributes
    ----------
    log : str
    day : date
        Delivery day.
    record : mapping or str
        Values by column, or the text of a line of NDJSON as it is.
    file : str
        Name of the file in the day's folder; its ending decides the format.
    """

    log: str
    day: dt.date
    record: Record | str
    file: str = "a.ndjson"


@dataclasses.dataclass(frozen=True)
class World:
    """Lines, and the days that are delivered, with or without lines."""

    name: str
    setup: str
    days: tuple[dt.date, ...]
    lines: tuple[Line, ...]

    def to_json(self) -> str:
        """The world as a text that `from_json` reads."""
        lines = [[line.log, line.day.isoformat(), line.file, line.record] for line in self.lines]
        days = [day.isoformat() for day in self.days]
        return json.dumps(
            {"name": self.name, "setup": self.setup, "days": days, "lines": lines}, indent=1, default=str
        )

    @classmethod
    def from_json(cls, text: str) -> "World":
        """The world of a text."""
        found = json.loads(text)
        return cls(
            found["name"],
            found["setup"],
            tuple(dt.date.fromisoformat(day) for day in found["days"]),
            tuple(
                Line(log, dt.date.fromisoformat(day), record, file)
                for log, day, file, record in found["lines"]
            ),
        )

    @property
    def logs(self) -> tuple[str, ...]:
        """The logs that its source declares."""
        declared: tuple[str, ...] = SETUPS[self.setup].values.get("logs", ALL_LOGS)
        return declared


def join_worlds(name: str, worlds: Iterable[World]) -> World:
    """One world of the days and lines of several with the same settings."""
    worlds = list(worlds)
    (setup,) = {world.setup for world in worlds}
    days = sorted({day for world in worlds for day in world.days})
    return World(name, setup, tuple(days), tuple(line for world in worlds for line in world.lines))


def write_landing(world: World, landing_dir: Path) -> None:
    """Write the files of a world; lines of a file keep their order."""
    files: dict[Path, list[Record | str]] = {}
    for line in world.lines:
        path = landing_dir / line.log / line.day.isoformat() / line.file
        files.setdefault(path, []).append(line.record)
    for log in world.logs:
        for day in world.days:
            (landing_dir / log / day.isoformat()).mkdir(parents=True, exist_ok=True)
    for path, records in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_FORMATS[path.suffix](records))


def _ndjson(records: list[Record | str]) -> bytes:
    texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return "".join(f"{text}\n" for text in texts).encode()


def _csv(records: list[Record | str]) -> bytes:
    names = list(dict.fromkeys(name for record in records for name in _values(record)))
    rows = [names, *([_csv_field(_values(record).get(name)) for name in names] for record in records)]
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value) if isinstance(value, (dict, bool)) else str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set('",\n\r') else text


def _parquet(records: list[Record | str]) -> bytes:
    names = list(dict.fromkeys(name for record in records for name in _values(record)))
    columns = {}
    for name in names:
        values = [_values(record).get(name) for record in records]
        if any(isinstance(value, (str, dict)) for value in values):
            # One column has one type: numbers beside texts become texts.
            values = [value if isinstance(value, str | None) else json.dumps(value) for value in values]
        elif any(isinstance(value, float) for value in values):
            values = [None if value is None else float(value) for value in values]
        columns[name] = pa.array(values)
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _values(record: Record | str) -> Record:
    if isinstance(record, str):
        raise TypeError(f"only NDJSON has lines of any text, not {record!r}")
    return record


_FORMATS = {NDJSON: _ndjson, CSV: _csv, PARQUET: _parquet}
