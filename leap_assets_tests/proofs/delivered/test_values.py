"""One value of a line, as the second opinion reads it: what it is, missing, or of the wrong type."""

import datetime as dt
import json

import pyarrow as pa
import pytest

from leap_assets.landing.contracts import Column
from leap_assets.proofs.delivered.lines import digest
from leap_assets.proofs.delivered.reading import from_arrow
from leap_assets.proofs.delivered.values import NESTED, WRONG, canonical, convert_text, read_json


def typed(kind, raw, *, is_csv=False):
    return convert_text(Column("x", kind, ""), is_csv=is_csv)(raw)


def number(literal):
    """A number as JSON brings it."""
    return (literal,)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (number("17"), "17"),
        (number("17.0"), "17"),
        (number("1.7e1"), "17"),
        (number("-0"), "0"),
        (number("17.5"), "17.5"),
        (number("123456789012345678901234567890"), "123456789012345678901234567890"),
        (number("9007199254740992.0"), "9007199254740992"),
        (number("9007199254740994.0"), WRONG),
        (number("7.6561198e16"), WRONG),
        (number("NaN"), None),
        (number("Infinity"), WRONG),
        ("17.0", "17.0"),
        ("NaN", None),
        ("nan", None),
        ("Nan", "Nan"),
        ("", None),
        (" \u200b\u3000\ufeff", None),
        (" a ", " a "),
        ("Zoë 🎮", "Zoë 🎮"),
        (True, WRONG),
        (NESTED, WRONG),
    ],
)
def test_an_id_is_the_same_however_its_number_is_written(raw, expected):
    assert typed("id", raw) is expected if expected in (WRONG, None) else typed("id", raw) == expected


def test_a_field_of_csv_is_a_whole_number_where_only_zeros_are_behind_its_point():
    assert [typed("id", raw, is_csv=True) for raw in ("17.0", "-3.00", "17.50", "a.0", "007.0")] == [
        "17",
        "-3",
        "17.50",
        "a.0",
        "007",
    ]


MIDNIGHT = (dt.date(2025, 3, 1) - dt.date(1970, 1, 1)).days * 86_400_000_000


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("2025-03-01", 0),
        ("2025-03-01T12:00Z", 43_200),
        ("2025-03-01 12:00:00", 43_200),
        ("2025-03-01T12:00:00.1234569+01:00", 39_600.123456),
        ("2025-03-01T12:00:00 -0130", 48_600),
        ("2025-03-01T12:00:00+15", -10_800),
        ("2025-03-01T12:00:00 UTC", 43_200),
    ],
)
def test_a_time_is_one_of_iso_8601(raw, seconds):
    assert typed("timestamp", raw) == MIDNIGHT + round(seconds * 1e6)


@pytest.mark.parametrize(
    "raw",
    [
        "2025-03-01 12:00:00 BST",
        "2025-03-01T12:00:00 Europe/Berlin",
        "2025-03-01T12:00:00+05:99",
        "2025-03-01T12:00:00+16:00",
        "2025-03-01T24:00:00",
        "2025-02-30",
        "20250301",
        " 2025-03-01",
        number("1740787200"),
        True,
    ],
)
def test_anything_else_is_no_time(raw):
    assert typed("timestamp", raw) is WRONG


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("integer", "3.0", 3),
        ("integer", number("1e3"), 1000),
        ("integer", "3.5", WRONG),
        ("integer", "0x1F", WRONG),
        ("integer", "1_000", WRONG),
        # beyond its type is a matter of bounds
        ("integer", "9223372036854775808", 2**63),
        ("integer", "1e999", WRONG),
        ("decimal", "4.99", 49_900),
        ("decimal", "1.00005", 10_001),
        ("decimal", "-1.00005", -10_001),
        ("decimal", number("1e-9"), 0),
        ("micros", "0.0000015", 2),
        ("duration", number("9.7"), 9_700_000),
        ("double", "1e3", 1000.0),
        ("double", "a", WRONG),
        ("boolean", "Yes", True),
        ("boolean", number("0"), False),
        ("boolean", "maybe", WRONG),
        ("date", "2025-03-01T23:00:00-02:00", MIDNIGHT // 86_400_000_000 + 1),
        ("text", number("1.50"), "1.5"),
        ("text", False, WRONG),
    ],
)
def test_numbers_days_and_texts(kind, raw, expected):
    found = typed(kind, raw)
    assert found is expected if expected is WRONG else found == expected


def test_of_a_doubled_name_the_first_counts_and_a_comma_before_a_bracket_is_read_over():
    assert read_json('{"a": 1, "a": 2, "b": [1, ], }') == {"a": ("1",), "b": [("1",)]}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 01}',
        "{a: 1}",
        '{"a": 1} x',
        '{"a": "\ud800"}'.encode("unicode_escape").decode(),
        '{"a": "x\ty"}',
    ],
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of Python
        read_json(text)


def test_json_of_any_depth_is_read():
    depth = 5_000
    assert isinstance(read_json("[" * depth + "]" * depth), list)
    deep = read_json('{"a":' * depth + "1" + "}" * depth)
    assert digest(deep) == digest(json.loads("{}") | deep)


def test_properties_are_equal_by_value():
    one = read_json('{"a": 0.50, "b": {"y": 1e2, "x": [null, true]}}')
    other = read_json('{"b":{"x":[null,true],"y":100},"a":0.5}')
    assert canonical(one) == canonical(other)
    assert digest(one) == digest(other)
    assert digest(one) != digest(read_json('{"a": "0.50", "b": {"y": 1e2, "x": [null, true]}}'))
    assert digest(read_json('{"a": [1, 2]}')) != digest(read_json('{"a": [2, 1]}'))
    assert digest(None) != digest({})


@pytest.mark.parametrize(
    ("kind", "array", "expected"),
    [
        ("id", pa.array([17.0, float("nan"), 7.6561198e16, None, 17.5]), ["17", None, WRONG, None, "17.5"]),
        ("id", pa.array([17.0, 16_777_220.0], pa.float32()), ["17", WRONG]),
        ("id", pa.array([17, None], pa.uint64()), ["17", None]),
        ("integer", pa.array([3.0, 3.5, float("inf")]), [3, WRONG, WRONG]),
        ("decimal", pa.array([4.99]), [49_900]),
        ("timestamp", pa.array([1_500], pa.timestamp("ms")), [1_500_000]),
        ("timestamp", pa.array([1_999], pa.timestamp("ns", tz="Asia/Tokyo")), [1]),
        ("timestamp", pa.array([3]), [WRONG]),
        ("text", pa.array(["DE", "", None]).dictionary_encode(), ["DE", None, None]),
        ("double", pa.array([["a"], None]), [WRONG, None]),
        ("object", pa.array([{"a": 1.5}, None]), [{"a": ("1.5",)}, None]),
    ],
)
def test_columns_of_parquet_have_types_of_their_own(kind, array, expected):
    assert from_arrow(Column("x", kind, ""), array, {}) == expected
