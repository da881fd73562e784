"""Delivered files into landing/: formats, days, changes, accidents; and nothing lost on the way."""

import datetime as dt
import gzip
import io
import json
import os
import zipfile

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.ingestion import load_deliveries
from leap_assets.sources import taking_in
from leap_assets.sources.declaration import SourceError, read_source
from leap_assets.sources.ledger import Ledger
from leap_assets.sources.taking_in import TakeInError, TakenIn, landing_stem, ranges_of, take_in
from leap_assets_tests.sources.conftest import CLIENT_SQL, event, ndjson

START, TODAY = dt.date(2025, 1, 1), dt.date(2025, 6, 1)


@pytest.fixture
def folder(tmp_path, write_source):
    return Folder(tmp_path, write_source())


class Folder:
    """A source, a folder of deliveries, and the landing folder that is made of it."""

    def __init__(self, root, source):
        self.source, self.delivered, self.landing = source, root / "delivered", root / "landing"
        self.said: list[str] = []
        self.warned: list[str] = []
        self.delivered.mkdir()

    def put(self, name: str, data: bytes):
        path = self.delivered / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def take_in(self, **options) -> TakenIn:
        self.said, self.warned = [], []
        options = {"start_date": START, "today": TODAY, **options}
        return take_in(
            read_source(self.source),
            self.delivered,
            self.landing,
            say=self.said.append,
            warn=self.warned.append,
            **options,
        )

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.landing).as_posix(): path.read_bytes()
            for path in sorted(self.landing.glob("*/*/*"))
            if ".taken_in" not in path.parts
        }

    def load(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute("set TimeZone = 'UTC'")
        days = [START + dt.timedelta(days=n) for n in range(31)]
        rates = {"USD": dt.date(2000, 1, 1)}
        load_deliveries(connection, self.landing, days, logs=CONTRACTS, start_date=START, rates=rates)
        return connection

    def accepted(self) -> list[tuple]:
        with self.load() as connection:
            return connection.execute(
                "select event_id, event_date::text from leap_raw.event_client order by all"
            ).fetchall()

    def rejected(self) -> list[tuple]:
        with self.load() as connection:
            return connection.execute(
                "select delivery_date::text, reason, raw_line from leap_raw.rejected_line order by all"
            ).fetchall()


RECORDS = [event(1), event(2, "2025-01-02T00:30:00+01:00"), event(3, "2025-01-03 12:00:00.5")]
EXPECTED = [("e1", "2025-01-01"), ("e2", "2025-01-01"), ("e3", "2025-01-03")]
ROWS = [[record[name] for name in ("id", "user", "what", "at")] for record in RECORDS]


def csv(delimiter: str) -> bytes:
    lines = [["id", "user", "what", "at"], *ROWS]
    lines[2] = [f'"{value}"' for value in lines[2]]
    return "\r\n".join(delimiter.join(line) for line in lines).encode()


def parquet() -> bytes:
    stream = io.BytesIO()
    columns = dict(zip(("id", "user", "what", "at"), zip(*ROWS, strict=True), strict=True))
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), stream)
    return stream.getvalue()


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.ndjson", ndjson(*RECORDS)),
        ("deep/er/a.jsonl", b"\xef\xbb\xbf\n" + ndjson(*RECORDS)),
        ("a.json", json.dumps(RECORDS, indent=2).encode()),
        ("a.json", ndjson(*RECORDS)),
        ("a.csv", csv(",")),
        ("a.tsv", csv("\t")),
        ("a.ssv", csv(";")),
        ("a.parquet", parquet()),
        ("a.ndjson.gz", gzip.compress(ndjson(*RECORDS))),
        ("a.csv.zst", pa.Codec("zstd").compress(csv(","), asbytes=True)),
        ("a.zip", zipped(x_ndjson=ndjson(RECORDS[0]), deep__x_csv=csv(",").replace(b"e1", b""))),
        ("a.zip", zipped(x_parquet=parquet())),
    ],
)
def test_records_of_every_format_come_to_the_same(folder, name, data):
    folder.put(name, data)
    (booked,) = folder.take_in().read
    assert folder.accepted() == EXPECTED
    assert (booked.unreadable, booked.ignored) == (0, 0)


def test_what_is_no_log_is_skipped_beside_logs_and_in_archives(folder):
    folder.put("README.txt", b"what this is")
    folder.put("a.zip", zipped(x_ndjson=ndjson(*RECORDS), README_txt=b"what this is"))
    with pytest.raises(TakeInError, match='or "skip" when it is no log'):
        folder.take_in()
    (folder.source / "source.toml").write_text('[format]\n"*README*" = "skip"\n')
    assert [booked.records for booked in folder.take_in().read] == [0, len(RECORDS)]
    assert folder.accepted() == EXPECTED


def test_one_object_over_several_lines_is_one_record(folder):
    folder.put("a.json", json.dumps(RECORDS[0], indent=2).encode())
    folder.take_in()
    assert folder.accepted() == EXPECTED[:1]


def test_every_record_is_accepted_rejected_or_ignored(folder):
    broken = [b'{"id": "e9', b"\xff\xfe{}", b"[1]", b"7"]
    odd = [event(4, "never"), event(5, None), event(6, "1970-01-01"), event(7, "2025-01-02", "no such type")]
    ignored = [event(8, what="heartbeat_of_the_engine")]
    folder.put("month.ndjson", ndjson(*RECORDS, *broken, *odd, *ignored))
    (booked,) = folder.take_in().read
    assert (booked.records, booked.unreadable, booked.ignored) == (12, 4, 1)
    rejected = folder.rejected()
    assert [(day, reason) for day, reason, _ in rejected] == [
        ("2025-01-01", "out_of_window"),
        ("2025-01-02", "unknown_event_type"),
        ("2025-01-03", "missing_required"),
        *[("2025-01-03", "unparsable")] * 4,
        ("2025-01-03", "wrong_type"),
    ]
    assert '"delivered_file":"month.ndjson","delivered_line":10' in rejected[0][2]
    assert {line for _, reason, line in rejected if reason == "unparsable"} == {
        '{"id": "e9', "\\xFF\\xFE{}", "[1]", "7"
    }  # fmt: skip
    assert len(folder.accepted()) + len(rejected) + booked.ignored == booked.records


def test_lines_of_a_csv_file_that_are_no_records_are_rejected_with_their_text(folder):
    folder.put("a.csv", csv(",") + b'\r\nonly,three,fields\r\n{"id": 1}\r\n')
    (booked,) = folder.take_in().read
    assert booked.unreadable == 2
    assert [line for _, reason, line in folder.rejected() if reason == "unparsable"] == [
        "only,three,fields",
        '{"id": 1}',
    ]


def test_an_array_that_was_cut_off_keeps_its_whole_elements(folder):
    folder.put("a.json", json.dumps(RECORDS)[:-20].encode())
    folder.take_in()
    assert folder.accepted() == EXPECTED[:2]
    assert [reason for _, reason, _ in folder.rejected()] == ["unparsable"]


def test_an_unchanged_file_is_not_read_again_and_a_touched_one_only_hashed(folder, monkeypatch):
    path = folder.put("a.ndjson", ndjson(*RECORDS))
    folder.take_in()
    before = folder.files()
    monkeypatch.setattr(taking_in, "map_file", None)
    os.utime(path, ns=(1, 1))
    assert folder.take_in().unchanged == 1
    monkeypatch.setattr(taking_in, "hash_content", None)
    assert folder.take_in().unchanged == 1
    assert folder.files() == before


def test_a_file_changed_behind_the_clock_replaces_what_it_had_brought(folder):
    path = folder.put("a.ndjson", ndjson(*RECORDS))
    stat = path.stat()
    folder.take_in()
    Ledger(folder.landing).record_built([START + dt.timedelta(days=n) for n in range(5)])
    path.write_bytes(
        ndjson(RECORDS[0], event(2, "2025-01-01T23:30:00+00:00"), event(3, "2025-01-05 12:00:00.5"))
    )
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert len(folder.take_in().read) == 1
    assert folder.accepted() == [*EXPECTED[:2], ("e3", "2025-01-05")]
    assert list(Ledger(folder.landing).stale_days()) == [dt.date(2025, 1, day) for day in (1, 3, 5)]


def test_a_changed_mapping_maps_everything_again(folder, write_source):
    folder.put("a.ndjson", ndjson(*RECORDS))
    folder.take_in()
    write_source(
        {
            "player.sql": "select record->>'$.user' as player_id, record->>'$.at' as event_date_time from delivered"
        }
    )
    folder.take_in()
    assert {name.split("/")[0] for name in folder.files()} == {"player"}


def test_a_file_under_two_names_counts_as_duplicates(folder):
    for name in ("a.ndjson", "copy of a.ndjson"):
        folder.put(name, ndjson(*RECORDS))
    folder.take_in()
    assert folder.accepted() == sorted(EXPECTED * 2)


def test_a_file_that_is_gone_is_said_and_its_lines_stay_until_it_is_emptied(folder):
    path = folder.put("a.ndjson", ndjson(*RECORDS))
    folder.take_in()
    path.unlink()
    assert folder.take_in().gone == ("a.ndjson",)
    assert "a.ndjson is gone; what it brought stays" in folder.warned[0]
    assert folder.accepted() == EXPECTED
    path.write_bytes(b"")
    folder.take_in()
    assert folder.accepted() == []


def test_a_file_still_being_written_is_left_alone_and_said(folder, monkeypatch):
    folder.put("a.ndjson.part", ndjson(*RECORDS))
    path = folder.put("b.ndjson", ndjson(*RECORDS))
    mapped = taking_in.map_file

    def map_while_written(*arguments, **options):
        with path.open("ab") as file:
            file.write(ndjson(event(99)))
        return mapped(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(taking_in, "map_file", map_while_written)
        assert folder.take_in().left_alone == ("a.ndjson.part", "b.ndjson")
    assert folder.files() == {}
    assert all("still being written" in sentence for sentence in folder.warned)
    assert [booked.path for booked in folder.take_in().read] == ["b.ndjson"]
    assert len(folder.accepted()) == 4


def test_files_that_cannot_be_read_hold_up_no_other(folder):
    folder.put("good.ndjson", ndjson(*RECORDS))
    folder.put("half.ndjson.gz", gzip.compress(ndjson(*RECORDS) * 100)[:-20])
    folder.put("half.zip", zipped(x_ndjson=ndjson(*RECORDS))[:-30])
    folder.put("half.parquet", parquet()[:-30])
    folder.put("notes.txt", b"hello")
    folder.put("semicolons.csv", csv(";"))
    with pytest.raises(TakeInError) as refused:
        folder.take_in()
    message = str(refused.value)
    assert message.startswith("5 of the delivered files cannot be taken in; the others were.")
    for name in ("half.ndjson.gz", "half.zip", "half.parquet", "notes.txt", "semicolons.csv"):
        assert name in message
    assert '"*.csv" = "ssv"' in message
    assert folder.accepted() == EXPECTED


def test_a_run_that_is_killed_between_two_files_is_made_good_by_the_next(folder, monkeypatch):
    path = folder.put("a.ndjson", ndjson(*RECORDS))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "book", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.take_in()
    path.write_bytes(ndjson(RECORDS[0]))
    folder.take_in()
    assert folder.accepted() == EXPECTED[:1]


def test_a_value_on_which_a_select_fails_is_said_with_the_remedy(folder, write_source):
    write_source({"client.sql": CLIENT_SQL.replace("record->>'$.at'", "(record->>'$.at')::timestamp")})
    folder.put("a.ndjson", ndjson(*RECORDS, event(4, "never")))
    with pytest.raises(TakeInError, match=r"client\.sql.*fails on a\.ndjson.*Use try_cast"):
        folder.take_in()
    assert folder.files() == {}


def test_days_in_paths_date_their_files(folder, write_source):
    pattern = r"(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)/(?P<hour>\d\d)"
    write_source({"source.toml": f"days = 'path'\nday_pattern = '{pattern}'", "client.sql": CLIENT_SQL})
    folder.put("2025/01/02/13/a.ndjson", ndjson(*RECORDS[:2], b"{"))
    folder.put("today.ndjson", ndjson(*RECORDS))
    with pytest.raises(TakeInError, match=r"today\.ndjson: its path names no day"):
        folder.take_in()
    stem = landing_stem("2025/01/02/13/a.ndjson")
    assert list(folder.files()) == [
        f"client/2025-01-02/{stem}.parquet",
        f"client/2025-01-02/{stem}.unreadable.parquet",
    ]


def test_lines_of_an_aggregate_that_does_not_tell_leave_the_ignored_unknown(folder, write_source):
    columns = "record->>'$.user' as player_id, min(record->>'$.at') as event_date_time"
    grouped = f"select {columns}{{}} from delivered group by 1"
    folder.put("a.ndjson", ndjson(*RECORDS, b"{"))
    write_source({"player.sql": grouped.format("")})
    assert folder.take_in().read[0].ignored is None
    assert "player.sql would have to return line_number" in folder.said[0]
    write_source({"player.sql": grouped.format(", list(line_number) as line_numbers")})
    assert folder.take_in().read[0].ignored == 0


def test_a_folder_that_does_not_exist_is_refused_with_the_remedy(folder):
    folder.delivered.rmdir()
    with pytest.raises(SourceError, match="LEAP_DELIVERED_DIR"):
        folder.take_in()


def test_two_folders_with_the_same_files_hold_the_same(folder, tmp_path):
    for name in ("a.ndjson", "b.ndjson"):
        folder.put(name, ndjson(*RECORDS))
    folder.take_in()
    first = folder.files()
    folder.landing = tmp_path / "other"
    folder.take_in()
    assert folder.files() == first


def test_ranges_end_at_gaps_and_after_a_year():
    days = [START + dt.timedelta(days=n) for n in (0, 1, 3, *range(10, 10 + 400))]
    assert ranges_of(days) == [
        (days[0], days[1]),
        (days[2], days[2]),
        (days[3], days[3] + dt.timedelta(days=365)),
        (days[3] + dt.timedelta(days=366), days[-1]),
    ]


def test_declaring_an_event_type_makes_the_days_of_its_log_stale(folder):
    folder.put("a.ndjson", ndjson(event(1), event(2, "2025-01-02 10:00:00", "chat")))
    folder.take_in()
    ledger = Ledger(folder.landing)
    days = [START, START + dt.timedelta(days=1)]
    ledger.record_built(days)
    (folder.source / "source.toml").write_text("[events.chat]\n")
    folder.take_in()
    assert list(ledger.stale_days()) == days
    ledger.record_built(days)
    (folder.source / "source.toml").write_text('[events.chat]\ndescription = "A message"\n')
    folder.take_in()
    # what it is called decides nothing
    assert ledger.stale_days() == {}
