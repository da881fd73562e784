"""Inputs of mapped sources that nobody should give: folders with a declaration and SELECTs, and delivered files.

Drawn from a `random.Random` like `inputs`, whose damaged texts and files it uses.
"""

import contextlib
import dataclasses
import gzip
import io
import json
import warnings
import zipfile
from collections.abc import Mapping
from random import Random

import pyarrow as pa

from leap_assets.landing.contracts import CONTRACTS
from leap_assets_tests.fuzz import oracle
from leap_assets_tests.fuzz.inputs import (
    LOGS,
    NUMBERS,
    TEXTS,
    TIMES,
    _bad_value,
    _damage,
    _json_text,
    _line_end,
    make_parquet,
)

CANARY = "canary-7d1f2c"
# stands in a file beside the source folder and in the environment: no message and no row may have it

_PATTERNS = [
    r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", r"(?P<year>\d{4})", "(", "[", "*", "(?P<year>", "(?P<year>x)(?P<year>y)", "a{2,1}",
    "a{99999999999999999999}", "(?P<1>x)", r"\8", "(?<=a*)b", "((((a*)*)*)*)*$", r"(?P<year>(a|a)*)(?P<month>(b+)+)(?P<day>c)", "(" * 200 + ")" * 200,
    "(" * 5000 + ")" * 5000, "(?P<year>\\d{4})(?P<month>x{1000}){1000}(?P<day>y)", "(?i", "(?z)", "[z-a]", r"\p{L}", "", " ", "(?P<year>a)(?P<month>b)(?P<day>c)",
]  # fmt: skip
_TOML_VALUES = [
    '"event"', '"path"', "'path'", "true", "false", "1", "-1.5e400", "nan", "inf", "2025-01-01", "2025-02-30", "25:00:00", "2025-01-01T00:00:00+99:00",
    "[]", "[[]]", "{}", "{a = 1}", '["player_id"]', "[1]", '["x", 1]', '""', '"\\ud800"', '"\\u0000"', '"\\x00"', '"""a\nb"""', "'''a", '"', "x", "",
    "9" * 5000, "0x" + "f" * 5000, "[" * 900 + "]" * 900, "[" * 20_000, "{a=" * 500 + "1" + "}" * 500, '"' + "x" * 100_000 + '"', "{player_id = true}",
    "1_000", "0o9", '"${HOME}"', '"ndjson"', '"parquet"', '"NDJSON"', '["a", "b"]', "0b2", "1979-05-27T07:32:00.999999999Z", "[1, [2, [3]]]",
]  # fmt: skip
_KEYS = [
    "description", "days", "day_pattern", "format", "personal", "descripton", "Days", '""', '"days "', "'a b'", "personal.player_id", "format.x",
    "personal.properties.email", '"properties.email"', "personal.client", '"*.log"', "x" * 3000, '"é"', "\x00", "a.b.c.d", '"a\\nb"', "days.x",
]  # fmt: skip
_TOML_TOKENS = [b"\n", b"\r", b"=", b'"', b"'", b"[", b"]", b"[[", b"]]", b"{", b"}", b"#", b".", b",", b"\x00", b"\xff", b"\xef\xbb\xbf", b'"""', b"\\u", b"\\", b"days"]  # fmt: skip
_SQL_FILES = [
    "sessions.sql", "Client.sql", "client.SQL", ".sql", " .sql", "client .sql", "client.sql.sql", "é.sql", "a\nb.sql", "it's.sql", "x" * 200 + ".sql", "client.sql.bak",
    "../client.sql.txt", "{{x}}.sql", "delivered.sql", "-.sql", "client.sql/",
]  # fmt: skip

_OUTSIDE = [
    "read_csv('{0}')", "read_text('{0}')", "read_blob('{0}')", "'{0}'", "\"{0}\"", "read_json('{0}')", "read_parquet('{0}')", "glob('{1}/*')",
    "sniff_csv('{0}')", "read_csv_auto('{0}', header = false)", "parquet_metadata('{0}')", "duckdb_settings()", "duckdb_secrets()", "duckdb_tables()",
    "duckdb_extensions()", "duckdb_logs", "pragma_database_list", "information_schema.tables", "sqlite_master", "enable_logging(storage = 'file', storage_path = '{1}/logs')",
    "enable_logging('QueryLog', storage = 'stdout')", "disable_logging()", "checkpoint()", "force_checkpoint()", "query('select * from ''{0}''')", "query_table('delivered')",
    "query('select content from read_text(''{0}'')')", "enable_profiling()", "read_record", "mapped_client", "temp.read_record", "pg_catalog.pg_class", "postgres_scan('host={0}', 'a', 'b')",
    "sqlite_scan('{0}', 'a')", "read_duckdb('{0}')", "read_xlsx('{0}')", "'https://localhost:1/{0}'", "'s3://{0}'", "test_all_types()", "sql_auto_complete('sel')", "seq_scan('delivered')",
    "arrow_scan(1, 2, 3)", "pandas_scan(1)", "python_map_function(1)", "json_execute_serialized_sql('{{}}')", "range(3) as delivered", "landed_records", "trials", "pa",
]  # fmt: skip
_VALUES = [
    "getenv('LEAP_CANARY')", "current_setting('temp_directory')", "current_setting('home_directory')", "current_query()", "current_database()", "version()", "now()", "random()", "uuid()", "null", "1", "1.5",
    "true", "'x'", "[1]", "{'a': 1}", "map {'a': 1}", "record", "record->>'$.x'", "record->'$.x'", "line_number", "source_file", "[line_number]", "count(*)", "max(line_number)",
    "row_number() over ()", "(select 1)", "(select content from read_text('{0}'))", "unnest([1, 2])", "unnest(range(3))", "error('{0}')", "1 / 0", "cast('x' as integer)",
    "try_cast(record->>'$.x' as double)", "date '2025-01-01'", "timestamp '2025-01-01'", "timestamptz 'infinity'", "interval 1 day", "''::blob", "1::hugeint", "'a'::enum('a')",
    "repeat('x', 1000000)", "repeat('x', 4000000000)", "nextval('x')", "write_log('x')", "?", "$1", "$a", "getvariable('x')", "list_transform([1], lambda x: x)", "(x, y)", "*", "columns(*)",
    "columns('[')", "regexp_extract('a', '(((a*)*)*)*$')", "regexp_matches('x', '[')", "1::bit", "uuid()::varchar", "'\ud83d\ude00'", "\"", "'", "$$x$$", "e'\\x00'", "chr(0)", "record and record->>'$.x' = 'y'",
    "time '12:00'", "bool_and(true)", "grouping(1)", "json_serialize_sql('select 1')", "struct_pack(a := 1)", "union_value(a := 1)", "3::decimal(38, 37)", "array_value(1, 2)", "nullif(1, 1)",
]  # fmt: skip
_WHOLE = [
    "", " ", ";", "--", "/*", "select", "select *", "select * from delivered", "from delivered", "table delivered", "values (1)", "describe delivered", "summarize delivered", "show tables",
    "explain select 1", "pivot delivered on line_number", "unpivot delivered on line_number", "copy delivered to '{1}/out.csv'", "copy (select 1) to '{1}/out.parquet'", "create table x (a int)",
    "create or replace view delivered as select 1", "drop table read_record", "drop view delivered", "attach '{1}/other.duckdb'", "attach ':memory:' as m", "detach memory", "use memory",
    "pragma database_list", "pragma enable_external_access = true", "set enable_external_access = true", "set lock_configuration = false", "reset all", "install httpfs", "load '{0}'",
    "export database '{1}/out'", "import database '{1}'", "insert into read_record values (1, '{{}}', null, null)", "delete from read_record", "update read_record set line_number = 1", "begin", "commit",
    "rollback", "call enable_logging()", "prepare x as select 1", "execute x", "vacuum", "checkpoint", "create macro delivered() as table select 1", "create secret (type s3)", "create function f(x) as x",
    "select * from {2} limit 5", "(select * from delivered)", "((select 1))", "with x as (select 1) select * from x", "select 1 union select 2", "select 1 union by name select 2", "select 1 except select 2",
    "with recursive t (n) as (select 1 union all select n + 1 from t) select n as player_id, now() as event_date_time from t",
    "with recursive t (n) as (select line_number from delivered union all select n + 1 from t) select n::varchar as player_id, now() as event_date_time from t",
    "select i::varchar as player_id, now() as event_date_time from range(100000000000) as r (i)", "select count(*)::varchar as player_id, now() as event_date_time from range(1000000) a, range(1000000) b",
    "select list(i)::varchar as player_id, now() as event_date_time from range(1000000000) as r (i)",
    "select a.i::varchar as player_id, now() as event_date_time from range(1000000000) a (i) order by random()",
]  # fmt: skip
_SLOW = len(_WHOLE) - 6


@dataclasses.dataclass(frozen=True)
class Declared:
    """A source folder: content by file name. `{0}` in the SQL was filled with the path of a file outside."""

    files: Mapping[str, bytes]


@dataclasses.dataclass(frozen=True)
class Put:
    """One delivered file. `lines` is the number of its records, None where only Leap can tell.

    `good` are the numbers of records that a SELECT must have returned. A file that need not be readable `may_refuse`.
    """

    name: bytes
    data: bytes
    lines: int | None
    good: frozenset[int] = frozenset()
    may_refuse: bool = False


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder of delivered files and the log that they are mapped to."""

    log: str
    files: tuple[Put, ...]


def make_declaration(random: Random, outside: str = "../canary.csv") -> Declared:
    """A source folder with a declaration and SELECTs of which something is wrong, mostly."""
    files: dict[str, bytes] = {}
    if random.random() < 0.97:
        files["source.toml"] = _declaration(random)
    logs = random.sample(LOGS, random.choice([0, 1, 1, 1, 1, 1, 2, 3]))
    for log in logs:
        files[f"{log}.sql"] = _sql(random, log, outside)
    if random.random() < 0.08:
        name = random.choice(_SQL_FILES)
        # a folder of that name, in place of a file
        files.pop(name.rstrip("/"), None)
        files[name] = _sql(random, "client", outside)
    return Declared(files)


def _declaration(random: Random) -> bytes:
    if random.random() < 0.7:
        return b'description = "a game"\n'
    lines = []
    for _ in range(random.choice([1, 1, 2, 3, 6])):
        match random.randrange(7):
            case 0:
                lines.append(f"{random.choice(_KEYS)} = {random.choice(_TOML_VALUES)}")
            case 1:
                quote = random.choice(["'", "'", '"'])
                lines.append(f"days = 'path'\nday_pattern = {quote}{random.choice(_PATTERNS)}{quote}")
            case 2:
                name, form = random.choice(["*.log", "[", "*" * 50, "", "a\\nb"]), random.choice(_TOML_VALUES)
                lines.append(f'[format]\n"{name}" = {form}')
            case 3:
                column = random.choice(
                    [
                        "player_id",
                        "client",
                        "signons",
                        '"properties.email"',
                        "properties.level",
                        "platform",
                        "x",
                        '""',
                    ]
                )
                value = random.choice(
                    ["true", "true", *_TOML_VALUES, '["player_id"]', '["player_id", "properties.x"]']
                )
                lines.append(f"[personal]\n{column} = {value}")
            case 4:
                lines.append(f"{random.choice(_KEYS[:5])} = {json.dumps(random.choice(TEXTS))}")
            case 5:
                lines.append(f"days = {random.choice(_TOML_VALUES)}")
            case 6:
                lines.append(f"[{random.choice(_KEYS)}]")
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    if random.random() < 0.3:
        for _ in range(random.choice([1, 1, 3])):
            at = random.randrange(len(data) + 1)
            data = data[:at] + random.choice(_TOML_TOKENS) + data[at + random.choice([0, 0, 1, 10]) :]
    if random.random() < 0.05:
        data = random.choice([b"\xff\xfe" + data, data.decode("utf-8", "replace").encode("utf-16"), b"\xef\xbb\xbf" + data, data * 2000, b"#" * 3_000_000])  # fmt: skip
    return data


def plain_select(log: str) -> dict[str, str]:
    """The columns of a SELECT that is in order, with their SQL."""
    return {
        column.name: f"record->>'$.{column.name}'" if column.type != "object" else "record->'$.properties'"
        for column in CONTRACTS[log].columns
    }


def _sql(random: Random, log: str, outside: str) -> bytes:
    folder = outside.rpartition("/")[0]

    def filled(text: str) -> str:
        return text.replace("{0}", outside).replace("{1}", folder).replace("{{", "{").replace("}}", "}")

    kind = random.random()
    if kind < 0.2:
        slow = random.random() < 0.04
        pool = _WHOLE[_SLOW:] if slow else _WHOLE[:_SLOW]
        text = filled(random.choice(pool).replace("{2}", random.choice(_OUTSIDE)))
    else:
        text = _select(random, log, filled)
    for _ in range(random.choice([0, 0, 0, 0, 0, 1, 2])):
        text = _mutated(random, text, filled)
    data = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.05:
        data = _damage(random, data)
    if random.random() < 0.02:
        data = random.choice([data.decode("utf-8", "replace").encode("utf-16"), b"\xef\xbb\xbf" + data, b"\xff" + data, b"\x00" + data, data + b"\x00", data + b"\n" * 100_000])  # fmt: skip
    return data


def _select(random: Random, log: str, filled) -> str:
    columns = plain_select(log)
    for _ in range(random.choice([0, 0, 1, 1, 2])):
        name = random.choice(list(columns))
        match random.randrange(6):
            case 0:
                columns.pop(name)
                columns = columns or {"player_id": "1"}
            case 1:
                odd = random.choice(
                    ["line_number", "line_numbers", "source_file", "PLAYER_ID", "product", "a\nb", "it's", "é", "x" * 3000, "day", "rowid", "delivered", "landed", "id"]
                )  # fmt: skip
                columns[odd] = filled(random.choice(_VALUES))
            case _:
                columns[name] = filled(random.choice(_VALUES))
    names = {name: name.replace('"', '""') for name in columns}
    listed = ",\n    ".join(f'{sql} as "{names[name]}"' for name, sql in columns.items())
    source = "delivered"
    if random.random() < 0.25:
        source = random.choice(
            [filled(random.choice(_OUTSIDE)), "delivered as d", "Delivered", "delivered d, delivered e", "delivered, unnest([1, 2]) as u (x)", "(select * from delivered) as s",
             "delivered cross join range(2) as r (i)", "delivered tablesample 50%", "delivered left join delivered as o using (line_number)", f"delivered, {filled(random.choice(_OUTSIDE))}",
             "delivered at (version => 1)", "memory.main.delivered", "temp.delivered", "delivered d semi join delivered e using (line_number)", '"delivered"', "delivered positional join delivered as x"]
        )  # fmt: skip
    text = f"select {random.choice(['', '', '', '', 'distinct ', 'distinct on (line_number) '])}\n    {listed}\nfrom {source}"
    if random.random() < 0.3:
        text += "\n" + random.choice(
            ["where false", "where line_number > 0", "where record->>'$.x' = 'y'", "where line_number = 1 and record->>'$.x' = 'y'", "group by all", "group by 1", "having true", "limit 1",
             "limit -1", "limit (select 1)", "order by random()", "order by 99", "qualify row_number() over () = 1", "using sample 1", "offset 9999999999999999999", f"where {filled(random.choice(_VALUES))}",
             "union all select * from delivered", "where (" * 60 + "true" + ")" * 60, "where " + "not " * random.choice([10, 900]) + "true", "where line_number in (" + "1, " * 3000 + "1)"]
        )  # fmt: skip
    if random.random() < 0.1:
        text = random.choice(["with x as (select 1) ", "with delivered as (select 1 as record) ", "with recursive x as (select 1) ", "with x as materialized (select * from delivered) "]) + text  # fmt: skip
    return text


def _mutated(random: Random, text: str, filled) -> str:
    at = random.randrange(len(text) + 1)
    match random.randrange(8):
        case 0:
            return text[:at]
        case 1:
            return f"{text};\n{random.choice(['', text, filled(random.choice(_WHOLE[:_SLOW])).replace('{2}', 'delivered')])}"
        case 2:
            return text[:at] + text[at + random.choice([1, 1, 5, 30]) :]
        case 3:
            return f"{text}\nunion all\n{text}"
        case 4:
            return text.replace("record", random.choice(["recrd", "Record", '"record"', "delivered.record", "d.record", "record::varchar", "record::json", "'{}'"]), random.choice([1, -1]))  # fmt: skip
        case 5:
            return f"{random.choice(['-- é', '/* x */', '/* open', '--', ';', '('])}\n{text}"
        case 6:
            token = random.choice([",", "(", ")", "'", '"', ";", "--", "/*", "$$", "::", "->>", "\x00", "{", "?", "é", "\u2028", " and ", " from ", "\\", "\ufeff", "[", "*"])  # fmt: skip
            return text[:at] + token + text[at:]
    return f"select * from ({text}) as t"


_FILE_NAMES = [
    b"a", b"sp ace", b"it's", b'q"uote', b"new\nline", "日本".encode(), "é😀".encode(), b"a.b.c", b"..a", b"-x", b"$HOME", b"{{x}}", b"#", b"back\\slash", b"st*r", b"x" * 200, b"100%",
    b".hidden", b"\xff", b"a=b", b"a.gz", b"a.zip", b"deep/er/a", b"a.csv/b", b".hidden/a", b"\x01", b"...", b"CON", b"a;b", b"part", b"br[a]cket", b"event_date=2025-01-10/a",
]  # fmt: skip
_MEMBER_NAMES = [
    "a", "../x", "../../../../x", "/abs/x", "//x", "C:\\x", "a/b/c", "./x", "a//b", "sp ace", "it's", "new\nline", "日本", "é", ".hidden", "__MACOSX/x", "a/.x/b", "x" * 300, "-x", "a\\..\\b", "\x01", "a", "a",
]  # fmt: skip
_ODD_NAMES = [
    "", " ", "id", "it's", 'q"uote', "é", "ID", "Id", "record", "line_number", "text", "fields", "parts", "damaged", "landed", "leap line number", "landed_records", "x; drop table read_record", "a\nb", "$", "a.b", "[0]", "日本", "user",
]  # fmt: skip


def make_folder(random: Random) -> Folder:
    """Some delivered files of the made-up game."""
    log = random.choice(["client", "signons"])
    files: dict[bytes, Put] = {}
    for _ in range(random.choice([1, 1, 2, 3])):
        put = _delivered_file(random, log)
        if not any(put.name.startswith(name + b"/") or name.startswith(put.name + b"/") for name in files):
            files[put.name] = put
    return Folder(log, tuple(files.values()))


def _delivered_file(random: Random, log: str) -> Put:
    if random.random() < 0.25:
        ending, data, lines, good, may_refuse = _archive(random, log)
    else:
        ending, data, lines, good, may_refuse = _records(random, log)
        ending, data, lines, good, may_refuse = _packed(random, ending, data, lines, good, may_refuse)
    if random.random() < 0.03:
        ending = random.choice([".txt", "", ".part", ".tmp", ".parquet.gz", ".zip.gz", ".ndjson.gz.gz", ".gz", ".JSON", ".csv.", ". csv", ".ndjson.partial"])  # fmt: skip
        lines, good, may_refuse = None, frozenset(), True
    name = random.choice(_FILE_NAMES) if random.random() < 0.7 else b"plain"
    is_lost = len(data) == 0
    may_refuse = may_refuse or oracle.may_be_no_text(data)
    return Put(name + ending.encode(), data, 0 if is_lost else lines, good, may_refuse)


Content = tuple[str, bytes, int | None, frozenset[int], bool]


def _records(random: Random, log: str) -> Content:
    """Ending, bytes, number of records, those that must be returned, and whether Leap may refuse them."""
    form = random.choice(["ndjson", "ndjson", "json", "object", "csv", "tsv", "ssv", "parquet", "parquet"])
    if form == "parquet":
        return _parquet(random)
    records = [_record(random, log, number) for number in range(random.choice([0, 1, 2, 5, 12]))]
    if form in ("csv", "tsv", "ssv"):
        return _separated(random, form, records)
    is_good = [random.random() < 0.6 for _ in records]
    texts = [
        json.dumps(record).encode() if good else _json_text(random, _spoiled(random, record))
        for record, good in zip(records, is_good, strict=True)
    ]
    good_texts = {text for text, good in zip(texts, is_good, strict=True) if good}
    if form == "ndjson":
        data = b"".join(text + _line_end(random) for text in texts)
        ending = random.choice([".ndjson", ".jsonl", ".NDJSON"])
    elif form == "json":
        data = b"[" + random.choice([b",", b",\n", b" , "]).join(texts) + b"]"
        ending = ".json"
    else:
        data = json.dumps(records[0] if records else {}, indent=random.choice([None, 2])).encode()
        if random.random() < 0.15:
            data = random.choice([data.decode().encode("utf-16"), b'"\xed\xa0\x80"', b'{"id": "\xed\xb0\x80"}', b"\xef\xbb\xbf" + data, b"\xef\xbb\xbf" * 2, data + data, b"5", b"{", b"null", b"NaN", b'{"a": NaN}', b'{"id": Infinity}', b'{"a":' * 5000 + b"1" + b"}" * 5000, b"{\n" + b'"a": ' + b"9" * 5000 + b"\n}"])  # fmt: skip
        ending, good_texts = ".json", set()
    if random.random() < 0.4:
        data = _damage(random, data)
    is_deep = b"[" * 600 in data or b'{"a":' * 600 in data
    found = json_records(data) if ending == ".json" else oracle.ndjson_lines(data)
    if is_deep and ending == ".json":
        return ending, data, None, frozenset(), False
    good = frozenset(number for number, text in found if text in good_texts)
    return ending, data, len(found), good, False


def json_records(data: bytes) -> list[oracle.Line]:
    """Lines of a `.json` file: of one JSON value over several lines, the one; else those of an array or of NDJSON."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return oracle.json_lines(data)
    with contextlib.suppress(ValueError, RecursionError):
        text = data.decode("utf-8-sig")
        json.loads(text)
        return [(1, text.encode())]
    return oracle.ndjson_lines(data)


def _record(random: Random, log: str, number: int) -> dict[str, object]:
    """A good record of the made-up game."""
    day = random.choice(["2025-01-10", "2025-01-10", "2025-01-11", "2025-01-02"])
    record: dict[str, object] = {
        "id": f"e{number}{random.choice(['', 'é', ' x'])}",
        "user": f"p{number % 3}",
        "at": f"{day}T{random.randrange(24):02}:00:00Z",
        "os": random.choice(["pc", "mobile", None]),
    }
    if log == "client":
        record["what"] = random.choice(["session_start", "session_end", "level_start"])
    if random.random() < 0.1:
        record["what"] = "chat"
    return record


def _spoiled(random: Random, record: dict[str, object]) -> dict[str, object]:
    spoiled = dict(record)
    for _ in range(random.choice([1, 1, 2])):
        name = random.choice(list(record))
        spoiled[name] = random.choice([*TIMES, *NUMBERS]) if name == "at" else _bad_value(random)
    return spoiled


def _separated(random: Random, form: str, records: list[dict[str, object]]) -> Content:
    sign = {"csv": ",", "tsv": "\t", "ssv": ";"}[form]
    header = ["id", "user", "at", "os", "what"]
    may_refuse = False
    if random.random() < 0.2:
        header = [random.choice(_ODD_NAMES) if random.random() < 0.5 else name for name in header]
        may_refuse = True
    rows = []
    for record in records:
        fields = [str(record.get(name) or "") for name in ("id", "user", "at", "os", "what")]
        if random.random() < 0.3:
            at = random.randrange(5)
            fields[at] = random.choice(TEXTS[:40])
        if random.random() < 0.2:
            fields = [f'"{field.replace(chr(34), chr(34) * 2)}"' for field in fields]
        rows.append(sign.join(fields).encode("utf-8", "surrogatepass"))
    end = random.choice([b"\n", b"\r\n"])
    body = b"".join(row + (end if random.random() < 0.9 else _line_end(random)) for row in rows)
    if random.random() < 0.4:
        body = _damage(random, body)
    data = sign.join(header).encode() + end + body
    names, lines = oracle.csv_lines(data, sign)
    return f".{form}", data, None if names is None else len(lines), frozenset(), may_refuse or names is None


def _parquet(random: Random) -> Content:
    """One of those of the contracts, with their odd types and damage; its columns are no names of the game."""
    made = make_parquet(random)
    lines = None if made.lines is None else len(made.lines)
    return ".parquet", made.data, lines, frozenset(), True


def _packed(random: Random, ending: str, data: bytes, lines: int | None, good: frozenset[int], may_refuse: bool) -> Content:  # fmt: skip
    if ending == ".parquet" or random.random() < 0.7:
        return ending, data, lines, good, may_refuse
    suffix = random.choice([".gz", ".zst"])
    if random.random() < 0.03 and ending in (".ndjson", ".csv"):
        # a bomb of moderate size: one long line of nothing
        data += b" " * 3_000_000
        lines, good = None, frozenset()
    packed = (
        gzip.compress(data, mtime=0) if suffix == ".gz" else pa.compress(data, codec="zstd", asbytes=True)
    )
    if random.random() < 0.3:
        packed = packed[: random.randrange(len(packed))] if random.random() < 0.5 else _damage(random, packed)
        return ending + suffix, packed, None, frozenset(), True
    return ending + suffix, packed, lines, good, may_refuse


def _archive(random: Random, log: str) -> Content:
    stream = io.BytesIO()
    total: int | None = 0
    may_refuse, names = False, set()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        # of members with the same name
        warnings.simplefilter("ignore")
        for _ in range(random.choice([0, 1, 1, 2, 4])):
            ending, data, lines, _, odd = _packed(random, *_records(random, log))
            if random.random() < 0.06:
                ending, odd = random.choice([".txt", "", "/", ".zip", ".gz"]), True
            name = random.choice(_MEMBER_NAMES) + ending
            info = zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0))
            info.compress_type = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])  # fmt: skip
            archive.writestr(info, data)
            is_left_out = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
            if not is_left_out and not name.endswith("/"):
                total = None if total is None or lines is None else total + lines
                may_refuse = may_refuse or odd or name in names
                names.add(name)
        if random.random() < 0.05:
            archive.comment = b"x" * random.choice([10, 60_000])
    data = stream.getvalue()
    kind = random.random()
    if kind < 0.08:
        # the bit that says that the members have a password
        at = data.find(b"PK\x03\x04")
        central = data.find(b"PK\x01\x02")
        changed = bytearray(data)
        if at >= 0 and central >= 0:
            changed[at + 6] |= 1
            changed[central + 8] |= 1
        data, may_refuse, total = bytes(changed), True, None
    elif kind < 0.35:
        data = data[: random.randrange(len(data))] if random.random() < 0.3 else _damage(random, data)
        may_refuse, total = True, None
    return ".zip", data, None if may_refuse else total, frozenset(), may_refuse
