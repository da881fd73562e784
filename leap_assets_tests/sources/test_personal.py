"""Personal columns are hashes before anything is written, texts of such a source are not kept, and players can go."""

import datetime as dt
import gzip
import hashlib
import hmac
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from leap_assets import erase
from leap_assets.landing.contracts import CONTRACTS, LATE_LIMIT_H
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.ingestion import load_deliveries
from leap_assets.settings import PROJECT_DIR
from leap_assets.sources import check, erasing
from leap_assets.sources.declaration import SourceError, hashing_of, read_source
from leap_assets.sources.erasing import add_erased
from leap_assets.sources.ledger import Ledger
from leap_assets.sources.mapping import Mapper
from leap_assets.sources.taking_in import TakeInError, take_in
from leap_assets_tests.sources.conftest import event, ndjson

KEY = "a key of the tests, nobody's"
HASHING = KeyedHash(KEY)
START, TODAY = dt.date(2025, 1, 1), dt.date(2025, 6, 1)
SECRET = "Qx7Zulu"
# in every personal value of the made-up game, and nowhere else
ALICE, BOB = f"{SECRET}-alice@example.com", f"{SECRET}-bob\\x41ö"
PERSONAL = 'description = "a game"\n[personal]\nplayer_id = true\n"properties.rival" = true\n'
CLIENT_SQL = """select
    record->>'$.id' as event_id,
    record->'$.user' as player_id,
    record->>'$.what' as event_type,
    record->>'$.at' as timestamp,
    case
        when (record->>'$.broken') is not null then record->>'$.broken'
        else json_object(
            'product', record->'$.item', 'price', record->'$.paid', 'currency', 'USD', 'rival', record->'$.rival'
        )::varchar
    end as properties
from delivered
where (record->>'$.what') <> 'heartbeat_of_the_engine'
"""
HEARTBEAT_SQL = """select
    record->>'$.user' as player_id,
    's1' as session_id,
    record->>'$.at' as event_date_time,
    record->>'$.x' as position_x,
    '2' as position_y
from delivered
where (record->>'$.x') is not null
"""
FILES = {"source.toml": PERSONAL, "client.sql": CLIENT_SQL, "heartbeat.sql": HEARTBEAT_SQL}


def of(user: object, number: int, **more: object) -> dict[str, object]:
    return {**event(number), "user": user, **more}


DIRT = [
    of(ALICE, 1),
    of(BOB, 2, rival=ALICE),
    of(ALICE, 3, x=1.5),
    of(BOB, 4, x="not a number"),
    of(ALICE, 5, at="no time"),
    of(ALICE, 6, what="no such type"),
    of(ALICE, 7, at="1971-01-01"),
    of(ALICE, 8, what="purchase", item="sword", paid=-1),
    of({"mail": ALICE}, 9),
    of([BOB], 10),
    of(ALICE, 11, broken=f'{{"rival": "{ALICE}'),
    of(ALICE, 12, broken=f'["{ALICE}"]'),
    of(ALICE, 13, broken=f'{{"rival": "x", "rival": "{ALICE}"}}'),
    of(ALICE, 14, what="heartbeat_of_the_engine"),
    of("", 15),
    f'{{"id": "e16", "user": "{ALICE}'.encode(),
    b"\xff\xfe" + ALICE.encode(),
    f'["{BOB}"]'.encode(),
]


@pytest.fixture
def game(tmp_path, write_source):
    return Game(tmp_path, write_source(FILES))


class Game:
    """A source with personal columns and its folders."""

    def __init__(self, root: Path, source: Path):
        self.source, self.data = source, root / "data"
        self.delivered, self.landing, self.list = (
            self.data / name for name in ("delivered", "landing", "erased_players.txt")
        )
        self.delivered.mkdir(parents=True)
        self.said: list[str] = []

    def take_in(self, key: str = KEY) -> None:
        self.said = []
        source = read_source(self.source)
        options = {"start_date": START, "today": TODAY, "say": self.said.append, "warn": self.said.append}
        hashing = hashing_of(source, key)
        take_in(source, self.delivered, self.landing, hashing=hashing, erased_path=self.list, **options)

    def load(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute("set TimeZone = 'UTC'")
        days = [START + dt.timedelta(days=n) for n in range(31)]
        rates = {"USD": dt.date(2000, 1, 1)}
        logs = ("client", "heartbeat")
        load_deliveries(
            connection, self.landing, days, logs=logs, start_date=START, rates=rates, hashing=HASHING
        )
        return connection


def contents(path: Path) -> Iterator[bytes]:
    """What a file holds: its bytes, and what they are when they are read as what they are."""
    data = path.read_bytes()
    yield data
    if data[:4] == b"PAR1":
        yield str(pq.read_table(path).to_pylist()).encode()
    elif data[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            for schema, table in tables:
                yield str(connection.execute(f'from "{schema}"."{table}"').fetchall()).encode()
    elif data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)


def holding(data: Path, texts: list[str]) -> list[str]:
    """Files under a data folder, but for what was delivered, that hold one of some texts."""
    files = [
        path for path in data.rglob("*") if path.is_file() and "delivered" not in path.relative_to(data).parts
    ]
    assert files
    # as SQL, JSON and Python escape them, too
    wanted = {form for text in texts for form in (text.encode(), json.dumps(text)[1:-1].encode())}
    return [
        path.relative_to(data).as_posix()
        for path in files
        if any(text in content for content in contents(path) for text in wanted)
    ]


@pytest.mark.parametrize("value", ["", "alice", "\\x41", "ö\0𝄞", "x" * 300])
@pytest.mark.parametrize("key", [KEY, "k" * 64, "ö" * 100])
def test_the_hash_in_sql_is_that_of_python(key, value):
    hashing = KeyedHash(key)
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select {hashing.sql('v')}, {hashing.sql('null::varchar')} from (select $v as v)",
            {**hashing.parameters, "v": value},
        ).fetchall()
    expected = hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()[:32]
    assert found == [(expected, None)]
    assert hashing.of(value) == expected
    assert key not in repr(hashing)


@pytest.mark.parametrize(
    ("personal", "said"),
    [
        (
            'client = ["player_id"]',
            ["line 2: player_id: it is personal in the log client, but not in heartbeat"],
        ),
        (
            "player_ids = true",
            ["line 2: player_ids: there is no such log or column", "did you mean player_id?"],
        ),
        ("player_id = 1", ["line 2: player_id cannot be used: it must be true"]),
        ("timestamp = true", ["line 2: timestamp cannot be used: only a free text"]),
        ("event_type = true", ["line 2: event_type cannot be used"]),
        ("properties.price = true", ["only a free text", "properties.price"]),
        ('heartbeat = ["properties.x"]', ["no such column of the log heartbeat"]),
    ],
)
def test_columns_that_cannot_be_hashed_are_refused_with_file_line_and_remedy(write_source, personal, said):
    folder = write_source({**FILES, "source.toml": f"[personal]\n{personal}\n"})
    with pytest.raises(SourceError) as refused:
        read_source(folder)
    assert [part for part in said if part not in str(refused.value)] == [], refused.value


@pytest.mark.parametrize(
    "personal",
    ['player_id = true\n"properties.rival" = true', "player_id = true\nproperties.rival = true",
     'client = ["player_id", "properties.rival"]\nheartbeat = ["player_id"]'],
)  # fmt: skip
def test_columns_are_named_for_all_logs_or_by_log(write_source, personal):
    source = read_source(write_source({**FILES, "source.toml": f"[personal]\n{personal}\n"}))
    assert source.personal == {"heartbeat": ("player_id",), "client": ("player_id", "properties.rival")}


def test_without_a_key_nothing_is_taken_in(game):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    with pytest.raises(SourceError, match=r"source\.toml, line 2: .*Set LEAP_HASH_KEY"):
        game.take_in(key="")
    assert not game.landing.exists()


def test_no_file_of_landing_holds_a_personal_value(game):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    (game.delivered / "b.csv").write_bytes(f"id,user,what,at\n1,{ALICE},x,2025-01-01\n2,{ALICE}\n".encode())
    game.take_in()
    assert holding(game.data, [SECRET]) == []
    assert not any(SECRET in sentence for sentence in game.said)


def test_rejected_rows_keep_a_hash_and_no_value(game):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    game.take_in()
    with game.load() as connection:
        rejected = connection.execute(
            "select reason, message, raw_line from leap_raw.rejected_line order by all"
        ).fetchall()
        received = connection.execute("select sum(received) from leap_raw.delivery").fetchall()
        accepted = connection.execute(
            """select player_id, properties from leap_raw.event_client
            where event_id in ('e1', 'e2', 'e13') order by event_id"""
        ).fetchall()
        joined = connection.execute(
            "select count(*) from leap_raw.event_heartbeat join leap_raw.event_client using (player_id)"
        ).fetchall()
        everything = str(
            [connection.execute(f"from leap_raw.{c.table}").fetchall() for c in CONTRACTS.values()]
        )
    assert {(reason, message) for reason, message, _ in rejected} >= {
        ("missing_required", "player_id is missing (a.ndjson, record 15)"),
        (
            "out_of_window",
            f"timestamp: the time is more than {LATE_LIMIT_H} h before its delivery day (a.ndjson, record 7)",
        ),
        ("unparsable", "the line cannot be read as a record of this file's format (a.ndjson, record 16)"),
        ("wrong_type", "position_x: the value is not a number (a.ndjson, record 4)"),
        ("wrong_type", "properties: the value is not an object (a.ndjson, record 12)"),
    }
    assert all(len(line) == len("hash:") + 32 and line.startswith("hash:") for _, _, line in rejected)
    assert f"hash:{HASHING.of(DIRT[15])}" in {line for reason, _, line in rejected if reason == "unparsable"}
    assert SECRET not in everything + str(rejected)
    assert [player for player, _ in accepted] == [HASHING.of(ALICE), HASHING.of(ALICE), HASHING.of(BOB)]
    assert json.loads(accepted[2][1])["rival"] == HASHING.of(ALICE)
    assert joined[0][0] > 0
    # 17 rows of client and unreadable, 2 of heartbeat
    assert received == [(19,)]


@pytest.mark.parametrize("changed", ["key", "fewer", "none"])
def test_another_key_and_other_columns_are_refused(game, write_source, changed):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    game.take_in()
    before = {path: path.read_bytes() for path in game.landing.glob("*/*/*.parquet")}
    if changed == "key":
        with pytest.raises(SourceError, match="not the key that"):
            game.take_in(key=f"not {KEY}")
    else:
        toml = "[personal]\nplayer_id = true\n" if changed == "fewer" else 'description = "x"\n'
        write_source({**FILES, "source.toml": toml})
        with pytest.raises(SourceError, match="the personal columns are"):
            game.take_in()
    assert before == {path: path.read_bytes() for path in game.landing.glob("*/*/*.parquet")}


def test_what_was_stored_plain_is_not_mixed_with_hashes(game, write_source):
    write_source({**FILES, "source.toml": 'description = "x"\n'})
    (game.delivered / "a.ndjson").write_bytes(ndjson(of("alice", 1)))
    game.take_in()
    write_source(FILES)
    with pytest.raises(SourceError, match="was made with none"):
        game.take_in()


def test_a_value_on_which_a_select_fails_is_not_repeated(game, write_source):
    sql = CLIENT_SQL.replace("record->'$.user'", "((record->>'$.user')::integer)::varchar")
    write_source({**FILES, "client.sql": sql})
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    (game.delivered / "b.csv").write_text(f"{ALICE};1;2\n")
    with pytest.raises(
        TakeInError, match=r"client\.sql, line 3: it fails on a\.ndjson: Conversion Error"
    ) as refused:
        game.take_in()
    assert SECRET not in str(refused.value)
    assert "b.csv is read as csv, but its first line looks like ssv" in str(refused.value)
    assert holding(game.data, [SECRET]) == []


def test_trying_a_source_shows_no_personal_value(game, monkeypatch, capsys):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    monkeypatch.setenv("LEAP_SOURCES_DIR", str(game.source.parent))
    monkeypatch.setenv("LEAP_HASH_KEY", KEY)
    assert check.main([game.source.name, str(game.delivered)]) == 0
    said = capsys.readouterr().out
    assert SECRET not in said
    assert KEY not in said
    assert HASHING.of(ALICE)[:20] in said
    assert "position_x: the value is not a number (a.ndjson, record 4)" in said
    monkeypatch.delenv("LEAP_HASH_KEY")
    assert check.main([game.source.name, str(game.delivered)]) == 1
    assert "Set LEAP_HASH_KEY" in capsys.readouterr().out


def rows(game: Game, log: str) -> list[dict[str, object]]:
    return [
        row
        for path in sorted(game.landing.glob(f"{log}/*/*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]


def test_an_erased_player_is_taken_out_of_landing_and_stays_out(game):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    (game.delivered / "gone.ndjson").write_bytes(ndjson(of(ALICE, 20), of(BOB, 21)))
    game.take_in()
    (game.delivered / "gone.ndjson").unlink()
    before = len(rows(game, "client")), len(rows(game, "heartbeat"))
    assert add_erased(game.list, HASHING.of(ALICE))
    assert not add_erased(game.list, HASHING.of(ALICE))
    game.take_in()
    assert holding(game.data, [SECRET, HASHING.of(ALICE)]) == ["erased_players.txt"]
    # ten client rows are hers, one of them of the gone file
    assert len(rows(game, "client")) == before[0] - 10
    assert len(rows(game, "heartbeat")) == before[1] - 1
    assert sum("rows removed from" in sentence for sentence in game.said) == 3
    assert "and their ids from 1 rows of others" in " ".join(game.said)
    (kept,) = (row for row in rows(game, "client") if row["event_id"] == "e2")
    assert kept["player_id"] == HASHING.of(BOB)
    assert "rival" not in json.loads(kept["properties"])
    with game.load() as connection:
        assert connection.execute("select sum(received) from leap_raw.delivery").fetchall() == [
            (sum(one.lines for one in Ledger(game.landing).landed()),)
        ]
    # she comes again, in a new file and a changed one
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT, of(BOB, 30)))
    (game.delivered / "new.ndjson").write_bytes(ndjson(of(ALICE, 31), of(BOB, 32, rival=ALICE)))
    game.take_in()
    assert "new.ndjson: 1 rows of erased players were left out" in game.said
    assert holding(game.data, [SECRET, HASHING.of(ALICE)]) == ["erased_players.txt"]
    assert {"e30", "e32"} <= {row.get("event_id") for row in rows(game, "client")}


def test_an_erasure_that_was_interrupted_is_finished_by_the_next_run(game, monkeypatch):
    for name in ("a", "b"):
        (game.delivered / f"{name}.ndjson").write_bytes(ndjson(*DIRT))
    game.take_in()
    add_erased(game.list, HASHING.of(ALICE))
    rewrite, calls = erasing._rewrite, []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return rewrite(*arguments)

    monkeypatch.setattr(erasing, "_rewrite", killed)
    with pytest.raises(KeyboardInterrupt):
        game.take_in()
    assert not erasing.is_applied(game.landing, game.list)
    (leftover := next(game.landing.glob("client/*/*.parquet")).with_name(".x.parquet.tmp")).write_text(
        HASHING.of(ALICE)
    )
    monkeypatch.setattr(erasing, "_rewrite", rewrite)
    game.take_in()
    assert not leftover.exists()
    assert holding(game.data, [SECRET, HASHING.of(ALICE)]) == ["erased_players.txt"]
    with game.load() as connection:
        assert connection.execute("select sum(received) from leap_raw.delivery").fetchall() == [
            (sum(one.lines for one in Ledger(game.landing).landed()),)
        ]


def test_files_of_a_killed_run_whose_delivery_is_gone_are_rewritten_too(game):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    game.take_in()
    # as a run leaves it that is killed between putting its files in place and booking them
    names = [one.landed for one in Ledger(game.landing).landed()]
    Ledger(game.landing).announce("a.ndjson", names)
    (game.delivered / "a.ndjson").unlink()
    add_erased(game.list, HASHING.of(ALICE))
    game.take_in()
    assert holding(game.data, [SECRET, HASHING.of(ALICE)]) == ["erased_players.txt"]


def test_what_a_killed_run_left_of_delivered_values_is_removed_by_the_next(game):
    work = game.landing / ".taken_in" / "work"
    (work / "spilled").mkdir(parents=True)
    (work / "spilled" / "duckdb_temp_storage_DEFAULT-0.tmp").write_text(ALICE)
    game.take_in()
    assert not work.exists()
    with Mapper(read_source(game.source), work, hashing=HASHING):
        assert work.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "nobody"),
        ({"LEAP_SOURCE": "landing"}, "take the player's lines out of them yourself, then run make rebuild"),
        ({"LEAP_SOURCE": "csgo"}, "player_id is not personal"),
        ({"LEAP_SOURCE": "game"}, "Set LEAP_HASH_KEY"),
        ({"LEAP_SOURCE": "game", "LEAP_HASH_KEY": KEY}, "nothing was taken in"),
    ],
)
def test_who_cannot_be_erased_is_said_with_the_remedy(game, monkeypatch, capsys, variables, said):
    if variables.get("LEAP_SOURCE") == "game":
        monkeypatch.setenv("LEAP_SOURCES_DIR", str(game.source.parent))
    for name, value in {"LEAP_DATA_DIR": str(game.data), **variables}.items():
        monkeypatch.setenv(name, value)
    assert erase.main(["--player", ALICE]) == 2
    assert said in capsys.readouterr().out
    assert not game.list.exists()


def test_an_id_that_is_said_to_be_hashed_must_be(game):
    with pytest.raises(SourceError, match="is no hashed id"):
        add_erased(game.list, ALICE)


def test_a_line_of_the_list_that_is_no_hashed_id_is_refused(game):
    game.data.joinpath("erased_players.txt").write_text(f"{HASHING.of(ALICE)}\nalice\n")
    with pytest.raises(SourceError, match=r"erased_players\.txt, line 2: .*make erase PLAYER"):
        game.take_in()


@pytest.mark.slow
def test_a_run_that_fails_tells_its_history_no_personal_value(mapped_leap, write_source):
    failing = CLIENT_SQL.replace("record->'$.user'", "((record->>'$.user')::integer)::varchar")
    leap = mapped_leap(write_source({**FILES, "client.sql": failing}), LEAP_HASH_KEY=KEY)
    settings = leap.settings
    (settings.delivered_dir / "a.ndjson").write_bytes(ndjson(*DIRT))
    variables = {"LEAP_SOURCES_DIR": str(settings.source_dir.parent), "LEAP_HASH_KEY": KEY}
    with leap.start("--select", "*", "--partition", "2025-01-01", **variables) as process:
        said = process.communicate()[0]
    assert process.returncode != 0
    assert "client.sql, line 3: it fails on a.ndjson: Conversion Error" in said
    assert SECRET not in said
    assert holding(settings.data_dir, [SECRET, KEY]) == []


@pytest.mark.slow
def test_nothing_under_the_data_folder_holds_a_personal_value_nor_an_erased_player(mapped_leap, write_source):
    leap = mapped_leap(write_source(FILES), LEAP_HASH_KEY=KEY)
    settings = leap.settings
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in.ndjson", ndjson(*DIRT))
    (settings.delivered_dir / "a.zip").write_bytes(packed.getvalue())
    (settings.delivered_dir / "b.ndjson.gz").write_bytes(gzip.compress(ndjson(*DIRT, of(BOB, 40))))
    variables = {
        "LEAP_SOURCES_DIR": str(settings.source_dir.parent),
        "LEAP_HASH_KEY": KEY,
        "LEAP_START_DATE": "2025-01-01",
    }
    with leap.start("--select", "*", "--partition-range", "2025-01-01...2025-01-02", **variables) as process:
        said = process.communicate()[0]
    assert process.returncode == 0, said[-3000:]
    assert SECRET not in said
    assert KEY not in said
    assert holding(settings.data_dir, [SECRET, KEY]) == []
    hashed = HASHING.of(ALICE)
    assert any(name.startswith("published") for name in holding(settings.data_dir, [hashed]))
    erased = subprocess.run(
        [sys.executable, "-m", "leap_assets.erase", "--player", ALICE],
        cwd=PROJECT_DIR,
        env={**leap.environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert erased.returncode == 0, erased.stdout[-3000:] + erased.stderr[-2000:]
    assert "rows of the player before, 0 now" in erased.stdout
    assert holding(settings.data_dir, [SECRET, KEY, hashed]) == ["erased_players.txt"]
    assert leap.query("select distinct player_id from leap_raw.event_heartbeat") == []
    assert (HASHING.of(BOB),) in leap.query("select player_id from leap_raw.event_client")
    assert leap.query(
        "select count(*) from leap_mart.ingestion_daily where received <> accepted + duplicate + rejected"
    ) == [(0,)]


def test_an_id_that_no_table_has_is_not_erased_in_silence(game, monkeypatch, capsys):
    (game.delivered / "a.ndjson").write_bytes(ndjson(*DIRT))
    game.take_in()
    for name, value in {
        "LEAP_SOURCES_DIR": str(game.source.parent),
        "LEAP_DATA_DIR": str(game.data),
        "LEAP_SOURCE": "game",
        "LEAP_HASH_KEY": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    # the runs in processes of their own
    monkeypatch.setattr(erase, "execute", lambda *_: True)
    monkeypatch.setattr(erase.rebuild, "build_anew", lambda *_: True)
    assert erase.main(["--player", "a slip of the pen"]) == 0
    assert "had a row of this player before. Is it the id as it was delivered?" in capsys.readouterr().out


def test_the_hash_of_an_id_is_that_of_the_id_as_it_is_read(game):
    users = [17, 17.0, "17", " ", "\u200b", "NaN", 1e17, ALICE]
    lines = ndjson(*(of(user, number) for number, user in enumerate(users)))
    (game.delivered / "a.ndjson").write_bytes(lines)
    game.take_in()
    with game.load() as connection:
        found = connection.execute("select event_id, player_id from leap_raw.event_client").fetchall()
        reasons = connection.execute(
            "select reason, count(*) from leap_raw.rejected_line group by 1"
        ).fetchall()
    seventeen = HASHING.of("17")
    assert dict(found) == {"e0": seventeen, "e1": seventeen, "e2": seventeen, "e7": HASHING.of(ALICE)}
    # a double of 17 digits has lost some
    assert reasons == [("missing_required", 4)]
