"""Fields that SELECTs name: which are found, and what is said of a file that has none of them."""

import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leap_assets.landing.hashing import KeyedHash
from leap_assets.sources.declaration import SourceError, read_source
from leap_assets.sources.delivered import record_files
from leap_assets.sources.fields import closest, find_named_fields, looks_like_record
from leap_assets.sources.mapping import Mapper

SIGNONS = """select record->>'$.player' as player_id, record->>'$.at' as event_date_time,
    record->>'$.plat' as platform from delivered"""


@pytest.mark.parametrize(
    ("select", "paths", "is_open"),
    [
        ("record->>'$.player' as a, d.record->'$.z' as c", {("player",), ("z",)}, False),
        ("""record->>'$.a."Player Id".c' as a""", {("a", "Player Id", "c")}, False),
        ("record->>'$.ids[0]' as a, record->>'plain' as b", {("ids",), ("plain",)}, False),
        ("json_extract_string(record, '$.x.y') as a", {("x", "y")}, False),
        (
            """from_json(record, '{"id": "VARCHAR", "who": {"name": "VARCHAR"}}').id as a""",
            {("id",), ("who", "name")},
            False,
        ),
        ("md5(record) as a, record as record, record", set(), False),
        ("json(record)->>'$.a' as a", {("a",)}, False),
        # whatever these name, no text says it
        ("record->>concat('$.', 'a') as a", set(), True),
        ("record as other", set(), True),
        ("record.a as a", set(), True),
        ("json_keys(record) as a", set(), True),
        ("record->>'$.*' as a", set(), True),
    ],
)
def test_the_named_fields_of_a_select(select, paths, is_open):
    with duckdb.connect() as connection:
        sql = f"select {select} from delivered as d"
        tree = connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()[0][0]
    found = find_named_fields(json.loads(tree))
    assert (found.paths, found.is_open) == (frozenset(paths), is_open)


def test_the_closest_name_is_that_of_another_spelling():
    known = ["Player Id", "match", "happened_at"]
    assert closest("playerId", known) == "Player Id"
    assert closest("match_", known) == "match"
    assert closest("happened", known) == "happened_at"
    assert closest("price", known) is None


def test_a_line_of_values_looks_like_a_record():
    assert looks_like_record(["p1", "2025-03-01T12:00:00Z"])
    assert looks_like_record(["p1", "05.04.2025 20:00:00"])
    assert looks_like_record(["p1", "4,99"])
    assert not looks_like_record(["player", "at", "x2"])


@pytest.fixture
def map_file(write_source, tmp_path):
    """Counts and first rows of a file through the SELECT of sign-ons, under a declaration."""

    def run(name: str, content: bytes, declaration: str = "", select: str = SIGNONS):
        source = read_source(write_source({"signons.sql": select, "source.toml": declaration}))
        path = tmp_path / name
        path.write_bytes(content)
        (file,) = record_files(source, name, path)
        hashing = KeyedHash("a secret of the tests") if source.is_private else None
        with Mapper(source, tmp_path / "work", hashing=hashing) as mapper:
            counts = mapper.map(file)
            return counts, mapper.preview(mapper.prepared[0], 10)[1], mapper.missing_fields()

    return run


NO_HEADER = b"p1,2025-03-01T12:00:00Z\np2,2025-03-01T12:00:00Z\n"


def test_a_csv_file_without_a_header_is_refused(map_file):
    with pytest.raises(SourceError) as refused:
        map_file("a.csv", NO_HEADER)
    said = str(refused.value)
    for part in (
        "a.csv: none of its columns (p1, 2025-03-01T12:00:00Z) is a field that the SELECTs name (at, plat, player)",
        "The first line looks like a record",
        'name its 2 columns in source.toml, in their order: [columns], "*.csv" = ',
        '[format], "a.csv" = "skip"',
    ):
        assert part in said
    with pytest.raises(SourceError) as refused:
        map_file("a.csv", NO_HEADER, "[personal]\nplatform = true\n")
    assert "p1" not in str(refused.value)


def test_the_first_line_of_a_declared_csv_file_is_a_record(map_file):
    declared = '[columns]\n"*.csv" = ["player", "at"]\n'
    counts, rows, missing = map_file("a.csv", NO_HEADER + b"p3\n", declared)
    assert (counts.records, counts.unreadable) == (3, 1)
    assert [row[:2] for row in rows] == [(f"p{n}", "2025-03-01T12:00:00Z") for n in (1, 2)]
    assert missing == {("plat",): None}
    with pytest.raises(SourceError, match="has a header, with the names"):
        map_file("b.csv", b"player,at\n" + NO_HEADER, declared)
    # only of CSV files
    assert map_file("a.ndjson", b'{"player": "p1"}\n', '[columns]\n"*" = ["player"]\n')[0].records == 1


def test_names_in_another_case_are_refused_with_those_that_are_meant(map_file):
    with pytest.raises(SourceError, match="Did you mean Time for time, User Id for user_id") as refused:
        map_file(
            "a.csv",
            b"User Id,Time\np1,2025-03-01\n",
            select="select record->>'$.user_id' as player_id, record->>'$.time' as event_date_time from delivered",
        )
    assert "Mend the SELECTs" in str(refused.value)


def test_a_parquet_file_of_other_columns_is_refused(map_file, tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(SourceError, match=r"none of its columns \(a\)"):
        map_file("a.parquet", (tmp_path / "other.parquet").read_bytes())


def test_a_select_that_may_read_any_field_takes_every_file(map_file):
    select = "select json_keys(record)[1] as player_id, '2025-03-01' as event_date_time from delivered"
    assert map_file("a.csv", b"ann,x\n1,2\n", select=select)[1] == [("ann", "2025-03-01")]


def test_a_field_that_no_record_has_is_named_with_one_that_may_be_meant(map_file):
    lines = b'{"player": "p1", "at": "2025-03-01", "platform": "ios"}\n{"player": null, "at": 1}\n'
    assert map_file("a.ndjson", lines)[2] == {("plat",): "platform"}


def test_whole_doubles_of_parquet_are_whole_numbers(map_file, tmp_path):
    numbers = pa.array([17.0, 2.5, None, float("nan")], pa.float64())
    pq.write_table(pa.table({"player": numbers, "at": pa.array(["x"] * 4)}), tmp_path / "doubles.parquet")
    _, rows, _ = map_file(
        "a.parquet",
        (tmp_path / "doubles.parquet").read_bytes(),
        select="select concat('p', record->>'$.player') as player_id, record->>'$.at' as event_date_time "
        "from delivered",
    )
    assert [row[0] for row in rows] == ["p17", "p2.5", "p", "pNaN"]
