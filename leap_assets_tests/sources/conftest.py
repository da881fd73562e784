"""A mapped source in a folder of its own, and installations of Leap that use it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leap_assets.settings import load_settings
from leap_assets_tests.conftest import Leap

CLIENT_SQL = """select
    record->>'$.id' as event_id,
    record->>'$.user' as player_id,
    record->>'$.what' as event_type,
    record->>'$.at' as timestamp,
    json_object('product', record->'$.item', 'price', record->'$.paid', 'currency', 'USD') as properties
from delivered
where record->>'$.what' <> 'heartbeat_of_the_engine'
"""


def event(
    number: int, at: str = "2025-01-01 10:00:00", what: str = "session_start", **more: Any
) -> dict[str, Any]:
    """A record of the made-up game."""
    return {"id": f"e{number}", "user": f"p{number % 3}", "what": what, "at": at, **more}


def ndjson(*records: Any) -> bytes:
    """Lines of JSON; bytes go out as they are."""
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


@pytest.fixture
def write_source(tmp_path):
    """Factory of source folders: the made-up game's unless told otherwise; gives the folder."""

    def write(files: Mapping[str, str] | None = None, name: str = "game") -> Path:
        folder = tmp_path / "sources" / name
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for file, text in {
            "source.toml": 'description = "a game"\n',
            **(files or {"client.sql": CLIENT_SQL}),
        }.items():
            (folder / file).write_text(text)
        return folder

    return write


@pytest.fixture
def mapped_leap(tmp_path, write_source):
    """Factory of installations over the source of `write_source`."""

    def make(source: Path | None = None, **variables: str) -> Leap:
        folder = source or write_source()
        environ = {
            "LEAP_DATA_DIR": str(tmp_path / "data"),
            "LEAP_SOURCES_DIR": str(folder.parent),
            "LEAP_SOURCE": folder.name,
            **variables,
        }
        leap = Leap(load_settings(environ))
        leap.settings.delivered_dir.mkdir(parents=True, exist_ok=True)
        return leap

    return make
