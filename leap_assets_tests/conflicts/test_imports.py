"""The kernel knows nothing of orchestration, warehouses or data frames."""

import subprocess
import sys


def test_importing_the_kernel_loads_no_dagster_dbt_duckdb_or_pandas():
    code = (
        "import sys, leap_assets.conflicts as kernel; assert kernel.detect_conflicts; "
        "print(*sorted({'dagster', 'dbt', 'duckdb', 'pandas', 'pyarrow', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
