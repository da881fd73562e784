"""The lock of writers, the world of a data folder, and dbt's small subclass."""

import json
import os
import subprocess
import sys
import textwrap
import time
from importlib.metadata import version

import dagster as dg
import duckdb
import pytest
from dagster._core.test_utils import create_run_for_test

from leap_assets.resources import (
    LeapDbt,
    RunLock,
    TooLittleMemoryError,
    UnusableFolderError,
    Warehouse,
    WrongWorldError,
    check_world,
    record_world,
    world_of,
)
from leap_assets.settings import Settings


def hold_lock(data_dir, seconds: float) -> subprocess.Popen[str]:
    """A process that takes the lock, says so, and holds it."""
    program = textwrap.dedent(
        f"""
        import time, pathlib
        from leap_assets.resources import RunLock
        lock = RunLock(pathlib.Path({str(data_dir)!r}), 10, print)
        lock.acquire("first")
        print("taken", flush=True)
        time.sleep({seconds})
        lock.release()
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "taken\n"
    return process


def test_a_second_writer_waits_and_says_for_whom(tmp_path):
    first = hold_lock(tmp_path, 1.5)
    said: list[str] = []
    lock = RunLock(tmp_path, 30, said.append)
    started = time.monotonic()
    died = lock.acquire("second")
    assert time.monotonic() - started > 0.5
    assert died is None
    assert len(said) == 1
    assert f"run first (process {first.pid}" in said[0]
    lock.release()
    first.communicate()


def test_the_lock_of_a_killed_writer_is_free_and_its_run_is_named(tmp_path):
    first = hold_lock(tmp_path, 60)
    first.kill()
    first.communicate()
    lock = RunLock(tmp_path, 5, print)
    assert lock.acquire("second") == "first"
    lock.release()
    assert lock.acquire("third") is None
    lock.release()


def test_waiting_ends_with_a_message(tmp_path):
    first = hold_lock(tmp_path, 60)
    with pytest.raises(TimeoutError, match=r"Gave up after 0 s .* run first .* LEAP_LOCK_TIMEOUT_S"):
        RunLock(tmp_path, 0.2, lambda sentence: None).acquire("second")
    first.kill()
    first.communicate()


def test_who_died_waiting_is_told_once_and_who_still_waits_is_not(tmp_path):
    first = hold_lock(tmp_path, 60)
    program = textwrap.dedent(
        f"""
        import pathlib, sys
        from leap_assets.resources import RunLock
        lock = RunLock(pathlib.Path({str(tmp_path)!r}), 600, lambda sentence: print("waits", flush=True))
        lock.acquire(sys.argv[1])
        print("taken", flush=True)
        input()
        lock.release()
        """
    )
    waiting = [
        subprocess.Popen(
            [sys.executable, "-c", program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("killed", "patient")
    ]
    killed, patient = waiting
    try:
        for process in waiting:
            assert process.stdout.readline() == "waits\n"
        killed.kill()
        killed.wait()
        lock = RunLock(tmp_path, 60, print)
        # the one who is served does not come into it: what counts is who holds a file
        assert lock.take_dead_waiters() == ["killed"]
        assert lock.take_dead_waiters() == []
        first.kill()
        assert patient.stdout.readline() == "taken\n"
        assert list((tmp_path / "leap.lock.waiting").iterdir()) == []
        patient.communicate("\n")
        assert lock.acquire("second") is None
        lock.release()
    finally:
        for process in (first, *waiting):
            process.kill()
            process.communicate()


def test_a_run_that_died_waiting_is_ended_by_the_next_one(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        killed = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
        (tmp_path / "leap.lock.waiting").mkdir()
        (tmp_path / "leap.lock.waiting" / f"{killed.run_id}.lock").touch()
        warehouse = Warehouse.from_settings(settings(tmp_path))
        with dg.build_init_resource_context(instance=instance) as context:
            warehouse.setup_for_execution(context)
            warehouse.teardown_after_execution(context)
        ended = instance.get_run_by_id(killed.run_id)
        assert ended
        assert ended.status == dg.DagsterRunStatus.FAILURE
    assert list((tmp_path / "leap.lock.waiting").iterdir()) == []


def settings(tmp_path, **changes) -> Settings:
    return Settings(data_dir=tmp_path, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 7}, "LEAP_SEED=42, but this run has LEAP_SEED=7"),
        ({"source": "landing"}, "LEAP_SOURCE=landing"),
        ({"initial_players": 5}, "LEAP_INITIAL_PLAYERS=5"),
        ({"simulation": {"late_rate": 0.5}}, "LEAP_SIM_LATE_RATE=0.5"),
        ({"currency": "EUR"}, "make rebuild"),
        ({"conflict_distance": 50.0}, "make rebuild"),
    ],
)
def test_another_world_in_the_same_folder_is_refused(tmp_path, changes, said):
    record_world(tmp_path, world_of(settings(tmp_path)))
    check_world(tmp_path, world_of(settings(tmp_path)))
    with pytest.raises(WrongWorldError) as refusal:
        check_world(tmp_path, world_of(settings(tmp_path, **changes)))
    assert said in str(refusal.value)
    assert "LEAP_DATA_DIR" in str(refusal.value)


def test_a_rebuild_may_change_the_model_but_not_the_world(tmp_path):
    record_world(tmp_path, world_of(settings(tmp_path)))
    check_world(tmp_path, world_of(settings(tmp_path, currency="EUR")), rebuilding=True)
    with pytest.raises(WrongWorldError):
        check_world(tmp_path, world_of(settings(tmp_path, seed=7)), rebuilding=True)


def test_settings_of_the_simulator_do_not_matter_to_another_source(tmp_path):
    record_world(tmp_path, world_of(settings(tmp_path, source="landing")))
    check_world(tmp_path, world_of(settings(tmp_path, source="landing", seed=7, initial_players=3)))


def test_a_connection_is_closed_when_the_body_raises(tmp_path):
    warehouse = Warehouse.from_settings(settings(tmp_path))
    with pytest.raises(RuntimeError, match="boom"), warehouse.get_connection() as connection:
        raise RuntimeError("boom")
    with pytest.raises(Exception, match="closed"):
        connection.execute("select 1")


def test_dbt_is_not_asked_for_its_version(tmp_path):
    dbt = LeapDbt.from_settings(settings(tmp_path))
    # a private name of dagster-dbt: this fails when an upgrade takes it away, and the version probe would be back
    assert str(dbt._cli_version) == version("dbt-core")
    assert "_cli_version" in vars(LeapDbt.__mro__[1])
    assert "_initialize_dbt_core_adapter" in vars(LeapDbt.__mro__[1])


@pytest.mark.slow
def test_the_project_is_parsed_once_for_all_data_folders(tmp_path, monkeypatch):
    told = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        dbt = LeapDbt.from_settings(settings(folder))
        for variable, value in dbt.environment.items():
            monkeypatch.setenv(variable, value)
        command = [dbt.dbt_executable, "parse", "--no-write-json", "--target-path", str(tmp_path / "target")]
        command += ["--project-dir", dbt.project_dir, "--profiles-dir", dbt.profiles_dir]
        command += ["--log-path", str(tmp_path)]
        told.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert "Unable to do partial parsing because saved manifest not found" in told[0]
    assert "Unable to do partial parsing" not in told[1]


def test_the_dbt_child_dies_with_its_parent(tmp_path):
    child = textwrap.dedent(
        """
        import os, time
        from leap_assets.dbt_child import die_with_parent
        die_with_parent(os.getppid())
        print(os.getpid(), flush=True)
        time.sleep(60)
        """
    )
    parent = textwrap.dedent(
        f"""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE, text=True)
        print(child.stdout.readline().strip(), flush=True)
        time.sleep(60)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    pid = int(process.stdout.readline())
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - /proc is Linux
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except FileNotFoundError:
            return
        time.sleep(0.05)
    os.kill(pid, 9)
    pytest.fail("the child outlived its parent")


def test_the_record_of_the_world_is_readable(tmp_path):
    record_world(tmp_path, world_of(settings(tmp_path)))
    assert json.loads((tmp_path / "world.json").read_text())["world"]["LEAP_SEED"] == "42"


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ('IO Error: Could not write file "x": No space left on device', "Free space"),
        ("TransactionContext Error: Failed to commit: File too large", "ulimit -f"),
        ("IO Error: Cannot open file: Permission denied", "LEAP_DATA_DIR"),
    ],
)
def test_a_full_or_forbidden_disk_is_told_with_what_to_do(tmp_path, said, remedy):
    explained = Warehouse.from_settings(settings(tmp_path)).errors_explained
    # the error that follows hides the one that explains it
    hidden = duckdb.Error("Cannot detach database")
    hidden.__context__ = duckdb.IOException(said)
    with pytest.raises(UnusableFolderError) as told, explained():
        raise hidden
    assert remedy in str(told.value)
    assert "run the days of this run again" in str(told.value)
    with pytest.raises(duckdb.Error, match="of another kind"), explained():
        raise duckdb.Error("of another kind")


def test_too_little_memory_is_told_with_the_setting(tmp_path):
    warehouse = Warehouse.from_settings(settings(tmp_path, memory_limit="20MB"))
    with (
        pytest.raises(
            TooLittleMemoryError, match=r"LEAP_MEMORY_LIMIT=20MB .* run the days of this run again"
        ),
        warehouse.get_connection() as connection,
    ):
        connection.execute("select list(i) from range(10000000) as numbers(i)")


def test_what_a_killed_run_left_on_disk_is_removed(tmp_path):
    warehouse = Warehouse.from_settings(settings(tmp_path))
    (tmp_path / "leap.duckdb.tmp").mkdir()
    (tmp_path / "leap.duckdb.tmp" / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(bytes(100))
    with dg.build_init_resource_context() as context:
        warehouse.setup_for_execution(context)
        warehouse.teardown_after_execution(context)
    assert not (tmp_path / "leap.duckdb.tmp").exists()


def test_a_refused_run_still_ends_the_one_that_was_killed(tmp_path):
    record_world(tmp_path, world_of(settings(tmp_path)))
    with dg.DagsterInstance.ephemeral() as instance:
        killed = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
        (tmp_path / "leap.lock.json").write_text(json.dumps({"run_id": killed.run_id}))
        refused = Warehouse.from_settings(settings(tmp_path, seed=7))
        with (
            dg.build_init_resource_context(instance=instance) as context,
            pytest.raises(WrongWorldError),
        ):
            refused.setup_for_execution(context)
        ended = instance.get_run_by_id(killed.run_id)
        assert ended
        assert ended.status == dg.DagsterRunStatus.FAILURE


def test_another_set_of_mappings_is_refused_with_the_remedy_of_a_mapped_source(tmp_path):
    record_world(tmp_path, world_of(settings(tmp_path, source="my_game", logs=("client",))))
    wanted = world_of(settings(tmp_path, source="my_game", logs=("player", "client")))
    with pytest.raises(
        WrongWorldError, match=r"mappings of the logs client.*has player,client now.*make rebuild"
    ):
        check_world(tmp_path, wanted)
    check_world(tmp_path, wanted, rebuilding=True)
