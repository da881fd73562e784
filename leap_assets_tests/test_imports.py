"""Imports point one way: numerics know nothing of orchestration, layers know only those below them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import leap_assets

ROOT = Path(leap_assets.__file__).parent
LAYERS = {
    # module -> what of Leap it may import
    "simulation": {"simulation"},
    "conflicts": {"conflicts"},
    "settings": {"settings", "simulation"},
    "partitions": {"partitions"},
    "dbt_child": {"dbt_child"},
    "landing": {"landing", "simulation"},
    "sources": {"sources", "landing", "settings", "partitions"},
    # of landing the contracts alone, which are data: see below
    "proofs": {"proofs", "landing", "simulation"},
    "warehouse": {"warehouse", "landing", "conflicts", "partitions", "proofs"},
    "retention": {"retention"},
    "simulated_day": {"simulated_day", "landing", "proofs", "simulation"},
    "resources": {
        "resources",
        "settings",
        "dbt_child",
        "retention",
        "warehouse",
        "landing",
        "partitions",
        "simulated_day",
        "simulation",
    },
}


def imported(path: Path) -> set[str]:
    """Modules of Leap that a file imports, by their first part behind leap_assets."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("leap_assets.")}
    return found


@pytest.mark.parametrize("module", LAYERS)
def test_a_layer_imports_only_what_lies_below(module):
    files = list((ROOT / module).rglob("*.py")) or [ROOT / f"{module}.py"]
    assert {name for path in files for name in imported(path)} <= LAYERS[module]


def test_the_second_opinion_shares_no_code_with_what_it_checks():
    lines = [line for path in (ROOT / "proofs").rglob("*.py") for line in path.read_text().splitlines()]
    imports = [line.strip() for line in lines if line.strip().startswith(("import ", "from "))]
    of_landing = {line.split()[1] for line in imports if "leap_assets.landing" in line}
    assert of_landing == {"leap_assets.landing.contracts"}
    assert not [line for line in imports if "duckdb" in line]


@pytest.mark.parametrize("package", ["leap_assets.simulation", "leap_assets.conflicts"])
def test_numerics_load_without_orchestration_and_databases(package):
    program = f"import sys, {package}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"dagster", "dbt", "duckdb", "pandas", "pyarrow"} & set(loaded.stdout.split())


def test_only_settings_read_the_environment():
    # the last is told by the run that started dbt
    writers = {
        "settings.py",
        "dbt_child.py",
        "resources.py",
        "materialization.py",
        "event_log.py",
        "dbt_plugin.py",
        "local_cluster.py",
    }
    readers = {path.name: path for path in ROOT.rglob("*.py") if "os.environ" in path.read_text()}
    assert set(readers) <= writers
    # the others hand an environment to a child process or are one, but take no setting from it
    for name in writers - {"settings.py"}:
        assert "LEAP_" not in "".join(
            line for line in readers[name].read_text().splitlines() if "environ" in line
        )
