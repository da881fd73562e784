"""Inputs that nobody should send: deliveries in every format, damaged in many ways, and settings.

Everything is drawn from a `random.Random`, so that an input can be made again from its number, and hypothesis can draw
and shrink it too. `MAKERS` is the list of kinds: a new parser gets a maker here and its lines in `oracle`.
"""

import dataclasses
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.landing.contracts import CONTRACTS, Column, Contract
from leap_assets.settings import describe_settings
from leap_assets_tests.fuzz import oracle

DAY = dt.date(2025, 1, 10)
LOGS = tuple(CONTRACTS)

TEXTS = [
    "", " ", "\x00", "a\x00b", "\x1c", "a\x1cb", "\x85", "\u2028", "a\u2028b", "\ufeff", "\x7f", "\r", "a\rb", "\t", "a\nb",
    '"', '""', "'", "';--", "'; drop table leap_raw.delivery; --", "a,b", 'a"b', "\\", "\\N", "null", "NULL", "true",
    "{", "[", "{}", "[]", '{"a":1}', "${x}", "{{ x }}", "%s", "é", "日本", "😀", "ﷺ" * 9, "x" * 5000, "../../etc/passwd",
]  # fmt: skip
NUMBERS = [
    "0", "-0", "-1", "1e400", "-1e400", "1e-400", "1e308", "NaN", "nan", "Infinity", "-inf", "1_000", "0x1F", "1.5", "3.0",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9000000000000000000", "86400", "86401", "864001",
    "99999999999999.9999", "99999999999999.99999", "1" + "0" * 38, "9" * 400, "9" * 5000, "0." + "1" * 400, "1,5", "+5", "٣", ".5", "5.",
]  # fmt: skip
TIMES = [
    "infinity", "-infinity", "epoch", "now", "today", "0001-01-01T00:00:00Z", "0000-01-01", "9999-12-31T23:59:59.999999Z",
    "290309-12-22 (BC) 00:00:00", "290309-12-25 (BC) 00:00:00", "294247-01-10T04:00:54.775806Z", "294247-01-10T04:00:54Z",
    "294246-12-31T00:00:00+15:59", "290300-01-01 (BC) 00:00:00-15:59", "2025-01-10T12:00:00+99:99", "2025-02-30", "24:00:00",
    "2025-01-10 12:00:00 Europe/Berlin", "2025-01-10 12:00:00 Nowhere/None", "2025-01-10T12:00:60Z", "2025-W02-5", "1736510400",
    "2025-01-10T12:00:00.123456789Z", "5877642-06-25 (BC)", "5881580-07-10", "2025-01-10T23:59:59-15:59",
]  # fmt: skip
TOKENS = [
    b"\n", b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\x00", b"\x1c", b"\x85", "\u2028".encode(), b"\xef\xbb\xbf", b"\xff", b"\xc3",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b'"', b'""', b",", b"{", b"}", b"[", b"]", b"[[", b"]]", b":", b"\\", b"\\u0000", b"\\ud800",
    b" ", b"\t", b"\x0c", b"\x0b", b"'", b";", b"null", b"NaN", b"-Infinity", b"1e999", b"true", b"//", b"/*", b"{}", b"[]",
]  # fmt: skip
NAMES = ["a", "it's", 'q"uote', "semi;colon", "new\nline", "sp ace", "per%20cent", "st*r", "quest?ion", "br[a]cket", "a=b", "日本", "-x", "$HOME", "{{x}}", "#", "back\\slash"]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Delivered:
    """One file of a delivery. `lines` is None where only Leap can tell (a damaged Parquet file).

    `good` are lines that must be valid wherever they stand alone; `may_refuse` says whether the file as a whole may
    be refused for another reason than lines of another day.
    """

    log: str
    name: str
    data: bytes
    lines: tuple[oracle.Line, ...] | None
    good: frozenset[bytes] = frozenset()
    may_refuse: bool = False


def make_record(random: Random, contract: Contract, number: int) -> dict[str, Any]:
    """A valid record of a log."""
    record = {c.name: _good_value(random, c, number) for c in contract.columns if c.type != "object"}
    if contract.event_type:
        event_type = random.choice(contract.event_types)
        record[contract.event_type] = event_type
        record["properties"] = {
            c.name: _good_value(random, c, number) for c in contract.properties if event_type in c.events
        }
    return {
        c.name: record[c.name]
        for c in contract.columns
        if c.required or c.type == "object" or random.random() < 0.8
    }


def _good_value(random: Random, column: Column, number: int) -> Any:
    if column.allowed:
        return random.choice(column.allowed)
    if column.pattern:
        return "USD"
    match column.type:
        case "integer":
            return random.randrange(0, 3600)
        case "decimal" | "micros" | "duration":
            return round(random.uniform(0, 99), 2)
        case "double":
            return random.uniform(-500, 500)
        case "boolean":
            return random.random() < 0.5
        case "timestamp":
            return f"2025-01-10T{random.randrange(24):02}:{random.randrange(60):02}:00Z"
        case "date":
            return "2025-01-10"
    return f"{random.choice(['p', 'é', '😀', 'x y'])}{number}"


def _bad_value(random: Random) -> Any:
    kind = random.randrange(8)
    if kind < 2:
        return random.choice(TEXTS)
    if kind < 4:
        return random.choice(NUMBERS)
    if kind < 6:
        return random.choice(TIMES)
    if kind == 6:
        return random.choice(
            [None, True, False, [], {}, [1], {"a": {"b": [None]}}, -1, 2**63, 2**64, 10**30, -(10**400), 1.5]
        )
    return "".join(
        random.choice([*TEXTS[:30], chr(random.randrange(1, 0xD7FF))]) for _ in range(random.randrange(1, 6))
    )


def spoil_record(random: Random, record: dict[str, Any]) -> dict[str, Any]:
    """A record with a value or two that is no good, or without one."""
    spoiled = dict(record)
    for _ in range(random.choice([1, 1, 2, 3])):
        name = random.choice(list(record))
        inner = spoiled.get("properties")
        if isinstance(inner, dict) and inner and random.random() < 0.6:
            spoiled["properties"] = inner | {random.choice(list(inner)): _bad_value(random)}
        elif random.random() < 0.1:
            spoiled.pop(name, None)
        else:
            spoiled[name] = _bad_value(random)
    return spoiled


def _json_text(random: Random, record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, ensure_ascii=random.random() < 0.5)
    if random.random() < 0.2:
        # a number as it stands in the pool, without quotes; a key twice; depth
        name = json.dumps(random.choice(list(record) or ["x"]))
        depth = random.choice([1, 50, 900, 1100, 20_000])
        value = random.choice(
            [random.choice(NUMBERS), "[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth, '"\\ud800"', '"\\u0000"']
        )  # fmt: skip
        text = f"{text[:-1]}, {name}: {value}}}" if record else f"{{{name}: {value}}}"
    return text.encode("utf-8", "surrogatepass")


def _damage(random: Random, data: bytes) -> bytes:
    """Flip, insert, cut, repeat, truncate: some of them."""
    changed = bytearray(data)
    for _ in range(random.choice([0, 1, 1, 1, 2, 4, 9])):
        at = random.randrange(len(changed) + 1)
        match random.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                changed[at:at] = random.choice(TOKENS)
            case 2:
                del changed[at : at + random.choice([1, 1, 5, 50])]
            case 3:
                changed[at:at] = changed[at : at + random.choice([1, 20, 200])]
            case 4 if random.random() < 0.3:
                del changed[at:]
            case _:
                changed[at:at] = random.choice(TOKENS) * random.choice([1, 2, 3, 40])
    return bytes(changed)


def _file_name(random: Random, ending: str) -> str:
    return f"{random.choice(NAMES)}{ending}"


def _line_end(random: Random) -> bytes:
    return random.choice([b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b"\r\r\n"])


def make_ndjson(random: Random) -> Delivered:
    """Lines of JSON, some spoiled, the file damaged or not."""
    log = random.choice(LOGS)
    good, lines = set(), []
    for number in range(random.choice([0, 1, 3, 6, 12])):
        record = make_record(random, CONTRACTS[log], number)
        if random.random() < 0.5:
            lines.append(_json_text(random, spoil_record(random, record)))
        else:
            lines.append(json.dumps(record, ensure_ascii=random.random() < 0.5).encode())
            good.add(lines[-1])
    if random.random() < 0.02:
        lines.append(b'{"player_id": "' + b"x" * random.choice([100_000, 3_000_000]) + b'"}')
    data = b"".join(line + _line_end(random) for line in lines)
    if random.random() < 0.3:
        data = data.rstrip(b"\n")
    if random.random() < 0.6:
        data = _damage(random, data)
    if random.random() < 0.1:
        data = (
            random.choice([b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xff\xfe", b"\n", b"\r\n\n", b"\x00"])
            + data
        )
    return _text_file(
        random, log, random.choice([".ndjson", ".jsonl", ".NDJSON"]), data, good, oracle.ndjson_lines
    )


def make_json(random: Random) -> Delivered:
    """A JSON array, or what is left of one."""
    log = random.choice(LOGS)
    good, elements = set(), []
    for number in range(random.choice([0, 1, 3, 6])):
        record = make_record(random, CONTRACTS[log], number)
        if random.random() < 0.4:
            elements.append(_json_text(random, spoil_record(random, record)))
        else:
            elements.append(json.dumps(record).encode())
            good.add(elements[-1])
    comma = random.choice([b",", b",\n", b" , ", b"\r\n,"])
    data = (
        random.choice([b"", b" \n", b"\xef\xbb\xbf", b"\t"])
        + b"["
        + comma.join(elements)
        + b"]"
        + random.choice([b"", b"\n", b" \r\n"])
    )
    if random.random() < 0.6:
        data = _damage(random, data)
    made = _text_file(random, log, ".json", data, good, oracle.json_lines)
    # a fault deep inside is a fault of the element alone or of all that follows, as deep as Python can look
    is_deep = b"[" * 600 in data or b'{"a":' * 600 in data
    return dataclasses.replace(made, lines=None) if is_deep else made


def make_csv(random: Random) -> Delivered:
    """A CSV file with a header that is right or not, and quotes that close or not."""
    log = random.choice(LOGS)
    contract = CONTRACTS[log]
    header = list(contract.names)
    has_odd_header = random.random() < 0.15
    if has_odd_header:
        match random.randrange(5):
            case 0:
                random.shuffle(header)
            case 1:
                header.insert(
                    random.randrange(len(header) + 1), random.choice([*TEXTS[:40], header[0], "a,b"])
                )
            case 2:
                header.pop(random.randrange(len(header)))
            case 3:
                header = [random.choice(TEXTS[:40]) for _ in header]
            case 4:
                header = [name.upper() if random.random() < 0.5 else f" {name} " for name in header]
    good, lines = set(), []
    for number in range(random.choice([0, 1, 3, 8])):
        record = make_record(random, contract, number)
        is_spoiled = random.random() < 0.4
        record = spoil_record(random, record) if is_spoiled else record
        line = ",".join(_csv_field(random, record.get(name), quote=is_spoiled) for name in contract.names)
        lines.append(line.encode("utf-8", "surrogatepass"))
        if not is_spoiled and not has_odd_header and b'"' not in lines[-1]:
            good.add(lines[-1])
    if random.random() < 0.01:
        lines.append(b'"' + b"x" * 200_000 + b'"' + b"," * (len(header) - 1))
    first = ",".join(_csv_field(random, name, quote=False) for name in header).encode(
        "utf-8", "surrogatepass"
    )
    ends = random.choice([b"\n", b"\r\n"])
    body = b"".join(line + (ends if random.random() < 0.9 else _line_end(random)) for line in lines)
    is_damaged = random.random() < 0.5
    data = first + ends + (_damage(random, body) if is_damaged else body)
    if has_odd_header and random.random() < 0.3:
        data = _damage(random, data)
    if random.random() < 0.1:
        data = random.choice([b"\xef\xbb\xbf", b"\n", b"\r\n\n"]) + data
    return _text_file(random, log, ".csv", data, good, oracle.csv_lines)


def _csv_field(random: Random, value: Any, *, quote: bool) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    must = any(char in text for char in ',"\n\r')
    if (must and random.random() < 0.95) or (quote and random.random() < 0.1):
        return '"' + text.replace('"', '""') + '"'
    return text


def _text_file(
    random: Random, log: str, ending: str, data: bytes, good: set[bytes], lines_of: Callable[[bytes], Any]
) -> Delivered:
    """The file, compressed sometimes, damaged then sometimes; with the lines that other code finds in it."""
    may_refuse = False
    packed, content = data, data
    if random.random() < 0.2:
        suffix = random.choice([".gz", ".zst"])
        ending += suffix
        pack = _gzip if suffix == ".gz" else lambda text: pa.compress(text, codec="zstd", asbytes=True)
        packed = pack(data)
        if random.random() < 0.1:
            packed, content = packed + pack(data), data + data
        if random.random() < 0.35:
            damaged = (
                packed[: random.randrange(len(packed))] if random.random() < 0.4 else _damage(random, packed)
            )
            if damaged != packed:
                may_refuse = True
                # zstd may unpack to other bytes than were packed, another header among them
                good = set()
                read = oracle.decompress_gzip(damaged) if suffix == ".gz" else _decompress_zstd(damaged)
                packed, content = damaged, read if read is not None else b""
    found = lines_of(content)
    if isinstance(found, tuple):
        header, found = found
        usable = header is not None and (not header or set(header) & set(CONTRACTS[log].names))
        may_refuse = may_refuse or not usable
    may_refuse = may_refuse or oracle.may_be_no_text(content)
    return Delivered(log, _file_name(random, ending), packed, tuple(found), frozenset(good), may_refuse)


def _gzip(data: bytes) -> bytes:
    # without the time, so that the same input has the same bytes
    return gzip.compress(data, mtime=0)


def _decompress_zstd(data: bytes) -> bytes | None:
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            return stream.read()
    except OSError:
        return None


_ODD_TYPES: list[tuple[pa.DataType, list[Any]]] = [
    (pa.string(), TEXTS), (pa.large_string(), NUMBERS), (pa.string(), TIMES), (pa.int8(), [-1, 5]), (pa.uint64(), [2**64 - 1, 0]),
    (pa.int64(), [-(2**63), 2**63 - 1, 0]), (pa.float32(), [1.5, float("nan"), float("inf")]), (pa.float64(), [1e308, -0.0, float("-inf"), 3.0]),
    (pa.decimal128(38, 37), [Decimal("9.9999999999999999999999999999999999999"), Decimal(0)]), (pa.decimal128(38, 0), [Decimal(10) ** 37]),
    (pa.decimal256(76, 3), [Decimal(10) ** 70]), (pa.bool_(), [True, False]), (pa.date32(), [dt.date(1, 1, 1), DAY]), (pa.binary(), [b"\xff\x00", b"a"]),
    (pa.list_(pa.int64()), [[1], []]), (pa.struct([("a", pa.int64()), ("é '\"", pa.string())]), [{"a": 1, "é '\"": "x"}]),
    (pa.map_(pa.string(), pa.string()), [[("a", "b")], [("level", "x"), ("level", "y")]]), (pa.time64("us"), [dt.time(1)]), (pa.null(), [None]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b"]), (pa.list_(pa.struct([("x", pa.list_(pa.date32()))])), [[{"x": [DAY]}]]),
    (pa.binary(16), [b"0" * 16]), (pa.string_view(), ["view"]), (pa.float16(), [1.5]), (pa.int32(), [2**31 - 1]),
]  # fmt: skip
_EXTREME = [-(2**63), -(2**63) + 1, 2**63 - 1, 2**63 - 2, 0, 1_736_510_400]
_ODD_NAMES = [
    "", " ", "a b", "it's", 'q"uote', "é", "日本", "select", "PLAYER_ID", "Player_Id", "filename", "file_row_number", "landed_path", "delivery_date",
    "source_file", "line_number", "is_parsed", "landed_row", "reason", "raw_line", "message", "event_date", "started", "opened", "raw_player_id",
    "player_id", "x; drop table leap_raw.delivery; --", "a\nb", "{{x}}", "log", "text", "record", "is_purchase", "scan", "FILE_ROW_NUMBER",
    "properties", "level", "player_id_1",
]  # fmt: skip


def make_parquet(random: Random) -> Delivered:
    """A Parquet file with odd types, odd names, or damaged bytes."""
    log = random.choice(LOGS)
    contract = CONTRACTS[log]
    n = random.choice([0, 1, 3, 7])
    records = [make_record(random, contract, number) for number in range(n)]
    names, arrays = [], []
    for column in contract.columns:
        if random.random() < 0.1:
            continue
        names.append(column.name)
        arrays.append(
            _odd_array(random, n) if random.random() < 0.25 else _good_array(random, column, records)
        )
    for _ in range(random.choice([0, 0, 0, 1, 2])):
        at = random.randrange(len(names) + 1)
        names.insert(at, random.choice(_ODD_NAMES))
        arrays.insert(at, _odd_array(random, n))
    table = pa.Table.from_arrays(arrays, names=names) if names else pa.table({"nothing": pa.nulls(n)})
    sink = io.BytesIO()
    try:
        pq.write_table(
            table,
            sink,
            compression=random.choice(["none", "zstd", "snappy", "gzip"]),
            row_group_size=random.choice([1, 2, 1000]),
            use_dictionary=random.random() < 0.5,
            data_page_version=random.choice(["1.0", "2.0"]),
            version=random.choice(["1.0", "2.6"]),
            coerce_timestamps=None,
            allow_truncated_timestamps=True,
            write_page_checksum=random.random() < 0.3,
        )
    except (pa.ArrowException, OSError, ValueError):
        # not every type and value can be written
        sink = io.BytesIO()
        pq.write_table(pa.table({"player_id": ["p"] * n}), sink)
    data = sink.getvalue()
    lines: tuple[oracle.Line, ...] | None = tuple((number, b"") for number in range(1, n + 1))
    if random.random() < 0.3:
        damaged = data[: random.randrange(len(data))] if random.random() < 0.2 else _damage(random, data)
        lines, data = (lines if damaged == data else None), damaged
    return Delivered(log, _file_name(random, ".parquet"), data, lines, may_refuse=True)


def _good_array(random: Random, column: Column, records: list[dict[str, Any]]) -> pa.Array:
    values = [record.get(column.name) for record in records]
    if column.type == "object":
        values = [json.dumps(value) if value is not None else None for value in values]
    if column.type == "timestamp":
        unit = random.choice(["ms", "us", "ns"])
        times = [dt.datetime.fromisoformat(value.rstrip("Z")) if value else None for value in values]
        return pa.array(times, pa.timestamp(unit, tz=random.choice([None, "UTC", "Europe/Berlin"])))
    return (
        pa.array([str(value) if value is not None else None for value in values])
        if column.type in ("id", "text")
        else pa.array(values)
    )


def _odd_array(random: Random, n: int) -> pa.Array:
    if random.random() < 0.2:
        unit = random.choice(["s", "ms", "us", "ns"])
        values = [random.choice(_EXTREME) for _ in range(n)]
        return pa.array(values, pa.int64()).view(pa.timestamp(unit, tz=random.choice([None, "UTC"])))
    if random.random() < 0.05:
        return pa.array([random.choice([-(2**31), 2**31 - 1, 0]) for _ in range(n)], pa.int32()).view(
            pa.date32()
        )
    if random.random() < 0.03:
        # bytes that are not UTF-8 in a column that says they are
        return pa.array([b"\xff\xfe"] * n, pa.binary()).view(pa.string())
    type_, pool = random.choice(_ODD_TYPES)
    return pa.array([random.choice([*pool, None]) for _ in range(n)], type_)


def make_settings(random: Random) -> dict[str, str]:
    """Variables with values that make no sense, and some that do."""
    names = [name for name, _, _ in describe_settings()]
    chosen = random.sample(names, random.choice([1, 1, 1, 2, 4]))
    return {_spoiled_name(random, name): _setting_value(random) for name in chosen}


def _spoiled_name(random: Random, name: str) -> str:
    return (
        name
        if random.random() < 0.97
        else random.choice([name.lower(), name[:-1], name + "_X", "LEAP_", "LEAP_é\n"])
    )


def _setting_value(random: Random) -> str:
    pool = [
        *TEXTS, *NUMBERS, *TIMES, "~", "~nobody-of-this-name/x", "~root", "landing", "simulator", "0001-01-01", "9999-12-31", "20250101",
        "http://", "https://user:password@host:port/x", "https://a b\nc", "https://[::1", "client", "client,client", ",", "session,é", "USD", "usd",
        "1" * 4400, "1e5", "0.5", "1", "1.0", "2", "100", "1" + "0" * 300, "1" + "0" * 309, "-0.0", "1e-9", "1e-6", "/", ".", "..",
    ]  # fmt: skip
    value = random.choice(pool)
    return value + random.choice(pool)[:20] if random.random() < 0.1 else value


MAKERS: Mapping[str, tuple[Callable[[Random], Delivered], int]] = {
    # kind -> maker, share of the deliveries in percent
    "ndjson": (make_ndjson, 40),
    "json": (make_json, 20),
    "csv": (make_csv, 33),
    "parquet": (make_parquet, 7),
}
