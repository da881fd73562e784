"""The promises of the architecture, each tried on the real graph: Dagster, dbt and DuckDB, nothing mocked."""

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from leap_assets_tests.conftest import DAYS, as_day, differing_tables

pytestmark = pytest.mark.slow


@pytest.mark.smoke
def test_days_in_any_order_and_twice_give_the_same_warehouse(clean, make_leap):
    leap = make_leap()
    for first, last in [(5, 5), (2, 3), (1, 1), (2, 2), (4, 4)]:
        leap.run(first, last)
    assert differing_tables(clean, leap) == {}


def test_a_line_delivered_late_gives_what_it_would_have_given_in_time(clean, make_leap):
    leap = make_leap()
    late = leap.settings.landing_dir / "session" / as_day(3).isoformat() / "simulated.ndjson"
    leap.run(1, DAYS)
    aside = late.with_suffix(".aside")
    late.rename(aside.with_name(".aside"))
    leap.run(3, select="not group:generators")
    assert "leap_stage.fact_session" in differing_tables(clean, leap)
    aside.with_name(".aside").rename(late)
    leap.run(3, select="not group:generators")
    assert differing_tables(clean, leap) == {}


def test_an_emptied_or_shrunk_delivery_clears_its_rows(make_leap):
    leap = make_leap()
    leap.run(1, 3)
    path = leap.settings.landing_dir / "session" / as_day(2).isoformat() / "simulated.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    leap.run(2, select="not group:generators")
    count = "select count(*) from leap_raw.event_session where delivery_date = ?"
    assert leap.query(count, [as_day(2)])[0][0] <= 3
    path.unlink()
    leap.run(2, select="not group:generators")
    assert leap.query(count, [as_day(2)]) == [(0,)]
    fresh = make_leap()
    fresh.run(1, 3, select="group:generators")
    (fresh.settings.landing_dir / "session" / as_day(2).isoformat() / "simulated.ndjson").unlink()
    fresh.run(1, 3, select="not group:generators")
    assert differing_tables(fresh, leap) == {}


@pytest.mark.smoke
def test_a_run_whose_parent_alone_is_killed_in_dbt_leaves_nothing_behind(make_leap):
    leap = make_leap()
    leap.run(1)
    process = leap.start("--select", "*", "--partition", "2025-01-02")
    try:
        child = wait_for_child(process.pid, "leap-dbt")
        # in the middle of dbt's work, not of its start
        wait_until(lambda: child_lock_is_held(leap.settings.data_dir), "dbt to take its lock")
        time.sleep(2)
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(child), "dbt to die with its parent")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    again = leap.start("--select", "*", "--partition", "2025-01-02")
    output, _ = again.communicate()
    assert again.returncode == 0, output
    whole = make_leap()
    whole.run(1, 2)
    assert differing_tables(whole, leap) == {}


@pytest.mark.smoke
def test_two_runs_at_once_queue_and_both_succeed(make_leap):
    leap = make_leap()
    runs = [leap.start("--select", "*", "--partition", f"2025-01-0{day}") for day in (1, 2)]
    outputs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert sum("Waiting for" in output for output in outputs) == 1
    whole = make_leap()
    whole.run(1, 2)
    assert differing_tables(whole, leap) == {}


def test_readers_of_the_published_file_never_wait_and_see_one_state(make_leap):
    leap = make_leap()
    leap.run(1)
    path = leap.settings.published_path
    query = """select (select count(*) from leap_dim.dim_dates where is_loaded),
        (select count(distinct delivery_date) from leap_mart.ingestion_daily)"""
    seen = set()
    run = leap.start("--select", "*", "--partition", "2025-01-02")
    with ThreadPoolExecutor() as executor:
        # somebody has to read what the run says, or it stops when the pipe is full
        ended = executor.submit(run.communicate)
        while not ended.done():
            with duckdb.connect(str(path), read_only=True) as reader:
                seen.add(reader.execute(query).fetchall()[0])
            time.sleep(0.02)
    assert run.returncode == 0, ended.result()[0]
    with duckdb.connect(str(path), read_only=True) as reader:
        seen.add(reader.execute(query).fetchall()[0])
    assert seen == {(1, 1), (2, 2)}


def test_nothing_is_published_when_a_check_fails(make_leap):
    leap = make_leap()
    leap.run(1)
    path = leap.settings.published_path
    before = (path.stat().st_ino, path.stat().st_mtime_ns)
    with duckdb.connect(str(leap.settings.warehouse_path)) as connection:
        connection.execute("update leap_raw.delivery set received = received + 1 where log = 'session'")
    result = leap.run(1, select="not group:generators and not group:raw", raise_on_error=False)
    assert not result.success
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before


def test_another_seed_in_the_same_data_folder_is_refused_and_changes_nothing(clean, make_leap):
    other = make_leap(data_dir=clean.settings.data_dir, seed=7)
    before = state_of(clean.settings.data_dir)
    run = other.start("--select", "*", "--partition", "2025-01-01")
    output, _ = run.communicate()
    assert run.returncode != 0
    assert "LEAP_SEED=42, but this run has LEAP_SEED=7" in output
    assert "LEAP_DATA_DIR" in output
    assert state_of(clean.settings.data_dir) == before


def test_a_reversed_range_is_said(clean):
    run = clean.start("--select", "*", "--partition-range", "2025-01-03...2025-01-01")
    output, _ = run.communicate()
    assert "selects no day" in output
    assert run.returncode != 0


def test_a_rebuild_gives_the_same_warehouse(clean, make_leap):
    leap = make_leap()
    leap.run(1, DAYS)
    rebuilding = make_leap(data_dir=leap.settings.data_dir, rebuild=True)
    rebuilding.run(1, DAYS, select="not group:generators")
    assert not rebuilding.settings.written_path.exists()
    assert differing_tables(clean, leap) == {}


def wait_until(condition, what: str, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.05)


def wait_for_child(parent: int, program: str) -> int:
    found: list[int] = []

    def look() -> bool:
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                status = (path / "stat").read_text().rpartition(")")[2].split()
                if int(status[1]) == parent and program in (path / "cmdline").read_text():
                    found.append(int(path.name))
        return bool(found)

    wait_until(look, f"a child {program}")
    return found[0]


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def child_lock_is_held(data_dir: Path) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(data_dir / "leap.dbt.lock", timeout=0):
            return False
    except Timeout:
        return True


def state_of(data_dir: Path) -> dict[str, tuple[int, int]]:
    files = [path for path in data_dir.rglob("*") if path.is_file() and "dagster" not in path.parts]
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files if "lock" not in path.name
    }
