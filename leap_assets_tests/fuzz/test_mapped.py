"""What the fuzzer has found in mapped sources, one small input each, and that it sees what goes wrong."""

import datetime as dt
import io
import json
import random
import warnings
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leap_assets.sources import mapping, taking_in
from leap_assets.sources.declaration import SourceError, read_source
from leap_assets_tests.fuzz.mapped_inputs import CANARY, Declared, Folder, Put, make_declaration, make_folder
from leap_assets_tests.fuzz.mapped_trials import SELECTS, _use, try_declaration, try_folder
from leap_assets_tests.fuzz.trials import FindingError

TOML = b'description = "a game"\n'
SIGN_ON = {"user": "p", "at": "2025-01-10T12:00:00Z", "os": "pc"}


def declared(toml: bytes = TOML, **selects: str) -> Declared:
    sql = selects or {"signons": SELECTS["signons"]}
    return Declared({"source.toml": toml, **{f"{log}.sql": text.encode() for log, text in sql.items()}})


def refusal(tmp_path, source: Declared) -> str:
    """What a source is refused with, after the fuzzer has judged the refusal."""
    assert not try_declaration(tmp_path / "tried", source)
    folder = tmp_path / "tried" / "sources" / "game"
    with pytest.raises(SourceError) as refused:
        _use(folder, tmp_path / "tried")
    return str(refused.value)


def zipped(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def parquet(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "toml",
    [
        b"days = " + b"[" * 5000,
        b"days = " + b"9" * 5000,
        b"days = 'path'\nday_pattern = '" + b"(" * 5000 + b")" * 5000 + b"'",
        b"days = 'path'\nday_pattern = '(?P<year>a{99999999999999999999})'",
    ],
    ids=["deep", "long number", "deep pattern", "long pattern"],
)
def test_a_declaration_that_python_cannot_read_is_refused(tmp_path, toml):
    assert "source.toml" in refusal(tmp_path, declared(toml))


def test_a_select_that_is_nested_too_deeply_is_refused(tmp_path):
    sql = SELECTS["signons"].replace("where ", f"where {'not ' * 900} true or ")
    assert "nested too deeply" in refusal(tmp_path, declared(signons=sql))


def test_a_select_of_some_depth_still_tells_its_lines(tmp_path):
    sql = SELECTS["signons"].replace("where ", f"where {'not ' * 151} true or ")
    assert try_declaration(tmp_path, declared(signons=sql))
    source = read_source(tmp_path / "sources" / "game")
    with mapping.Mapper(source, tmp_path / "work") as mapper:
        assert mapper.prepared[0].lines == "[line_number]"


@pytest.mark.parametrize(
    "relation",
    [
        "enable_logging(storage = 'file', storage_path = '../logs')",
        "Enable_Logging('QueryLog')",
        "(select * from disable_logging()) as l",
        "query('select * from delivered')",
        "checkpoint()",
        "duckdb_settings()",
    ],
)
def test_a_mapping_calls_no_function_that_is_about_the_database(tmp_path, relation):
    sql = SELECTS["signons"].replace("from delivered", f"from delivered, {relation}")
    said = refusal(tmp_path, declared(signons=sql))
    assert "signons.sql, line 5" in said
    assert "is no function that a mapping reads from" in said


@pytest.mark.parametrize("relation", ["unnest([1])", "range(2)", "generate_series(1, 2)", "json_each('[1]')"])
def test_a_mapping_may_call_functions_of_its_values(tmp_path, relation):
    sql = SELECTS["signons"].replace("from delivered", f"from delivered, {relation} as t")
    assert try_declaration(tmp_path, declared(signons=sql))


ENDLESS = "with recursive t (n) as (select {} union all select n + 1 from t) select n::varchar as player_id, now() as event_date_time from t"


@pytest.mark.parametrize(
    "sql",
    [
        ENDLESS.format("1"),
        ENDLESS.format("line_number from delivered"),
        "select i::varchar as player_id, now() as event_date_time from range(100000000000) as r (i)",
    ],
)
def test_a_select_without_an_end_is_refused(tmp_path, sql, monkeypatch):
    monkeypatch.setattr(mapping, "PREPARE_LIMIT_S", 0.5)
    assert "it runs for more than 0.5 s" in refusal(tmp_path, declared(signons=sql))


@pytest.mark.parametrize(
    "value",
    [
        "repeat('x', 4000000000)",
        "lpad('x', 1_000_001::integer, 'y')",
        "list_resize([1], 100000000)::varchar",
        "(select max(i) from unnest(range(1, 100000000)) as r (i))::varchar",
        "len(Generate_Series(100000000))::varchar",
    ],
)
def test_a_value_that_is_made_too_large_is_refused(tmp_path, value):
    sql = SELECTS["signons"].replace("record->>'$.os'", value)
    said = refusal(tmp_path, declared(signons=sql))
    assert "signons.sql, line 4: " in said
    assert "makes a value that is too large" in said


@pytest.mark.parametrize(
    "value",
    [
        "lpad(record->>'$.os', 1000000, ' ')",
        "(select max(i) from range(1500000) as r (i))::varchar",
        "len(range(1735689600, 1735776000, 3600))::varchar",
    ],
)
def test_a_value_of_some_size_is_taken(tmp_path, value):
    sql = SELECTS["signons"].replace("record->>'$.os'", value)
    assert try_declaration(tmp_path, declared(signons=sql))


def test_a_refusal_repeats_no_text_of_any_length(tmp_path):
    sql = SELECTS["signons"].replace("'$.os'", "'" + "x\n" * 10_000)
    assert len(refusal(tmp_path, declared(signons=sql))) < 1500


def test_an_object_over_several_lines_in_an_archive_is_a_record(tmp_path):
    data = zipped(("a.json", json.dumps(SIGN_ON, indent=2).encode()))
    counts = try_folder(tmp_path, Folder("signons", (Put(b"a.zip", data, 1),)))
    assert counts["valid"] == 1


def test_json_in_utf_16_is_refused(tmp_path):
    data = json.dumps(SIGN_ON).encode("utf-16")
    counts = try_folder(tmp_path, Folder("signons", (Put(b"a.json", data, 1, may_refuse=True),)))
    assert not counts["valid"] + counts["unreadable"]


@pytest.mark.parametrize("data", [b'"\xed\xa0\x80"', b'{"user": "\xed\xb0\x80"}'])
def test_json_that_only_python_reads_is_a_record_that_cannot_be_read(tmp_path, data):
    lines = data.count(b"\n") + 1
    counts = try_folder(tmp_path, Folder("signons", (Put(b"a.json", data, lines),)))
    assert counts["unreadable"] == lines


@pytest.mark.parametrize(
    "names",
    [
        ["user", ""],
        ["user", "USER"],
        ["user", "user"],
        ["user", "leap line number"],
        ["user", "user_1", "user"],
    ],
)
def test_parquet_columns_of_any_names_are_records(tmp_path, names):
    table = pa.Table.from_arrays([pa.array(["p"])] * len(names), names=names)
    counts = try_folder(tmp_path, Folder("signons", (Put(b"a.parquet", parquet(table), 1),)))
    assert counts["rows"] == 1


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"x": pa.array([1], pa.decimal256(76, 3))}),
        pa.table({"x": pa.array([-(2**63)], pa.int64()).view(pa.timestamp("us"))}),
        pa.table({}),
    ],
    ids=["no type of DuckDB's", "no time of DuckDB's", "no columns"],
)
def test_parquet_that_cannot_be_read_stops_no_other_file(tmp_path, table):
    good = Put(b"b.ndjson", json.dumps(SIGN_ON).encode(), 1, frozenset({1}))
    folder = Folder("signons", (Put(b"a.parquet", parquet(table), None, may_refuse=True), good))
    counts = try_folder(tmp_path, folder)
    assert (counts["refused"], counts["files"], counts["valid"]) == (1, 1, 1)


def test_an_unfinished_file_of_any_name_stops_no_other_file(tmp_path):
    good = Put(b"b.ndjson", json.dumps(SIGN_ON).encode(), 1, frozenset({1}))
    folder = Folder("signons", (Put(b"\xff.tmp", b"", None), Put(b"c.part", b"", None), good))
    counts = try_folder(tmp_path, folder)
    assert (counts["refused"], counts["files"], counts["valid"]) == (0, 1, 1)


def test_two_members_of_one_name_are_refused_and_stop_no_other_file(tmp_path):
    line = json.dumps(SIGN_ON).encode()
    good = Put(b"b.ndjson", line, 1, frozenset({1}))
    twice = Put(b"a.zip", zipped(("x.ndjson", line), ("x.ndjson", line)), None, may_refuse=True)
    counts = try_folder(tmp_path, Folder("signons", (twice, good)))
    assert (counts["refused"], counts["valid"]) == (1, 1)


def test_the_fuzzer_sees_what_is_read_outside(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(FindingError, match="outside was read"):
        try_declaration(tmp_path / "a", declared(f"description = '{CANARY}'".encode()))


def test_the_fuzzer_sees_what_is_written_outside(tmp_path, monkeypatch):
    monkeypatch.setattr(
        mapping.Mapper, "days", lambda self: (self._work_dir.parent / "new.txt").write_text("x")
    )
    with pytest.raises(FindingError, match=r"new\.txt"):
        try_declaration(tmp_path, declared())


def test_the_fuzzer_sees_an_error_of_another_type(tmp_path, monkeypatch):
    monkeypatch.setattr(mapping, "CONTRACTS", {})
    with pytest.raises(FindingError, match="KeyError"):
        try_declaration(tmp_path, declared())


LINES = b"".join(json.dumps(SIGN_ON | {"user": f"p{n}"}).encode() + b"\n" for n in range(3))


def test_the_fuzzer_sees_a_record_that_is_lost(tmp_path, monkeypatch):
    real = mapping.Mapper.rows

    def lossy(*arguments):
        for day, batch in real(*arguments):
            yield day, batch.slice(1)

    monkeypatch.setattr(mapping.Mapper, "rows", lossy)
    with pytest.raises(FindingError, match="3 records, but 0 unreadable, 2 in rows"):
        try_folder(tmp_path, Folder("signons", (Put(b"a.ndjson", LINES, 3),)))


def test_the_fuzzer_sees_a_file_that_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(taking_in.Ledger, "book", lambda *arguments: None)
    with pytest.raises(FindingError, match="nothing names it"):
        try_folder(tmp_path, Folder("signons", (Put(b"a.ndjson", LINES, 3),)))


def test_the_fuzzer_sees_a_second_reading(tmp_path, monkeypatch):
    real = taking_in._take_in_file
    monkeypatch.setattr(
        taking_in,
        "_take_in_file",
        lambda mapper, source, ledger, known, *rest: real(mapper, source, ledger, None, *rest),
    )
    with pytest.raises(FindingError, match="the second time it reads again"):
        try_folder(tmp_path, Folder("signons", (Put(b"a.ndjson", LINES, 3),)))


def test_mapped_inputs_are_made_again():
    for make in (make_declaration, make_folder):
        assert [make(random.Random(n)) for n in range(30)] == [make(random.Random(n)) for n in range(30)]


def test_a_time_far_from_the_warehouse_has_a_landing_file(tmp_path):
    line = json.dumps(SIGN_ON | {"at": dt.datetime(9999, 1, 1).isoformat()}).encode()
    counts = try_folder(tmp_path, Folder("signons", (Put(b"a.ndjson", line, 1),)))
    assert counts["lines"] == 1
