"""The world knows nothing of orchestration, warehouses or data frames."""

import subprocess
import sys


def test_importing_the_simulation_loads_no_dagster_dbt_duckdb_or_pandas():
    code = (
        "import sys, leap_assets.simulation as simulation; assert simulation.World; "
        "print(*sorted({'dagster', 'dbt', 'duckdb', 'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
