"""The guide to telemetry of one's own: what its cookbook says comes out, comes out."""

import json
import re

import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.settings import PROJECT_DIR
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
])  # fmt: skip
def test_the_selects_of_the_cookbook_fit_their_contracts(sql, log, record, rows):
    with delivered([("file", 1, record)]) as connection:
        found = connection.execute(sql)
        names = {column[0] for column in found.description}
        assert len(found.fetchall()) == rows
    assert names - {"line_number"} <= set(CONTRACTS[log].names)
    assert {column.name for column in CONTRACTS[log].columns if column.required} <= names
