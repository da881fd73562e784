"""The benchmarks run, and do not print a time before all contenders told the same figures.

A tiny world: nothing here says anything about speed.
"""

import math
import subprocess
import sys

import pytest

from benchmarks import __main__ as benchmarks_main
from benchmarks.client_events import CONTENDERS, find_differences
from benchmarks.ingestion import NAMES, Cost, Measured, report
from benchmarks.measuring import Step
from benchmarks.plots import number, read_tables
from leap_assets.settings import PROJECT_DIR


def test_a_count_that_differs_a_cent_too_much_and_a_figure_that_lacks_are_differences():
    ours = {"dau 2025-01-01": 3, "purchases 2025-01-01": 1.5, "d7 2025-01-01": 1}
    assert find_differences(ours, dict(ours) | {"purchases 2025-01-01": 1.5000001}) == []
    assert find_differences(ours, dict(ours) | {"dau 2025-01-01": 4}) == ["dau 2025-01-01: 3 and 4"]
    assert find_differences(ours, dict(ours) | {"purchases 2025-01-01": 1.51}) == [
        "purchases 2025-01-01: 1.5 and 1.51"
    ]
    assert find_differences(ours, {name: ours[name] for name in list(ours)[:2]}) == [
        "d7 2025-01-01: 1 and None"
    ]
    assert find_differences({}, {"d7 2025-01-01": None}) == ["d7 2025-01-01: None and None"]


@pytest.mark.slow
def test_scripts_and_leap_tell_the_same_figures_of_client_events():
    pytest.importorskip("polars", reason="pip install --group bench")
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.client_events", "--lines", "5000", "--runs", "1"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    agreement, table = ended.stdout.split("\n\n", 1)
    assert "All contenders agree on " in agreement
    n_figures = int(agreement.rsplit("agree on ", 1)[1].split()[0])
    # 31 days with their four daily figures and nine types of events at least in part, and their cohorts
    assert n_figures > 300
    for contender in CONTENDERS.values():
        assert any(line.startswith(contender) for line in table.splitlines()), contender


@pytest.mark.slow
def test_the_bookkeeping_of_both_storages_is_measured():
    lines = run_benchmark("bookkeeping", "--shapes", "3x5", "--runs", "1")
    assert [line.split(" | ")[1] for line in lines if line.startswith("| 3 x 5 |")] == ["stock", "Leap"]


@pytest.mark.slow
def test_the_orchestration_is_measured_beside_dbt_and_a_plain_script():
    lines = run_benchmark("orchestration", "--players", "20", "--range", "2", "--days", "0", "--runs", "1")
    for name in ("one day, command line", "dbt build alone", "2 days, command line", "2 days, plain script"):
        assert any(line.startswith(f"| {name} |") for line in lines), name


@pytest.mark.slow
def test_a_bare_script_and_leap_stage_the_same_facts_of_every_log():
    agreement, _, *table = run_benchmark("ingestion", "--share", "0.002", "--runs", "1")
    assert agreement == "Leap and the script staged the same facts"
    for log in NAMES.values():
        assert sum(line.startswith(log) for line in table) == 2, log


@pytest.mark.slow
def test_all_of_them_run_in_one_go_and_are_written_down(tmp_path):
    pytest.importorskip("matplotlib")
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks",
            "--small",
            "--only",
            "bookkeeping",
            "storage",
            "--out",
            str(tmp_path),
        ],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    tables = read_tables((tmp_path / "results.md").read_text())
    assert set(tables) == {"bookkeeping", "storage"}
    sizes, times = tables["storage"]
    assert {row["log"] for row in sizes} == {row["log"] for row in times} == {"heartbeat", "client"}
    assert all(number(row["MB a million rows"]) > 0 for row in sizes)
    assert (tmp_path / "scale-storage.svg").read_text().startswith("<?xml")


def test_a_benchmark_that_fails_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(
        "sys.argv", ["benchmarks", "--small", "--only", "bookkeeping", "--out", str(tmp_path)]
    )
    monkeypatch.setitem(benchmarks_main.SMALL.steps, "bookkeeping", ["--shapes", "none"])
    assert benchmarks_main.main() == 1
    assert "Failed: bookkeeping." in capsys.readouterr().out


def test_tables_are_read_as_they_are_printed():
    first = "| a | b |\n| --- | --- |\n| 1,234 x | |\n"
    tables = read_tables(f"# Benchmarks\n\n## one\n\nsaid\n\n{first}\n| c |\n|---|\n| 2.5 |\n## two\n")
    assert tables == {"one": [[{"a": "1,234 x", "b": ""}], [{"c": "2.5"}]], "two": []}
    assert number(tables["one"][0][0]["a"]) == 1234
    assert math.isnan(number(""))


def run_benchmark(name: str, *arguments: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def test_a_ratio_is_that_of_medians_and_parts_of_leap_add_up():
    def step(wall: float, cpu: float, peak: float) -> Step:
        return Step(wall, peak, {"work": {"wall": wall, "cpu": cpu}})

    runs = [
        {"bare": step(1, 2, 100), "load": step(1, 1, 150), "stage": step(1, 2, 200)},
        {"bare": step(2, 4, 100), "load": step(2, 2, 250), "stage": step(2, 4, 200)},
        {"bare": step(9, 9, 100), "load": step(9, 9, 150), "stage": step(9, 9, 200)},
    ]
    assert Cost.of(runs, ["bare"]) == Cost(2, 4, 100)
    assert Cost.of(runs, ["load", "stage"]) == Cost(4, 6, 200)
    script, leap = report([Measured("client", 1000, runs)]).splitlines()[1:]
    assert script.split()[2:] == ["1,000", "script", "2.00", "500", "1.00", "4.00", "1.00", "100", "1.00"]
    assert leap.split()[2:11] == ["1,000", "Leap", "4.00", "250", "2.00", "6.00", "1.50", "200", "2.00"]
