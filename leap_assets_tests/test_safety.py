"""Names, values, paths and settings that try to escape; what SQL may reach; secrets; where the UI listens."""

import dataclasses
import datetime as dt
import http.client
import json
import os
import re
import subprocess
import sys
import urllib.error
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leap_assets.jobs import build_failure_hook
from leap_assets.landing.ingestion import load_deliveries
from leap_assets.resources import DBT_PROJECT_DIR, Warehouse
from leap_assets.settings import PROJECT_DIR, Settings, SettingsError, describe_settings, load_settings
from leap_assets.warehouse.connections import data_folders, limit_access, open_for_writing
from leap_assets.warehouse.publication import publish

SECRET = "https://chat.example.com/hooks/T0P-s3cret"
ODD_FOLDERS = [
    "it's",
    "sp ace",
    "dots..dots",
    "st*r[a]",
    "new\nline",
    "é日本",
    'q"uote',
    "{{ x }}",
    "a=b",
    "semi;colon",
]


@pytest.fixture
def limited(tmp_path):
    (tmp_path / "inside.csv").write_text("a\n1\n")
    with open_for_writing(tmp_path / "leap.duckdb", data_folders(tmp_path)) as connection:
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "from read_text('/etc/passwd')",
        "from read_csv('/etc/passwd')",
        "from read_text('{folder}/../../../../../../../../../etc/passwd')",
        "from '/etc/passwd.csv'",
        "from glob('/etc/*')",
        "copy (select 1) to '/etc/leap-was-here'",
        "copy (select 1) to '{folder}-beside.csv'",
        "attach '{folder}-beside.duckdb' as beside",
        "from read_csv('https://example.com/a.csv')",
        "install httpfs",
        "load '{folder}/x.duckdb_extension'",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set allowed_configs = ['enable_external_access']",
        "reset lock_configuration",
    ],
)
def test_sql_reaches_nothing_outside_the_data_folder(limited, tmp_path, sql):
    with pytest.raises(duckdb.Error, match=r"disabled|locked|cannot be"):
        limited.execute(sql.format(folder=tmp_path))


def test_sql_reaches_what_runs_need(limited, tmp_path):
    assert limited.execute(f"from '{tmp_path}/inside.csv'").fetchall() == [(1,)]
    limited.register("handed_over", pa.table({"a": [2]}))
    assert limited.execute("from handed_over").fetchall() == [(2,)]
    limited.execute("set TimeZone = 'UTC'")
    limited.execute(f"attach '{tmp_path}/other.duckdb' as other")
    limited.execute("detach other")


def test_a_link_inside_the_data_folder_is_not_a_way_out_unless_it_is_one_of_its_folders(tmp_path):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (elsewhere / "signons").mkdir(parents=True)
    (elsewhere / "signons" / "x.csv").write_text("a\n1\n")
    (data / "deep" / "down").mkdir(parents=True)
    (data / "deep" / "down" / "link").symlink_to(elsewhere)
    (data / "landing").symlink_to(elsewhere)
    with open_for_writing(data / "leap.duckdb", data_folders(data)) as connection:
        assert connection.execute(f"from '{data}/landing/signons/x.csv'").fetchall() == [(1,)]
    (data / "landing").unlink()
    with (
        open_for_writing(data / "leap.duckdb", data_folders(data)) as connection,
        pytest.raises(duckdb.PermissionException),
    ):
        connection.execute(f"from '{data}/deep/down/link/signons/x.csv'")


def test_the_warehouse_of_a_run_is_limited(tmp_path):
    warehouse = Warehouse.from_settings(Settings(data_dir=tmp_path))
    with warehouse.get_connection() as connection, pytest.raises(duckdb.PermissionException):
        connection.execute("from read_text('/etc/passwd')")


@pytest.mark.parametrize("name", ODD_FOLDERS)
def test_a_data_folder_of_any_name_is_limited_to_itself_and_published(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "x.txt").write_text("x")
    with open_for_writing(folder / "leap.duckdb", data_folders(folder)) as connection:
        with pytest.raises(duckdb.PermissionException):
            connection.execute("from read_text('/etc/passwd')")
        connection.execute(
            """create schema leap_raw; create table leap_raw.rejected_line (
                log varchar, delivery_date date, reason varchar, source_file varchar, line_number bigint
            );
            create table leap_raw.delivery (delivery_date date)"""
        )
        publish(connection, folder / "published" / "leap.duckdb", "a run", currency="USD")
    assert (folder / "published" / "leap.duckdb").exists()


@pytest.mark.parametrize("name", ODD_FOLDERS)
def test_parquet_files_are_read_from_a_limited_folder_of_any_name(tmp_path, name):
    landing = tmp_path / name / "landing"
    path = landing / "signons" / "2025-01-10" / f"{name}.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"player_id": ["p"], "event_date_time": ["2025-01-10T12:00:00Z"]}), path)
    day = dt.date(2025, 1, 10)
    with open_for_writing(tmp_path / name / "leap.duckdb", data_folders(tmp_path / name)) as connection:
        (loaded,) = load_deliveries(connection, landing, [day], logs=["signons"], start_date=day, rates={})
    assert loaded.valid == 1


def test_limits_of_an_open_database_are_set_once(tmp_path):
    with open_for_writing(tmp_path / "x.duckdb", [tmp_path]) as first:
        limit_access(first, ["/"])
        with pytest.raises(duckdb.PermissionException):
            first.execute("from read_text('/etc/passwd')")


@pytest.mark.slow
def test_a_model_cannot_read_a_file_of_the_system(tmp_path):
    program = "select * from read_text('/etc/passwd')"
    command = [
        sys.executable,
        "-m",
        "leap_assets.dbt_child",
        "show",
        "--inline",
        program,
        "--project-dir",
        str(DBT_PROJECT_DIR),
        "--profiles-dir",
        str(DBT_PROJECT_DIR),
        "--target-path",
        str(tmp_path / "target"),
        "--log-path",
        str(tmp_path),
    ]
    environment = os.environ | {
        "DBT_LEAP_WAREHOUSE": str(tmp_path / "leap.duckdb"),
        "DBT_LEAP_WINDOW_START": "2025-01-01",
        "DBT_LEAP_WINDOW_END": "2025-01-02",
        "DBT_LEAP_START_DATE": "2025-01-01",
    }
    shown = subprocess.run(command, env=environment, cwd=PROJECT_DIR, capture_output=True, text=True)
    assert shown.returncode != 0
    assert "disabled by configuration" in shown.stdout
    assert "root:" not in shown.stdout
    fine = [program.replace(program, "select 41 + 1 as a") if part == program else part for part in command]
    shown = subprocess.run(fine, env=environment, cwd=PROJECT_DIR, capture_output=True, text=True)
    assert "42" in shown.stdout, shown.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's a b", "st*r[a]é"])
def test_a_delivery_of_odd_names_goes_through_load_dbt_and_publication(make_leap, tmp_path, name):
    leap = make_leap(data_dir=tmp_path / name / "data", source="landing")
    escape = "'; drop table leap_raw.delivery; --"
    player = {
        "player_id": escape,
        "event_date_time": "2025-01-01T10:00:00Z",
        "display_name": "{{ env_var('HOME') }}\u2028\x1c",
    }
    leap.landed("player", 1, f"{escape}\n{{{{x}}}}.ndjson").write_text(json.dumps(player) + "\n" + escape)
    columns = {
        "player_id": [escape],
        "event_date_time": ["2025-01-01T11:00:00Z"],
        escape: [1],
        "delivery_date": ["x"],
    }
    pq.write_table(pa.table(columns), leap.landed("signons", 1, "a'b[1]*?.parquet"))
    header = f'player_id,session_id,event_date_time,event_length_seconds,"{escape}"\n'
    leap.landed("session", 1, 'q"uote.csv').write_text(header + f"{escape},s,2025-01-01T12:00:00Z,60,x\n")
    assert leap.run(1).success
    with duckdb.connect(str(leap.settings.published_path), read_only=True) as published:
        assert published.execute("select player_id, display_name from leap_dim.dim_players").fetchall() == [
            (escape, player["display_name"])
        ]
        assert published.execute("select raw_line from leap_raw.rejected_line").fetchall() == [(escape,)]
    assert leap.query("select sum(received) from leap_raw.delivery") == [(4,)]


@pytest.mark.parametrize(
    "value", [f"ftp://{SECRET}", f"{SECRET} x", f"{SECRET}\nx", SECRET.replace("https", "é")]
)
def test_a_wrong_address_of_the_webhook_is_not_repeated(value):
    with pytest.raises(SettingsError) as refusal:
        load_settings({"LEAP_ALERT_WEBHOOK": value})
    assert "LEAP_ALERT_WEBHOOK=***" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_the_address_of_the_webhook_is_in_no_text_about_settings():
    settings = load_settings({"LEAP_ALERT_WEBHOOK": SECRET})
    assert settings.alert_webhook == SECRET
    shown = [
        repr(settings),
        str(settings),
        str(dataclasses.replace(settings, seed=1)),
        str(describe_settings()),
    ]
    assert not any("s3cret" in text for text in shown)


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError(f"cannot reach {SECRET}"),
        urllib.error.HTTPError(SECRET, 404, f"no {SECRET}", http.client.HTTPMessage(), None),
        http.client.InvalidURL(f"nonnumeric port: {SECRET}"),
        ValueError(SECRET),
        TimeoutError(SECRET),
        ConnectionRefusedError(111, "Connection refused"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_webhook_that_fails_is_told_of_without_its_address(monkeypatch, capfd, error):
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("urllib.request.urlopen", fail)

    @dg.op
    def breaks() -> None:
        raise RuntimeError("broken")

    @dg.job(hooks={build_failure_hook(SECRET)})
    def a_job() -> None:
        breaks()

    with dg.DagsterInstance.ephemeral() as instance:
        result = a_job.execute_in_process(instance=instance, raise_on_error=False)
        events = str(instance.all_logs(result.run_id))
        run = str(instance.get_run_by_id(result.run_id))
    said = capfd.readouterr()
    told = [line for line in said.err.splitlines() if "could not be posted" in line]
    assert len(told) == 1
    assert not any("s3cret" in text for text in (said.out, said.err, events, run))


def make(*arguments: str) -> str:
    return subprocess.run(
        ["make", "--dry-run", *arguments], cwd=PROJECT_DIR, capture_output=True, text=True, check=True
    ).stdout


def test_the_ui_listens_on_this_machine_alone_unless_told_otherwise():
    assert "dagster dev --host 127.0.0.1 --port 3000" in make("dev")
    assert "--host 0.0.0.0 " in make("dev", "HOST=0.0.0.0")
    pages = [PROJECT_DIR / "README.md", *(PROJECT_DIR / "docs").glob("*.md")]
    hosts = {host for page in pages for host in re.findall(r"--host[ =](\S+)", page.read_text())}
    assert hosts == {"127.0.0.1"}


def test_dependencies_are_audited_by_a_pinned_tool():
    command = make("audit")
    assert re.search(r'"pip-audit==[\d.]+"', command)
    assert "requirements.lock" in command


def test_what_is_protected_is_written_down():
    text = (PROJECT_DIR / "SECURITY.md").read_text()
    assert "LEAP_ALERT_WEBHOOK" in text
    assert Path(PROJECT_DIR / "README.md").read_text().count("SECURITY.md") >= 1
