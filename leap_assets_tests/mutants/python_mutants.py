"""Small wrong changes to the kernel, the ingestion and what surrounds them in Python, against the fast tests.

A change is a text that occurs once in its file, and what stands there instead. When the text is no longer found
exactly once, the command stops and says so: the list goes with the code.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from leap_assets.settings import PROJECT_DIR

from .trials import UNIT_TEST, Outcome

TIMEOUT_S = 600
KERNEL = ("leap_assets_tests/conflicts",)
DELIVERIES = (
    "leap_assets_tests/landing/test_records.py",
    "leap_assets_tests/landing/test_ingestion.py",
    "leap_assets_tests/landing/test_seeds.py",
    "leap_assets_tests/landing/test_values.py",
    "leap_assets_tests/landing/test_simulated_delivery.py",
)
LIMITS = ("leap_assets_tests/landing/test_thresholds.py",)
WINDOWS = ("leap_assets_tests/test_partitions.py",)
WAREHOUSE = ("leap_assets_tests/warehouse",)
COPIED = ("leap_assets", "leap_assets_tests", "dbt_project", "pyproject.toml", "README.md", "docs")

CHANGES: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "conflicts/_islands.py": (
        KERNEL,
        (
            ("parts.last_beat[:-1] > cooldown_beats", "parts.last_beat[:-1] >= cooldown_beats"),
            ("last = np.append(first[1:], len(parts)) - 1", "last = np.append(first[1:], len(parts) - 1)"),
            ("np.add.reduceat(parts.close_beats, first)", "np.maximum.reduceat(parts.close_beats, first)"),
            ("np.fmin.reduceat(parts.minima", "np.minimum.reduceat(parts.minima"),
            ("first_beat=parts.first_beat[first]", "first_beat=parts.first_beat[last]"),
            ("np.arange(1, len(self) + 1)", "np.arange(len(self))"),
            (
                "run_starts(parts.session, parts.member_1, parts.member_2)",
                "run_starts(parts.member_1, parts.member_2)",
            ),
            ("parts = _take(islands, np.argsort(key))", "parts = islands"),
        ),
    ),
    "conflicts/_pairs.py": (
        KERNEL,
        (
            ("near = np.flatnonzero(apart <= distance)", "near = np.flatnonzero(apart < distance)"),
            ("dx * dx + dy * dy + dz * dz", "dx * dx + dy * dy"),
            ("points.team[first] != points.team[second]", "points.member[first] != points.member[second]"),
            ("square <= largest_square", "square < distance * distance"),
            ("x[is_empty.T.ravel()] = np.nan", "x[is_empty.T.ravel()] = 0.0"),
            ("(0, y_step, x_step - y_step, x_step, x_step + y_step)", "(0, y_step, x_step - y_step, x_step)"),
            ("np.minimum(first, second), np.maximum(first, second), distance", "first, second, distance"),
            ("return np.minimum(first, second), np.maximum(first, second)", "return first, second"),
            ('last[begun], side="right"', 'last[begun], side="left"'),
            ("for k in range(1, slots)", "for k in range(1, slots - 1)"),
        ),
    ),
    "conflicts/_points.py": (
        KERNEL,
        (
            ("is_finite.all(axis=1)", "is_finite.any(axis=1)"),
            ("key = pack_keys(sessions, beats, members)", "key = pack_keys(sessions, beats, teams)"),
            ("math.isfinite(distance) and distance >= 0", "math.isfinite(distance) and distance > 0"),
            ("if not cooldown_beats >= 0:", "if cooldown_beats < 0:"),
        ),
    ),
    "conflicts/_keys.py": (
        KERNEL,
        (
            ("width = int(column.max()) - low + 1", "width = int(column.max()) - low"),
            ("larger &= column[1:] == column[:-1]", "larger |= column[1:] == column[:-1]"),
            ("is_start[:1] = True", "is_start[:1] = False"),
        ),
    ),
    "conflicts/conflicts.py": (
        KERNEL,
        (
            (
                "np.fmin(nearest[pairs], np.minimum.reduceat(apart, starts))",
                "np.minimum.reduceat(apart, starts)",
            ),
            ("min_centroid_distance=islands.minima[:, 0]", "min_centroid_distance=islands.minima[:, 1]"),
            ("teams.team[first], teams.team[second]", "teams.team[second], teams.team[first]"),
            ("players.beat[player_start]]", "players.beat[player_start] * 0]"),
            (
                'np.searchsorted(self.group_start, centroids, side="right") - 1',
                'np.searchsorted(self.group_start, centroids, side="left") - 1',
            ),
        ),
    ),
    "conflicts/_ranges.py": (
        KERNEL,
        (("count = np.maximum(stop - start, 0)", "count = np.maximum(stop - start - 1, 0)"),),
    ),
    "landing/validation.py": (
        DELIVERIES,
        (
            ("{time} > {early}", "{time} >= {early}"),
            ("started < {late}", "started <= {late}"),
            ("f\"started < date '{start_date}'\"", "f\"started <= date '{start_date}'\""),
            ("{name} > {session_max_s}", "{name} >= {session_max_s}"),
            ('guard = f"{name} < {column.minimum}"', 'guard = f"{name} <= {column.minimum}"'),
            ("round({bounded}::double * 1e6)", "round({bounded}::double) * 1000000"),
            ("session_max_s - 24 * 3600", "session_max_s"),
            ("not regexp_full_match({name}", "not regexp_matches({name}"),
            ("coalesce({rated_from} > event_date, true)", "coalesce({rated_from} > event_date, false)"),
            ("{rated_from} > event_date", "{rated_from} >= event_date"),
            ("started::date as event_date", "delivery_date as event_date"),
            (
                "not contains({value}, '_') then try_cast({value} as {sql_type})",
                "true then try_cast({value} as {sql_type})",
            ),
            (
                "return f\"make_timestamp(epoch_us({_usual(value, 'timestamptz')}))\"",
                "return f\"{_usual(value, 'timestamptz')}::timestamp\"",
            ),
            ("case when regexp_full_match({value}, '{TIME_FORM}') then", "case when true then"),
            ("contains({value}, 'UTC') then try_cast", "contains({value}, 'UTX') then try_cast"),
            ("{_has(column.required_for)} and {_raw(column.name)} is null", "{_raw(column.name)} is null"),
            ("return f\"nullif({value.sql}, '')\" if", 'return f"{value.sql}" if'),
            ("not between {column.minimum} and {column.maximum}", "> {column.maximum}"),
            ("{value} = 'NaN' or {value} = 'nan'", "{value} = 'NaN'"),
            ("when {value.sql} = try_cast({whole} as {value.physical}) then", "when true then"),
        ),
    ),
    "landing/seeds.py": (
        DELIVERIES,
        (
            ("first[rate.currency] = min(rate", "first[rate.currency] = max(rate"),
            ("if Decimal(value) > 0 else", "if Decimal(value) >= 0 else"),
            ("if value != value.strip():", "if False:"),
        ),
    ),
    "landing/relations.py": (
        DELIVERIES,
        (
            ("file_row_number + 1 as line_number", "file_row_number as line_number"),
            ('f"{fields[0]} is not null"', '"true"'),
            (
                "Value(fields[header.index(name)], is_text=True)",
                "Value(fields[header.index(name) - 1], is_text=True)",
            ),
            ("by_header.setdefault(header, [])", "by_header.setdefault((), [])"),
            ("_escape_glob(str(file.path))", "str(file.path)"),
            ("and record is not null as is_parsed", "as is_parsed"),
            (
                "schema.remove_metadata()), {})[file] = rows",
                "schema.remove_metadata()), {})[file] = rows + 1",
            ),
        ),
    ),
    "landing/records.py": (
        DELIVERIES,
        (
            ("yield _table(block, starts, first_line)", "yield _table(block, starts, 1)"),
            ("carried = data[starts[open_from] :]", 'carried = b""'),
            ("closing - first <= QUOTED_SPAN_LINES:", "closing - first < 1:"),
            (
                "fields is not None and len(fields) == n_fields:\n                spans",
                "fields:\n                spans",
            ),
            (
                "fields is not None and len(fields) == n_fields:\n            position",
                "fields:\n            position",
            ),
            ("is_record[row.number - 1] = False", "is_record[row.number - 2] = False"),
            (
                "position[np.flatnonzero(is_plain)[is_record]]",
                "position[np.flatnonzero(is_plain)[: len(plain)]]",
            ),
            ("""'"|\\r[^\\n]'""", """'"'"""),
            ("        if not is_headed and len(table):", "        if len(table):"),
            ("np.diff(starts) <= 2", "np.diff(starts) <= 1"),
            ('    if last := b"".join(rest):', '    if not (last := b"".join(rest)):'),
            ('elements.append("")', "pass"),
            ("block = block.removeprefix(BOM)", "block = block"),
        ),
    ),
    "landing/ingestion.py": (
        DELIVERIES,
        (
            (
                'f"delete from leap_raw.{contract.table} where delivery_date between ? and ?", window',
                '"select 1"',
            ),
            ("connection.rollback()", "connection.commit()"),
            ("out.get(file.source_file, 0) == lines", "out.get(file.source_file, 0) > 0"),
            ("lines >= WRONG_DAY_MIN_LINES", "lines > WRONG_DAY_MIN_LINES"),
            ("numbers[first:passed])] = False", "numbers[first:passed])] = True"),
            ("if count > loaded.get(file.source_file, 0)]", "if not loaded.get(file.source_file, 0)]"),
            ("lines >= REREAD_LINES or position", "position"),
            ("files=len(own)", "files=len(received)"),
            ('"where reason is not null"', '"where reason is not null and message is not null"'),
        ),
    ),
    "landing/files.py": (
        DELIVERIES,
        (
            ('name.startswith(".") or Path(name).suffix.lower() in UNFINISHED', 'name.startswith(".")'),
            ("suffix.lower() for suffix in path.suffixes", "suffix for suffix in path.suffixes"),
            ("paths = sorted(folder.iterdir())", "paths = sorted(folder.iterdir())[:1]"),
        ),
    ),
    "landing/thresholds.py": (
        LIMITS,
        (
            ("passed=share <= limit", "passed=share < limit"),
            (
                "group by all\n        )\n        select coalesce(lines, 0)",
                "group by all\n        )\n        select coalesce(lines, 1)",
            ),
            ("reason = 'wrong_type' group by all", "true group by all"),
            ("interval {24 + FUTURE_GRACE_H} hour", "interval {FUTURE_GRACE_H} hour"),
            (
                "contains(message, ' h after its delivery day')",
                "not contains(message, ' h after its delivery day')",
            ),
            ("count_if({column} is null)", "count_if({column} is not null)"),
        ),
    ),
    "partitions.py": (
        WINDOWS,
        (
            ("return (self.last - self.first).days + 1", "return (self.last - self.first).days"),
            ("if self.last < self.first:", "if self.last <= self.first:"),
            ("return self.last + dt.timedelta(days=1)", "return self.last"),
            ("dt.timedelta(days=LATE_DAYS + beside)", "dt.timedelta(days=LATE_DAYS)"),
            ("dt.timedelta(days=EARLY_DAYS + beside + 1)", "dt.timedelta(days=EARLY_DAYS + beside)"),
            ("math.ceil(", "math.floor("),
            ("Window(max(first, start_date)", "Window(first"),
        ),
    ),
    "warehouse/detection.py": (
        WAREHOUSE,
        (
            ("where event_date = ? and is_last_of_beat", "where event_date = ?"),
            ("order by code", "order by match_started_at desc"),
            ("where event_date = ? order by 1", "where event_date = ?"),
            (
                "delete from {SCHEMA}.{table} where event_date = ?",
                "delete from {SCHEMA}.{table} where event_date >= ?",
            ),
        ),
    ),
    "warehouse/match_day.py": (
        WAREHOUSE,
        (
            (
                '"conflict_end": day.at(found.session, found.last_beat + 1',
                '"conflict_end": day.at(found.session, found.last_beat',
            ),
            (
                "return round(self.cooldown_s * 1e6) // self.beat_us",
                "return int(self.cooldown_s // self.beat_s)",
            ),
            ('for axis in "xyz"', 'for axis in "xyx"'),
            ('"team_1_id": _named(day.teams, found.team_1)', '"team_1_id": _named(day.teams, found.team_2)'),
            ("return round(self.beat_s * 1e6)", "return int(self.beat_s) * 1_000_000"),
        ),
    ),
    "warehouse/connections.py": (WAREHOUSE, (("connection.rollback()", "connection.commit()"),)),
    "warehouse/publication.py": (
        WAREHOUSE,
        (
            ("where nth <= {REJECTED_PER_DAY}", "where nth < {REJECTED_PER_DAY}"),
            ("partition by log, delivery_date, reason order by", "partition by log, delivery_date order by"),
            ("and not contains(table_name, '__dbt_')", ""),
            ("    partial.replace(path)\n    return rows", "    return rows"),
            (
                '"detach published")\n    partial.chmod(0o444)',
                '"detach published")\n    partial.chmod(0o644)',
            ),
            ("    remove_database(partial)\n    connection.", "    connection."),
        ),
    ),
    "warehouse/counts.py": (
        WAREHOUSE,
        (
            ("between ? and ? group by all", "> ? and {day_column} <= ? group by all"),
            ('"dagster/partition_row_count": rows.get(day, 0)', '"dagster/partition_row_count": rows[day]'),
        ),
    ),
}


@dataclasses.dataclass(frozen=True)
class PythonMutant:
    """One text in the place of another in a file of `leap_assets`, and the tests that should mind."""

    number: int
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name for reports and for the list of survivors."""
        return f"{self.file}/{self.number}"

    @property
    def said(self) -> str:
        """The change in words."""
        return " ".join(f"{self.old} -> {self.new}".split())


def list_mutants() -> list[PythonMutant]:
    """All changes.

    Raises
    ------
    ValueError
        When a text is not found exactly once in its file.
    """
    mutants = [
        PythonMutant(number, file, old, new, tests)
        for file, (tests, changes) in CHANGES.items()
        for number, (old, new) in enumerate(changes)
    ]
    for mutant in mutants:
        found = (PROJECT_DIR / "leap_assets" / mutant.file).read_text().count(mutant.old)
        if found != 1:
            raise ValueError(
                f"leap_assets/{mutant.file} has {mutant.old!r} {found} times: it must be there once"
            )
    return mutants


def failing_unmutated(mutants: list[PythonMutant], folder: Path) -> list[str]:
    """The test files among those of some mutants that fail without any change."""
    tests = dict.fromkeys(path for mutant in mutants for path in mutant.tests)
    _copy_project(folder)
    failed = [path for path in tests if _run(folder, (path,)).returncode]
    shutil.rmtree(folder)
    return failed


def try_mutant(mutant: PythonMutant, folder: Path) -> Outcome:
    """Run the tests of a mutant in a copy of the project, up to the first that fails."""
    started = time.perf_counter()
    _copy_project(folder)
    path = folder / "leap_assets" / mutant.file
    path.write_text(path.read_text().replace(mutant.old, mutant.new))
    run = _run(folder, mutant.tests)
    shutil.rmtree(folder)
    caught: dict[str, tuple[str, ...]] = {}
    if run.returncode:
        failed = [line.split()[1] for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        caught[UNIT_TEST] = tuple(name.split("::")[-1] for name in failed) or (run.stdout[-200:],)
    return Outcome(
        name=mutant.name,
        model=mutant.file,
        said=mutant.said,
        caught_by=caught,
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


def _run(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    # no bytecode: a file changed within the second of its cache, to the same size, would be taken for the old one
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
    # conftest.py is for the tests of the graph: loading Dagster would take longer than most of these
    command = [sys.executable, "-m", "pytest", "--noconftest", *options, *tests]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, stdout="FAILED x::does_not_end")
