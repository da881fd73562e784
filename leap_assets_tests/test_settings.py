"""Settings: what is accepted, what is refused, and what the refusal says."""

import datetime as dt
from pathlib import Path

import pytest

from leap_assets.settings import Settings, SettingsError, describe_settings, load_settings


def test_defaults_are_those_of_the_documentation():
    settings = load_settings({})
    assert settings.source == "simulator"
    assert settings.start_date == dt.date(2025, 1, 1)
    assert (settings.seed, settings.initial_players, settings.heartbeat_s) == (42, 1000, 30.0)
    assert (settings.conflict_distance, settings.conflict_cooldown_s) == (30.0, 60.0)
    assert settings.warehouse_path == Path("data").absolute() / "leap.duckdb"


def test_every_setting_can_be_set():
    settings = load_settings(
        {
            "LEAP_DATA_DIR": "/srv/leap",
            "LEAP_SOURCE": "landing",
            "LEAP_START_DATE": "2019-02-28",
            "LEAP_HEARTBEAT_S": "0.125",
            "LEAP_CURRENCY": "EUR",
            "LEAP_SIM_LATE_RATE": "0.5",
        }
    )
    assert settings.landing_dir == Path("/srv/leap/landing")
    assert settings.start_date == dt.date(2019, 2, 28)
    assert settings.heartbeat_s == 0.125
    assert settings.world.late_rate == 0.5


def test_an_empty_variable_counts_as_unset():
    assert load_settings({"LEAP_SEED": "", "LEAP_SIM_LATE_RATE": " "}).seed == 42


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LEAP_SEED", "x", "a whole number"),
        ("LEAP_SEED", "-1", "a whole number from 0"),
        ("LEAP_START_DATE", "01.02.2025", "a day such as 2025-01-01"),
        ("LEAP_SOURCE", "simulater", "'simulator' or 'landing'"),
        ("LEAP_HEARTBEAT_S", "0", "above 0"),
        ("LEAP_HEARTBEAT_S", "nan", "above 0"),
        ("LEAP_CONFLICT_DISTANCE", "-3", "a number from 0"),
        ("LEAP_CURRENCY", "dollar", "currency code"),
        ("LEAP_ALERT_WEBHOOK", "file:///etc/passwd", "http(s) address"),
        ("LEAP_HASH_KEY", "too short", "at least 16 characters"),
        ("LEAP_SIM_LATE_RATE", "often", "a number"),
        ("LEAP_SIM_LATE_RATE", "1.5", "late_rate"),
        ("LEAP_SEDE", "7", "Did you mean LEAP_SEED?"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_value_and_remedy(variable, value, said):
    with pytest.raises(SettingsError) as refusal:
        load_settings({variable: value})
    message = str(refusal.value)
    assert said in message
    assert variable in message or "LEAP_SIM_*" in message
    shown = "***" if variable in ("LEAP_ALERT_WEBHOOK", "LEAP_HASH_KEY") else value
    assert shown in message or said.startswith("Did you mean")


@pytest.mark.parametrize("char", ["?", "#"])
def test_a_data_folder_that_duckdb_or_dbt_would_misread_is_refused(tmp_path, monkeypatch, char):
    said = rf"LEAP_DATA_DIR=.* misread a path with \{char}.*Choose another folder"
    with pytest.raises(SettingsError, match=said):
        load_settings({"LEAP_DATA_DIR": f"/srv/what{char}/leap"})
    (tmp_path / char).mkdir()
    monkeypatch.chdir(tmp_path / char)
    with pytest.raises(SettingsError, match=said):
        load_settings({})


def test_every_setting_is_described():
    rows = describe_settings()
    assert len({name for name, _, _ in rows}) == len(rows)
    assert all(meaning for _, _, meaning in rows)


def test_names_that_are_too_long_for_a_file_are_no_source(tmp_path):
    with pytest.raises(SettingsError, match="LEAP_SOURCE='1000"):
        load_settings({"LEAP_SOURCES_DIR": "1" * 300, "LEAP_SOURCE": "1" + "0" * 300})


def test_a_mapped_source_is_a_folder_whose_mappings_are_its_logs(tmp_path):
    folder = tmp_path / "my_game"
    folder.mkdir()
    for name in ("source.toml", "session.sql", "player.sql"):
        (folder / name).touch()
    environ = {"LEAP_SOURCES_DIR": str(tmp_path), "LEAP_SOURCE": "my_game", "LEAP_DATA_DIR": "/srv/leap"}
    settings = load_settings(environ)
    assert settings.logs == ("player", "session")
    assert Settings(source="my_game", sources_dir=tmp_path).logs == ("player", "session")
    assert settings.delivered_dir == Path("/srv/leap/delivered")
    assert load_settings({**environ, "LEAP_DELIVERED_DIR": "/srv/x"}).delivered_dir == Path("/srv/x")
    with pytest.raises(SettingsError, match="Unset LEAP_LOGS"):
        load_settings({**environ, "LEAP_LOGS": "session"})
    with pytest.raises(SettingsError, match="Did you mean my_game") as refusal:
        load_settings({**environ, "LEAP_SOURCE": "mygame"})
    assert str(tmp_path) in str(refusal.value)
    with pytest.raises(SettingsError, match="name of a mapped source"):
        load_settings({**environ, "LEAP_SOURCE": "../my_game"})
