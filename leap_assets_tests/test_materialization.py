"""What a person is told of a run's log."""

import pytest

from leap_assets.materialization import retell

HEAD = "2026-01-01 00:00:00 +0000 - dagster - "


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            f'{HEAD}DEBUG - __ASSET_JOB - 0d55 - 62 - load - STEP_START - Started execution of step "load".\n',
            "loading the deliveries",
        ),
        (f"{HEAD}INFO - __ASSET_JOB - 0d55 - load - Read 5 lines\n", "  Read 5 lines"),
        (f"{HEAD}WARNING - __ASSET_JOB - 0d55 - load - x is empty\n", "  WARNING: x is empty"),
        (f"{HEAD}DEBUG - __ASSET_JOB - 0d55 - 62 - ENGINE_EVENT - Executing steps\n", None),
        ("Done. PASS=49 WARN=1 ERROR=0 SKIP=0\n", "  49 models and tests passed, 1 warned, 0 failed"),
        (f"{HEAD}INFO - __ASSET_JOB - 0d55 - Waiting for run x\n", "  Waiting for run x"),
        ("1 of 49 START sql incremental model\n", None),
    ],
)
def test_a_log_line_is_retold_or_left_out(line, told):
    assert retell(line) == told
