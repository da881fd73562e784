"""What a mapped source is: its folder with `source.toml` and one SELECT a log, read and checked for its form.

Whether the SELECTs fit the contracts is found out in `mapping.py`, which can ask DuckDB.
"""

import dataclasses
import datetime as dt
import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from leap_assets.landing.contracts import CONTRACTS, Column, Contract
from leap_assets.landing.hashing import KeyedHash
from leap_assets.settings import Settings

DECLARATION = "source.toml"
SKIP = "skip"
# no format: files that are no logs, such as a README beside them
FORMATS = ("ndjson", "json", "csv", "tsv", "ssv", "parquet", SKIP)
KEYS = ("description", "days", "day_pattern", "format", "columns", "events", "personal")
EVENT_KEYS = ("description",)
# of a declared event type: a table, so that there is room for its properties
EVENT_NAME = re.compile(r"[^\s\x00-\x1f,]([^\x00-\x1f,]{0,98}[^\s\x00-\x1f,])?")
# a comma parts them in settings
PERSONAL_PROPERTY = "properties."
PLAYER = "player_id"
EXAMPLE_PATTERN = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"


class SourceError(Exception):
    """A mapped source or delivered file that cannot be used; the message names the file, the line and the remedy."""


@dataclasses.dataclass(frozen=True)
class Select:
    """The mapping of one log."""

    log: str
    path: Path
    sql: str


@dataclasses.dataclass(frozen=True)
class MappedSource:
    """A source folder that was read.

    `days` says what dates a delivery: the event's own UTC day, or the path of the file by `day_pattern`. `formats`
    are pairs of a pattern of paths and the format that such files have, the first that fits counts. `columns` are
    pairs of a pattern and the names of the columns of CSV files without a header. `events` are the types of client
    events that the source has beside Leap's own, with their descriptions. `personal` names the columns of personal
    data by log, members of the properties as `properties.<name>`. `digest` changes with anything in the folder that
    the result depends on.
    """

    name: str
    folder: Path
    description: str
    days: Literal["event", "path"]
    day_pattern: str
    formats: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    events: Mapping[str, str]
    personal: Mapping[str, tuple[str, ...]]
    selects: tuple[Select, ...]
    digest: str

    @property
    def is_private(self) -> bool:
        """Whether the source has personal columns."""
        return any(self.personal.values())

    def day_of(self, path: str) -> dt.date | None:
        """The day that the path of a delivered file names; None when events date themselves.

        Raises
        ------
        SourceError
            When the path names no day.
        """
        if self.days == "event":
            return None
        found = re.search(self.day_pattern, path)
        try:
            if found is None:
                raise ValueError
            return dt.date(*(int(found[part]) for part in ("year", "month", "day")))
        except (ValueError, TypeError):
            raise SourceError(
                f"{path}: its path names no day by day_pattern = '{self.day_pattern}' of {self.folder / DECLARATION}. "
                'Rename the file, mend the pattern, or let events date themselves with days = "event".'
            ) from None


def read_source(folder: Path) -> MappedSource:
    """Read a source folder.

    Raises
    ------
    SourceError
        For a folder, declaration or name of a mapping that cannot be used.
    """
    path = folder / DECLARATION
    if not folder.is_dir():
        raise SourceError(
            f"{folder} does not exist. A mapped source is a folder with a {DECLARATION} in it: make one."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(
            f'{path} does not exist. Write one; a line such as description = "what these files are" is enough.'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read ({error}). It must be a file of UTF-8 text.") from None
    try:
        declared = tomllib.loads(text)
    except RecursionError:
        raise SourceError(f"{path} is not TOML that can be read: it is nested too deeply. Mend it.") from None
    except ValueError as error:
        # a number of thousands of digits is one that is no TOMLDecodeError
        raise SourceError(f"{path} is not TOML: {error}. Mend that line.") from None
    if "header" in declared:
        raise _wrong(
            path,
            text,
            "header",
            'a file without a header needs names for its columns. Write them: [columns], "*.csv" = ["player", "time"]',
        )
    _refuse_unknown(path, text, declared, KEYS, "key")
    days = declared.get("days", "event")
    if days not in ("event", "path"):
        raise _wrong(
            path, text, "days", 'it must be "event" (each event\'s own day) or "path" (the day in the path)'
        )
    selects = tuple(_read_selects(folder))
    digest = hashlib.sha256()
    for part in (text, *(piece for select in selects for piece in (select.log, select.sql))):
        digest.update(hashlib.sha256(part.encode()).digest())
    return MappedSource(
        name=folder.name,
        folder=folder,
        description=_text(path, text, declared, "description"),
        days=days,
        day_pattern=_day_pattern(path, text, declared, days),
        formats=tuple(_formats(path, text, declared)),
        columns=tuple(_columns(path, text, declared)),
        events=dict(_events(path, text, declared, selects)),
        personal=dict(_personal(path, text, declared, [select.log for select in selects])),
        selects=selects,
        digest=digest.hexdigest(),
    )


def declared_event_types(settings: Settings) -> tuple[str, ...]:
    """Types of client events that the source of some settings has beside Leap's own.

    Raises
    ------
    SourceError
        When the declaration of a mapped source cannot be used.
    """
    if settings.is_mapped:
        return tuple(read_source(settings.source_dir).events)
    return settings.own_event_types


def hashing_of(source: MappedSource, key: str) -> KeyedHash | None:
    """What hashes the personal columns of a source, None when it has none.

    Raises
    ------
    SourceError
        When there is no key.
    """
    if not source.is_private:
        return None
    if not key:
        path = source.folder / DECLARATION
        raise _wrong(
            path,
            path.read_text(encoding="utf-8"),
            "personal",
            "these columns are stored as a keyed hash, and there is no key. Set LEAP_HASH_KEY to a secret of at least "
            "16 characters (openssl rand -hex 32 makes one), keep it, and set it for every run",
        )
    return KeyedHash(key)


def _read_selects(folder: Path) -> Iterable[Select]:
    found = {path.stem: path for path in sorted(folder.glob("*.sql"))}
    for name, path in found.items():
        if name not in CONTRACTS:
            near = difflib.get_close_matches(name, CONTRACTS, n=1)
            raise SourceError(
                f"{path} is no log of Leap. {f'Did you mean {near[0]}.sql? ' if near else ''}A mapping has the name of "
                f"its log: {', '.join(f'{log}.sql' for log in CONTRACTS)}. Rename it or take it out."
            )
    if not found:
        raise SourceError(
            f"{folder} has no mapping. Write one SELECT a log, with the name of the log: "
            f"{', '.join(f'{log}.sql' for log in CONTRACTS)}."
        )
    for log in CONTRACTS:
        if log in found:
            try:
                yield Select(log, found[log], found[log].read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError(
                    f"{found[log]} cannot be read ({error}). It must be a file of UTF-8 text."
                ) from None


def _day_pattern(path: Path, text: str, declared: Mapping[str, Any], days: str) -> str:
    pattern = _text(path, text, declared, "day_pattern")
    if days == "event":
        if pattern:
            raise _wrong(
                path, text, "day_pattern", 'it is only used with days = "path": add that, or take it out'
            )
        return ""
    remedy = f"write it with the groups year, month and day, such as day_pattern = '{EXAMPLE_PATTERN}'"
    if not pattern:
        raise SourceError(f'{path}: days = "path" needs a day_pattern. To mend it, {remedy}.')
    try:
        groups = re.compile(pattern).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise _wrong(path, text, "day_pattern", f"it is no regular expression ({error}): {remedy}") from None
    if missing := [part for part in ("year", "month", "day") if part not in groups]:
        raise _wrong(path, text, "day_pattern", f"it has no group {', '.join(missing)}: {remedy}")
    return pattern


def _formats(path: Path, text: str, declared: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for pattern, form in _table(path, text, declared, "format").items():
        if form not in FORMATS:
            raise _wrong(path, text, pattern, f"a format is one of {', '.join(FORMATS)}")
        yield pattern, form


def _columns(path: Path, text: str, declared: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Names of the columns of CSV files without a header: `"*.csv" = ["player", "time"]`."""
    for pattern, names in _table(path, text, declared, "columns").items():
        if (
            not isinstance(names, list)
            or not names
            or not all(isinstance(name, str) and name.strip() for name in names)
        ):
            raise _wrong(
                path,
                text,
                pattern,
                'it must be the list of the names of all columns, in their order, such as ["player", "time"]',
            )
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise _wrong(
                path, text, pattern, f"it names {twice} more than once: give each column its own name"
            )
        yield pattern, tuple(names)


def _events(
    path: Path, text: str, declared: Mapping[str, Any], selects: Iterable[Select]
) -> Iterable[tuple[str, str]]:
    """Event types beside Leap's own, with their descriptions: a table `[events.<type>]` for each."""
    contract = CONTRACTS["client"]
    events = _table(path, text, declared, "events")
    if events and contract.log not in [select.log for select in selects]:
        raise _wrong(
            path,
            text,
            "events",
            f"the source has no {contract.log}.sql, and no other log has event types. Write one, or take [events] out",
        )
    for name, table in events.items():
        if not isinstance(table, dict):
            raise _wrong(
                path,
                text,
                name,
                f'it must be a table: [events.{toml_key(name)}], and in it description = "what it is"',
            )
        if not EVENT_NAME.fullmatch(name):
            raise _wrong(
                path,
                text,
                name,
                "an event type is a text of at most 100 characters without commas, control characters and white "
                "space around it",
            )
        if name in contract.event_types:
            raise _wrong(
                path,
                text,
                name,
                "it is one of Leap's own event types, which need not be declared. Take it out",
            )
        _refuse_unknown(path, text, table, EVENT_KEYS, f"key of the event type {name}")
        yield name, _text(path, text, table, "description")


def toml_key(name: str) -> str:
    """A name as a key of TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _personal(
    path: Path, text: str, declared: Mapping[str, Any], logs: list[str]
) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Personal columns by log: `client = ["player_id"]`, or for all logs that have it `player_id = true`."""
    personal = _table(path, text, declared, "personal")
    named: dict[str, list[str]] = {log: [] for log in logs}
    known = dict.fromkeys(name for log in logs for name in CONTRACTS[log].names)
    for name, value in _with_properties(personal):
        if name in named:
            if not isinstance(value, list) or not all(isinstance(column, str) for column in value):
                raise _wrong(path, text, name, 'it must be a list of columns such as ["player_id"]')
            columns = [column for column in value if not _is_property_of(CONTRACTS[name], column)]
            _refuse_unknown(path, text, columns, CONTRACTS[name].names, f"column of the log {name}")
            named[name] += value
            continue
        having = [
            log for log in logs if name in CONTRACTS[log].names or _is_property_of(CONTRACTS[log], name)
        ]
        if not having:
            _refuse_unknown(path, text, [name], [*logs, *known], "log or column of this source")
        if value is not True:
            raise _wrong(path, text, name, "it must be true, or be taken out")
        for log in having:
            named[log].append(name)
    for log, names in named.items():
        for name in names:
            _refuse_unhashable(path, text, CONTRACTS[log], name)
            for other in logs:
                if name in CONTRACTS[other].names and name not in named[other]:
                    raise _wrong(
                        path,
                        text,
                        name,
                        f"it is personal in the log {log}, but not in {other}, which has it too. Hashed in one and "
                        f"plain in the other, they would not meet: write {name} = true for all logs that have it",
                        shown="",
                    )
        yield log, tuple(dict.fromkeys(names))


def _with_properties(personal: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Keys with their values; `properties.x = true` without quotes is a table to TOML."""
    for name, value in personal.items():
        if name == "properties" and isinstance(value, dict):
            yield from ((f"{PERSONAL_PROPERTY}{member}", inner) for member, inner in value.items())
        else:
            yield name, value


def _is_property_of(contract: Contract, name: str) -> bool:
    return "properties" in contract.names and re.fullmatch(r"properties\.\w+", name) is not None


def _refuse_unhashable(path: Path, text: str, contract: Contract, name: str) -> None:
    """Refuse a column whose values a hash cannot stand for."""
    columns: dict[str, Column] = {column.name: column for column in contract.columns}
    columns |= {f"{PERSONAL_PROPERTY}{column.name}": column for column in contract.properties}
    column = columns.get(name)
    if column is None:
        return
    if column.type not in ("id", "text") or column.allowed or column.pattern or name == contract.event_type:
        raise _wrong(
            path,
            text,
            name,
            f"only a free text can be stored as a hash, and {name} of the log {contract.log} is none. Leave it out of "
            "the SELECT, or return less of it",
        )


def _text(path: Path, text: str, declared: Mapping[str, Any], key: str) -> str:
    value = declared.get(key, "")
    if not isinstance(value, str):
        raise _wrong(path, text, key, "it must be a text in quotes")
    return value


def _table(path: Path, text: str, declared: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = declared.get(key, {})
    if not isinstance(value, dict):
        raise _wrong(path, text, key, f"it must be a table [{key}]")
    return value


def _refuse_unknown(path: Path, text: str, names: Iterable[str], known: Iterable[str], what: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise _wrong(
                path, text, name, f"there is no such {what}; {hint}There are {', '.join(known)}", shown=""
            )


def _wrong(path: Path, text: str, key: str, remedy: str, *, shown: str = " cannot be used") -> SourceError:
    lines = text.splitlines()
    line = next(
        (
            number
            for number, line in enumerate(lines, 1)
            if re.search(rf"(?<!\w){re.escape(key)}(?!\w)", line)
        ),
        None,
    )
    where = f"{path}, line {line}" if line else f"{path}"
    return SourceError(f"{where}: {key}{shown}: {remedy}.")
