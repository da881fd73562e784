"""Wrong changes that once survived a run over the simulated world, one by one, against the hostile worlds.

Each is a text that occurs once in a file of the project: of a model, a macro, a seed or the Python. It is tried in a
copy of the project, on the cases made by hand, whose values no part of the product computes.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from leap_assets.settings import PROJECT_DIR
from leap_assets_tests.hostile.running import CACHE

from .checks import HOSTILE
from .python_mutants import COPIED, TIMEOUT_S
from .trials import UNIT_TEST, Outcome

CASES = "leap_assets_tests/hostile/test_cases.py"
# Random orders of days take the longest of all, and `test_a_window_may_end_at_any_day` has one that is none.
WITHOUT_ORDERS = "not any_order"
MODELS, MARTS = "dbt_project/models/staging", "dbt_project/models/marts"
SEEDS = "dbt_project/seeds"

CHANGES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "an inferred session ignores session_end": (
        f"{MODELS}/fact_session.sql",
        "neighbours.previous_is_end = 0\n            and ",
        "",
        (),
    ),
    "a silence of four hours": (
        f"{MODELS}/fact_session.sql",
        "neighbours.happened_at < {{ dbt.dateadd('minute', 30, 'neighbours.previous_at') }}",
        "neighbours.happened_at < {{ dbt.dateadd('minute', 240, 'neighbours.previous_at') }}",
        (),
    ),
    "rolling retention is cut at age 89": (
        f"{MARTS}/cohort_retention.sql",
        "least(last_age, 90) as age",
        "least(last_age, 89) as age",
        (),
    ),
    "a wrong rate in the seed": (
        f"{SEEDS}/exchange_rates.csv",
        "SEK,2000-01-01,0.0950000000",
        "SEK,2000-01-01,0.0960000000",
        (),
    ),
    "a test account is missing from the seed": (
        f"{SEEDS}/internal_accounts.csv",
        "7d037039-4d1b-4dd8-adee-ebf81d90f3a6\n",
        "",
        (),
    ),
    "level results after midnight are lost": (
        f"{MARTS}/level_funnel_daily.sql",
        "in_window('events.event_date', days_after=1)",
        "in_window('events.event_date')",
        (),
    ),
    "level results of another day are lost": (
        f"{MARTS}/level_funnel_daily.sql",
        "next_date <= event_date + 1",
        "next_date <= event_date",
        (),
    ),
    "offsets are dropped": (
        "leap_assets/landing/validation.py",
        """    return _utc(f"case when regexp_full_match({value}, '{TIME_FORM}') then {read} end")""",
        """    written = f"regexp_replace({written}, '[+-][0-9:]+$', 'Z')"
    read = f"try_cast({written} as timestamptz)"
    return _utc(f"case when regexp_full_match({value}, '{TIME_FORM}') then {read} end")""",
        ("leap_assets_tests/landing/test_ingestion.py",),
    ),
    "lateness is judged by a session's end": (
        "leap_assets/landing/validation.py",
        'f"started < {late}"',
        'f"{time} < {late}"',
        ("leap_assets_tests/landing/test_ingestion.py",),
    ),
    "an early limit of 48 hours": (
        "leap_assets/landing/contracts.py",
        "EARLY_LIMIT_H = 24",
        "EARLY_LIMIT_H = 48",
        ("leap_assets_tests/landing/test_ingestion.py",),
    ),
    "the last registration instead of the first": (
        "dbt_project/models/dimensions/dim_players.sql",
        "min(lines.event_date) as event_date",
        "max(lines.event_date) as event_date",
        (),
    ),
    "the attributes of the last registration": (
        "dbt_project/models/dimensions/dim_players.sql",
        "min(case when {{ attribute }} is not null then number end)",
        "max(case when {{ attribute }} is not null then number end)",
        (),
    ),
    "a gap between prices": (
        "dbt_project/models/dimensions/dim_products.sql",
        "lead(valid_from) over (partition by purchase_item order by valid_from) as valid_to",
        "lead(valid_from) over (partition by purchase_item order by valid_from) - 1 as valid_to",
        (),
    ),
    "weeks of the calendar's year": (
        "dbt_project/macros/iso_year.sql",
        "{{ week_start }} + 3",
        "{{ week_start }}",
        (),
    ),
    "the first position of a beat": (
        f"{MODELS}/event_heartbeat.sql",
        "max(event_date_time) as last_fix_at",
        "min(event_date_time) as last_fix_at",
        (),
    ),
    "players without a team are one team": (
        f"{MODELS}/event_heartbeat.sql",
        "then 'player:' || fixes.player_id",
        "then 'player:'",
        (),
    ),
    "closer than the distance": (
        "leap_assets/conflicts/_pairs.py",
        "near = np.flatnonzero(apart <= distance)",
        "near = np.flatnonzero(apart < distance)",
        ("leap_assets_tests/conflicts",),
    ),
    "a rate holds a day late": (
        "dbt_project/macros/with_rates.sql",
        "event_date >= rates.valid_from\n            and {{ lines }}.event_date < rates.valid_until",
        "event_date > rates.valid_from\n            and {{ lines }}.event_date <= rates.valid_until",
        (),
    ),
    "monthly players of 28 days": (
        f"{MARTS}/kpi_daily_by_segment.sql",
        "least(event_date + 30, coalesce(next_date, event_date + 30)) as event_date",
        "least(event_date + 28, coalesce(next_date, event_date + 28)) as event_date",
        (),
    ),
    "a funnel of 15 days": (
        f"{MARTS}/conversion_funnel.sql",
        "{{ dbt.dateadd('day', 14, 'cast(players.acquired_on as timestamp)') }} as closed_at",
        "{{ dbt.dateadd('day', 15, 'cast(players.acquired_on as timestamp)') }} as closed_at",
        (),
    ),
}


@dataclasses.dataclass(frozen=True)
class NamedMutant:
    """A change with a name, and the fast tests that may mind beside the cases."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def said(self) -> str:
        """The change in words."""
        return " ".join(f"{self.old} -> {self.new}".split())


def list_mutants() -> list[NamedMutant]:
    """All of them.

    Raises
    ------
    ValueError
        When a text is not found exactly once in its file.
    """
    mutants = [NamedMutant(name, *change) for name, change in CHANGES.items()]
    for mutant in mutants:
        found = (PROJECT_DIR / mutant.file).read_text().count(mutant.old)
        if found != 1:
            raise ValueError(f"{mutant.file} has {mutant.old!r} {found} times: it must be there once")
    return mutants


def failing_unmutated(folder: Path) -> list[str]:
    """The cases that fail without any change."""
    _copy_project(folder)
    failed = _failed(folder, (CASES,))
    shutil.rmtree(folder)
    return failed


def try_mutant(mutant: NamedMutant, folder: Path) -> Outcome:
    """Run the cases with a mutant in a copy of the project, and the fast tests of what it changes."""
    started = time.perf_counter()
    _copy_project(folder)
    path = folder / mutant.file
    path.write_text(path.read_text().replace(mutant.old, mutant.new))
    caught = {HOSTILE: tuple(_failed(folder, (CASES,)))}
    if mutant.tests:
        caught[UNIT_TEST] = tuple(_failed(folder, mutant.tests))
    shutil.rmtree(folder)
    return Outcome(
        name=mutant.name,
        model=mutant.file,
        said=mutant.said,
        caught_by={kind: names for kind, names in caught.items() if names},
        same_in=(),
        seconds=time.perf_counter() - started,
    )


def _copy_project(folder: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__", "target", "images")
    for name in COPIED:
        source = PROJECT_DIR / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        elif source.exists():
            shutil.copy(source, folder / name)
    # What dbt compiled holds for the copy as long as no model changes in it.
    if CACHE.exists():
        shutil.copytree(CACHE, folder / CACHE.relative_to(PROJECT_DIR))


def _failed(folder: Path, tests: tuple[str, ...]) -> list[str]:
    """Names of the tests that fail; of many, all in one call."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    selected = ["-k", WITHOUT_ORDERS] if tests == (CASES,) else ["-m", "not slow"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--noconftest",
        "-q",
        "-p",
        "no:cacheprovider",
        *selected,
        *tests,
    ]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ["does_not_end"]
    failed = [
        line.split(" - ")[0] for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
    ]
    if run.returncode and not failed:
        return [run.stdout[-200:]]
    return [
        name.split("::", 1)[-1].removeprefix("test_what_was_worked_out_by_hand_comes_out") for name in failed
    ]
