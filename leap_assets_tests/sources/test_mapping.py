"""What a source folder must be: each refusal names the file, the line and the remedy, before anything is read."""

import pytest

from leap_assets.settings import SettingsError, load_settings
from leap_assets.sources.declaration import SourceError, declared_event_types, read_source
from leap_assets.sources.mapping import Mapper
from leap_assets_tests.sources.conftest import CLIENT_SQL


def refusal(write_source, files) -> str:
    folder = write_source(files)
    with pytest.raises(SourceError) as refused:
        Mapper(read_source(folder), folder.parent / "work")
    return str(refused.value).replace(f"{folder}/", "")


def client(old: str = "", new: str = "") -> dict[str, str]:
    assert old in CLIENT_SQL
    return {"client.sql": CLIENT_SQL.replace(old, new)}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            client("    record->>'$.user' as player_id,\n"),
            ["client.sql, line 2: it does not return player_id", "Add it to the SELECT", "The player"],
        ),
        (
            client("as player_id", "as playerid"),
            ["client.sql, line 3: playerid is no column", "Did you mean player_id?"],
        ),
        (
            client("as timestamp,", "as timestamp, 7 as level,"),
            ["client.sql, line 5: level is no column", "json_object('level', ...) as properties"],
        ),
        (
            client("record->>'$.at'", "(record->>'$.at')::bigint"),
            ["client.sql, line 5: timestamp is BIGINT, which can never be a time", "epoch_ms"],
        ),
        (
            client("record->>'$.user'", "{'id': record->>'$.user'}"),
            ["client.sql, line 3: player_id is STRUCT(id VARCHAR), which can never be an id", "Cast it"],
        ),
        (client("record->>'$.user' as", "null as"), ["client.sql, line 3: player_id is always null"]),
        (
            client("where record", "where where record"),
            ["client.sql, line 8: this is no SQL", "`where where record"],
        ),
        (client("record->>'$.user'", "usr"), ["client.sql, line 3:", '"usr" not found', "record->>'$.name'"]),
        (
            client("from delivered", "from deliverd"),
            ["client.sql, line 7:", "deliverd", "The one relation is `delivered`"],
        ),
        (
            client("from delivered", "from read_csv('/etc/passwd') as delivered"),
            ["client.sql, line 7:", "A mapping reads nothing but `delivered`"],
        ),
        (client() | {"source.toml": "header = false"}, ["line 1: header cannot be used", "[columns]"]),
        (client() | {"source.toml": '[columns]\n"*.csv" = "a"'}, ["line 2: *.csv cannot be used", "list"]),
        (client() | {"source.toml": '[columns]\n"*.csv" = ["a", "a"]'}, ["names a more than once"]),
        (client() | {"source.toml": '[events]\nchat = "x"'}, ["chat cannot be used", "[events.chat]"]),
        (
            client() | {"source.toml": '[events.chat]\ndescripton = "x"'},
            ["descripton: there is no such key of the event type chat; did you mean description?"],
        ),
        (client() | {"source.toml": '[events."a,b"]'}, ["a,b cannot be used", "without commas"]),
        (client() | {"source.toml": "[events.purchase]"}, ["purchase cannot be used", "Leap's own"]),
        (
            {
                "player.sql": "select 'a' as player_id, 'b' as event_date_time from delivered",
                "source.toml": "[events.chat]",
            },
            ["events cannot be used", "no client.sql"],
        ),
        ({"client.sql": "select 1; select 2"}, ["client.sql: it has 2 statements", "take the others out"]),
        ({"client.sql": "drop table x"}, ["client.sql: it must be one SELECT"]),
        ({"client.sql": ""}, ["client.sql: there is no SQL in it. Write one SELECT"]),
        (
            {"client.sql": f"-- {'ä' * 9}\nwith x as (from delivered)\n\nselect * from x"},
            ["client.sql, line 4: record is no column"],
        ),
        (
            {"client.sql": "select 1 as event_id union all select 2 from delivered"},
            ["client.sql: it does not return player_id"],
        ),
        (
            client("'$.id' as event_id", "'$.id' as event_id, 1 as event_id"),
            ["returns the column event_id more than once"],
        ),
        (client("from", ", 'x' as line_number from"), ["line_number is VARCHAR, but must be BIGINT"]),
        ({"clients.sql": "select 1"}, ["clients.sql is no log", "Did you mean client.sql?"]),
        ({"readme.txt": ""}, ["has no mapping. Write one SELECT a log"]),
        ({"source.toml": "days = monday", **client()}, ["source.toml is not TOML", "line 1"]),
        (
            {"source.toml": 'days = "monday"', **client()},
            ['source.toml, line 1: days cannot be used: it must be "event"'],
        ),
        (
            {"source.toml": "\ndescripton = ''", **client()},
            ["source.toml, line 2: descripton:", "did you mean description?"],
        ),
        ({"source.toml": 'days = "path"', **client()}, ["needs a day_pattern", "(?P<year>"]),
        (
            {"source.toml": "days = \"path\"\nday_pattern = '(?P<year>....)'", **client()},
            ["source.toml, line 2: day_pattern cannot be used: it has no group month, day"],
        ),
        (
            {"source.toml": '[format]\n"*.log" = "xml"', **client()},
            ["source.toml, line 2", "ndjson, json, csv"],
        ),
        (
            {"source.toml": 'personal = {client = ["player"]}', **client()},
            ["no such column of the log client", "player_id?"],
        ),
    ],
)
def test_a_wrong_source_is_refused_with_file_line_and_remedy(write_source, files, said):
    message = refusal(write_source, files)
    assert [part for part in said if part not in message] == [], message


def prepared(write_source, sql):
    folder = write_source({"client.sql": sql})
    with Mapper(read_source(folder), folder.parent / "work") as mapper:
        return mapper.prepared[0]


ROW = (
    "record->>'$.id' as event_id, 'p' as player_id, 'session_start' as event_type, '2025-01-01' as timestamp"
)


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        (f"select {ROW} from delivered", "[line_number]"),
        (f"from delivered as d select {ROW} where true order by 1; -- the end", "[line_number]"),
        (f"select {ROW} from delivered, unnest(range(2)) as t(i)", "[line_number]"),
        (f"with x as (select 1 as one) select {ROW} from delivered join x on true", "[line_number]"),
        (f"select {ROW}, row_number() over () as line_number from delivered", "[line_number]"),
        (f"select {ROW}, list(line_number) as line_numbers from delivered group by record", "line_numbers"),
        (f"select {ROW} from delivered group by record", None),
        (f"select {ROW} from delivered group by all", None),
        (f"select distinct {ROW} from delivered", None),
        (f"select {ROW} from delivered union all select {ROW} from delivered", None),
        (f"select {ROW} from (select * from delivered) as delivered", None),
        (f"with delivered as (from delivered) select {ROW} from delivered", None),
        (
            "select max('') as event_id, '' as player_id, '' as event_type, '' as timestamp from delivered",
            None,
        ),
    ],
)
def test_the_delivered_line_of_a_row_is_known_where_the_select_is_plain_or_tells_it(write_source, sql, lines):
    assert prepared(write_source, sql).lines == lines


def test_optional_columns_may_be_left_out_and_null_ones_count_as_left_out(write_source):
    columns = prepared(write_source, f"select {ROW}, null as session_id from delivered").columns
    assert set(columns) == {"event_id", "player_id", "event_type", "timestamp"}


def test_event_types_are_declared_in_one_place(write_source):
    folder = write_source({"client.sql": CLIENT_SQL, "source.toml": "[events.chat]\n"})
    mapped = {"LEAP_SOURCE": folder.name, "LEAP_SOURCES_DIR": str(folder.parent)}
    assert declared_event_types(load_settings(mapped)) == ("chat",)
    landing = {"LEAP_SOURCE": "landing", "LEAP_EVENT_TYPES": "chat, ad_clicked"}
    assert declared_event_types(load_settings(landing)) == ("chat", "ad_clicked")
    with pytest.raises(SettingsError, match="LEAP_EVENT_TYPES cannot be set with LEAP_SOURCE=game"):
        load_settings(mapped | {"LEAP_EVENT_TYPES": "chat"})
