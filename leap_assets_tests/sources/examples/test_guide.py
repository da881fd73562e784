"""The guide to telemetry of one's own: what it shows was done, and what it says comes out, comes out."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.settings import PROJECT_DIR
from leap_assets.sources.declaration import SourceError, read_source
from leap_assets.sources.delivered import record_files
from leap_assets.sources.mapping import Counts, Mapper
from leap_assets_tests.sources.examples.delivered import ODD, delivered

GUIDE = PROJECT_DIR / "docs" / "bring-your-own-telemetry.md"
COOKBOOK = GUIDE.read_text().partition("## Cookbook")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(\{.*?\})`[^|]* \| `(.*?)` \| `(.*?)` \|$", COOKBOOK, flags=re.MULTILINE)
SELECTS = re.findall(r"```sql\n(.*?)```", COOKBOOK, flags=re.DOTALL)


def test_every_row_of_the_cookbook_is_tried():
    rows = [line for line in COOKBOOK.splitlines() if line.startswith("| `")]
    assert len(ROWS) == len(rows) > 20


@pytest.mark.parametrize(("record", "sql", "result"), ROWS)
def test_what_the_cookbook_says_comes_out_comes_out(record, sql, result):
    with delivered([("file", 1, json.loads(record))]) as connection:
        assert connection.execute(f"select ({sql})::varchar from delivered").fetchall() == [(result,)]


@pytest.mark.parametrize(("record", "sql"), [row[:2] for row in ROWS])
def test_an_expression_of_the_cookbook_stops_at_no_value(record, sql):
    odd = [dict.fromkeys(json.loads(record), value) for value in ODD]
    with delivered([("file", number, values) for number, values in enumerate([{}, *odd], 1)]) as connection:
        connection.execute(f"create temp table made as select {sql} as value from delivered")
        assert connection.execute("select count(*) from made").fetchall() == [(1 + len(ODD),)]


@pytest.mark.parametrize(("sql", "log", "record", "rows"), [
    (SELECTS[0], "heartbeat", {"player": "a", "match": "m", "path": [{"t": "x", "x": 1, "y": 2}, {"t": "y"}]}, 2),
    (SELECTS[1], "client", {"id": 1, "who": {"name": "a"}, "name": "session_start", "at": "x"}, 1),
    (SELECTS[2], "player", {"user": "a", "at": "2025-03-01 12:00:00", "country": "TR", "device": {"os": "ios"}}, 1),
])  # fmt: skip
def test_the_selects_of_the_cookbook_fit_their_contracts(sql, log, record, rows):
    with delivered([("file", 1, record)]) as connection:
        found = connection.execute(sql)
        names = {column[0] for column in found.description}
        assert len(found.fetchall()) == rows
    assert names - {"line_number", "line_numbers"} <= set(CONTRACTS[log].names)
    assert {column.name for column in CONTRACTS[log].columns if column.required} <= names


BLOCKS = dict(
    re.findall(r"`sources/arena/(\w+)\.sql`.*?```sql\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
)
SERVER7 = re.findall(r"```csv\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)[0]
MESSAGES = GUIDE.read_text().partition("### What is refused")[2].partition("\n## ")[0]


@pytest.fixture
def arena(tmp_path):
    """The guide's source and its delivered file, as a reader who copies them has them."""
    folder = tmp_path / "sources" / "arena"
    folder.mkdir(parents=True)
    declaration = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)[0]
    (folder / "source.toml").write_text(declaration)
    for log, sql in BLOCKS.items():
        (folder / f"{log}.sql").write_text(sql)
    (tmp_path / "server7.csv").write_text(SERVER7)
    return folder


def map_file(folder: Path, file: Path) -> tuple[Counts, dict[str, list[dict[str, Any]]]]:
    """What a source makes of a file: the counts, and the rows as text by log."""
    source = read_source(folder)
    with Mapper(source, folder / "work") as mapper:
        (records,) = record_files(source, file.name, file)
        counts = mapper.map(records)
        rows = {}
        for one in mapper.prepared:
            names, found = mapper.preview(one, 100)
            rows[one.contract.log] = [dict(zip(names, row, strict=True)) for row in found]
    return counts, rows


def test_the_guides_source_does_what_the_guide_says(arena):
    assert set(BLOCKS) == {"heartbeat", "session", "client"}
    counts, rows = map_file(arena, arena.parent.parent / "server7.csv")
    said = re.findall(
        r"server7\.csv: (\d+) records, (\d+) that cannot be read, (\d+) ignored", GUIDE.read_text()
    )
    assert (str(counts.records), str(counts.unreadable), str(counts.ignored)) == said[0]
    assert counts.mapped == {"session": 4, "heartbeat": 9, "client": 2}
    figures = {}
    for row in rows["session"]:
        of_player = figures.setdefault(row["player_id"], [0, 0, 0, 0])
        for i, one in enumerate((1, row["event_length_seconds"], row["kills"], row["deaths"])):
            of_player[i] += int(one)
    shown = re.findall(
        r"^(\w+) +(\d+) +(\d+) +(\d+) +(\d+) +\d+\.\d\d$", GUIDE.read_text(), flags=re.MULTILINE
    )
    assert figures == {player: [int(figure) for figure in own] for player, *own in shown} != {}


REFUSED = [
    ("heartbeat.sql", "position_x", "pos_x"),
    ("client.sql", "    'purchase' as event_type,\n", ""),
    ("heartbeat.sql", "from delivered\nwhere", "form delivered\nwhere"),
    ("heartbeat.sql", "as team_id,", "as team_id"),
    ("heartbeat.sql", "record->>'$.x'", "x"),
    ("heartbeat.sql", "from delivered\nwhere", "from server7\nwhere"),
    ("heartbeat.sql", "from delivered\nwhere", "from 'server7.csv'\nwhere"),
    ("heartbeat.sql", "timezone('Europe/Berlin', try_strptime(", "epoch(try_strptime("),
    ("heartbeat.sql", "record->>'$.team' as", "(record->>'$.team') = 'red' as"),
    ("heartbeat.sql", "record->>'$.team' as", "repeat('x', 4000000000) as"),
    ("client.sql", "    json_object(", "    record->>'$.item' as product,\n    json_object("),
    ("heartbeat.sql", "from delivered\nwhere", "from delivered; select 1 from delivered\nwhere"),
    (
        "client.sql",
        "where (record->>'$.event') = 'buy'",
        "where\n    record->>'$.event' = 'buy'\n    and record->>'$.price' is not null",
    ),
    ("source.toml", "description", "descripton"),
    ("sessions.sql", "", ""),
]


@pytest.mark.parametrize(("name", "right", "wrong"), REFUSED)
def test_a_mistake_of_the_guide_gives_the_message_of_the_guide(arena, name, right, wrong):
    if name == "sessions.sql":
        (arena / "session.sql").rename(arena / name)
    text = (arena / name).read_text()
    assert right in text
    (arena / name).write_text(text.replace(right, wrong, 1))
    with pytest.raises(SourceError) as refused:
        map_file(arena, arena.parent.parent / "server7.csv")
    assert str(refused.value).replace(f"{arena.parent.parent}/", "") in MESSAGES


def test_a_file_that_leap_does_not_read_gives_the_message_of_the_guide(arena):
    folder = arena.parent.parent
    (folder / "server7.log").write_text(SERVER7)
    (folder / "semi.csv").write_text(SERVER7.replace(",", ";"))
    (folder / "cut.csv.gz").write_bytes(gzip.compress(SERVER7.encode())[:200])
    (folder / "nohead.csv").write_text("M1,05.04.2025 20:00:00,start\n")
    for name in ("server7.log", "semi.csv", "cut.csv.gz", "nohead.csv"):
        with pytest.raises(SourceError) as refused:
            map_file(arena, folder / name)
        assert str(refused.value).replace(f"{folder}/", "") in MESSAGES


def test_a_cast_that_fails_gives_the_message_of_the_guide(arena):
    text = (arena / "heartbeat.sql").read_text()
    (arena / "heartbeat.sql").write_text(text.replace("record->>'$.x'", "(record->>'$.x')::double"))
    with pytest.raises(SourceError) as refused:
        map_file(arena, arena.parent.parent / "server7.csv")
    assert str(refused.value).replace(f"{arena.parent.parent}/", "") in re.sub(r"\n +", " ", MESSAGES)
