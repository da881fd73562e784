"""`make check-source`: what it shows of a mapping, and when it refuses."""

import datetime as dt

import pytest

from leap_assets.sources.check import main
from leap_assets_tests.sources.conftest import CLIENT_SQL, event, ndjson


@pytest.fixture
def check(write_source, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LEAP_SOURCES_DIR", str(write_source().parent))
    monkeypatch.setenv("LEAP_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "files").mkdir()

    def run(*records, arguments=("game",), lines=None) -> tuple[int, str]:
        if records:
            (tmp_path / "files" / "a.ndjson").write_bytes(ndjson(*records))
        limit = ["--lines", str(lines)] if lines else []
        code = main([*arguments, *([str(tmp_path / "files")] if arguments else ()), *limit])
        return code, capsys.readouterr().out

    return run


def test_it_shows_what_a_run_would_make_of_the_files(check, tmp_path):
    code, said = check(
        event(1, "2023-05-01 10:00:00"),
        event(1, "2023-05-01 10:00:00"),
        event(2, "2023-05-01 11:00:00", "unheard of"),
        event(3, what="heartbeat_of_the_engine"),
        b'{"id": ',
        event(4, "2023-05-03 10:00:00"),
        lines=5,
    )
    assert code == 0
    for part in (
        "records tried: 5; of these cannot be read: 1",
        "the first 5 records of each",
        # the line that could not be read is received, too
        "received: 4 = accepted: 1 + duplicate: 1 + rejected: 2",
        "books by delivery day of this sample; repeats and rejections of the other records are not in them",
        "rejected as unknown_event_type: 1",
        "event_type: 'unheard of' is not one of",
        "rejected as unparsable: 1",
        "ignored (records that no SELECT returned): 1",
        "a.ndjson, record 4: ",
        "e1        p1         session_start  2023-05-01 10:00:00",
        "All files together hold 2 days, from 2023-05-01 to 2023-05-03",
        "LEAP_START_DATE=2023-05-01",
        "--partition-range 2023-05-01...2023-05-03",
        "LEAP_START_DATE is 2025-01-01 now",
    ):
        assert part in said
    assert not (tmp_path / "data").exists()


def test_a_wrong_mapping_is_refused(check, write_source):
    write_source({"client.sql": "select 1 as player_id from delivered"})
    code, said = check(event(1))
    assert code == 1
    assert "Refused: " in said
    assert "it does not return event_id, event_type, timestamp" in said


def test_a_source_that_does_not_exist_is_refused_with_those_that_do(check):
    for arguments in (("gam",), ()):
        code, said = check(event(1), arguments=arguments)
        assert code == 1
        assert "There are: game." in said
        assert ("Did you mean game?" in said) == bool(arguments)


def test_the_commands_set_what_is_not_set_yet(check, tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    _, said = check(event(1, "2023-05-01 10:00:00"))
    assert "    export LEAP_SOURCE=game LEAP_DATA_DIR=$PWD/my-game LEAP_START_DATE=2023-05-01" in said
    assert "    export DAGSTER_HOME=$LEAP_DATA_DIR/dagster\n" in said
    monkeypatch.setenv("LEAP_SOURCE", "game")
    _, said = check(event(1, "2023-05-01 10:00:00"))
    assert f"    export LEAP_START_DATE=2023-05-01 LEAP_DELIVERED_DIR={tmp_path / 'files'}\n" in said
    assert f"    export DAGSTER_HOME={tmp_path / 'data' / 'dagster'}\n" in said
    for name, value in {
        "LEAP_START_DATE": "2023-05-01",
        "LEAP_DELIVERED_DIR": str(tmp_path / "files"),
        "DAGSTER_HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    _, said = check(event(1, "2023-05-01 10:00:00"))
    assert "export" not in said
    assert "    .venv/bin/dagster asset materialize" in said


def test_an_empty_folder_is_no_success(check):
    code, said = check()
    assert code == 1
    assert "holds no file. Put the files of the game there." in said


def test_all_records_of_few_files_are_tried_and_booked(check, tmp_path):
    (tmp_path / "files" / "b.ndjson").write_bytes(
        ndjson(
            event(1, "2023-05-01 10:00:00"),
            event(2, "2023-05-01 10:00:00"),
            event(9, "2023-05-02 10:00:00"),
        )
    )
    code, said = check(
        event(1, "2023-05-01 10:00:00"),
        event(2, "2023-05-01 10:00:01"),
        *[event(number, "2023-05-02 10:00:00") for number in range(3, 2000)],
        event(1, "2023-05-02 10:00:00"),
    )
    assert code == 0
    for part in (
        "Trying 2 of 2 files, all records of each",
        "books by delivery day, as a run keeps them",
        "2023-05-01  client         4         2          1         1",
        "2023-05-02  client     1,999     1,998          1         0",
        "rejected as conflicting_duplicate: 1",
        "'e2' came before, with other values of timestamp, in line 2 of client/2023-05-01/a-",
    ):
        assert part in said


def test_a_field_that_no_record_has_is_shown(check):
    _, said = check(event(1, "2023-05-01 10:00:00", Item="sword"), event(2, "2023-05-01 10:00:00"))
    assert "fields that a SELECT names and no record of the file has:" in said
    assert "      item (client.sql). Did you mean Item?" in said
    assert "      paid (client.sql).\n" in said


def test_undeclared_event_types_are_shown_as_they_are_declared(check, write_source):
    records = [event(n, "2023-05-01 10:00:00", what) for n, what in enumerate(["chat", "chat", "Ad clicked"])]
    _, said = check(*records)
    assert "rejected as unknown_event_type: 3" in said
    assert "      [events.chat]  # 2 lines\n" in said
    assert '      [events."Ad clicked"]  # 1 lines\n' in said
    write_source({"client.sql": CLIENT_SQL, "source.toml": '[events.chat]\n[events."Ad clicked"]\n'})
    _, said = check(*records)
    assert "received: 3 = accepted: 3 + duplicate: 0 + rejected: 0" in said


def test_days_that_no_run_builds_are_in_no_books(check):
    today = dt.datetime.now(dt.UTC).date().isoformat()
    _, said = check(event(1, "2023-05-01 10:00:00"), event(2, f"{today} 00:00:00"))
    assert "received: 1 = accepted: 1" in said
    assert "rows of days before the first of the warehouse, or that are not over yet: 1" in said
