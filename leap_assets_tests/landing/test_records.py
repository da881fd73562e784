"""CSV lines and their fields: what Arrow splits at once is what one line after the other gives."""

import csv

import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from leap_assets.landing import records

FIELDS = 3


def fields_of(line: str | None, delimiter: str) -> list[str | None]:
    """Fields of one line, nulls where it is no record."""
    found: list[str] = []
    if line is not None and '"' not in line:
        found = line.rstrip("\r\n").split(delimiter)
    elif line is not None:
        try:
            found = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter, strict=True))
        except csv.Error:
            found = []
    return list(found) if len(found) == FIELDS else [None] * FIELDS


@given(
    st.lists(st.none() | st.text(st.sampled_from('ab1,;"\r é\x00\u2028\x0c'), min_size=1, max_size=12)),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
@example(["a,b,c", "a\rb,c,d", "\r\r", None, 'a,"b,c",d', "a,b"], ",", "\n")
@example(["a,b,c", "x,y", ",,", "1,2,3,4"], ",", "\r\n")
def test_fields_are_those_of_each_line_alone(texts, delimiter, end):
    lines = [text if text is None else text + end for text in texts]
    # no reader gives one
    assume("\r\n" not in lines)
    damaged = [b"\xff" if line is None else None for line in lines]
    table = pa.table([range(1, len(lines) + 1), lines, damaged], schema=records.SCHEMA)
    found = records.with_fields(table, FIELDS, delimiter)
    assert found.schema == records.csv_schema(FIELDS)
    assert found.select(records.SCHEMA.names) == table
    rows = zip(*(found[name].to_pylist() for name in records.field_names(FIELDS)), strict=True)
    assert [list(row) for row in rows] == [fields_of(line, delimiter) for line in lines]


def test_a_line_that_is_too_long_for_arrow_is_split_as_well(monkeypatch):
    monkeypatch.setattr(records, "ARROW_BYTES", 20)
    lines = ["a,b,c\n", "x" * 30 + ",y,z\n"]
    table = pa.table([[1, 2], lines, [None, None]], schema=records.SCHEMA)
    found = records.with_fields(table, FIELDS)
    assert found["field_1"].to_pylist() == ["a", "x" * 30]


@pytest.mark.parametrize("n_fields", [0, 2])
def test_no_line_has_no_field(n_fields):
    assert len(records.with_fields(records.SCHEMA.empty_table(), n_fields)) == 0
