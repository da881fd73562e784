"""Benchmark: who met whom, by Leap's kernel on one core, by DuckDB's self-join on two, by SciPy's cKDTree on one.

`python -m benchmarks.conflicts` lets each contender work on the same seeded crowds in processes of its own, in turn,
and compares what they found before it prints a time. What is measured, and how the contenders differ, is told in
benchmarks/README.md.
"""

import argparse
import dataclasses
import importlib.util
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import (
    BenchmarkError,
    Step,
    Stopwatch,
    machine_line,
    markdown,
    peak_mb,
    reset_peak,
    run_step,
)

LEAP, DUCKDB, KDTREE = "Leap", "DuckDB", "cKDTree"
THREADS = {LEAP: 1, DUCKDB: 2, KDTREE: 1}
COOLDOWN_BEATS = 2
SEED = 1
TASKS = {"pairs": (LEAP, DUCKDB, KDTREE), "contacts": (LEAP, DUCKDB), "conflicts": (LEAP, DUCKDB)}
# the close pairs alone; and with them the islands of the table of that name
LONGEST_REPEATED_S = 20.0
# whoever takes longer runs once
FEWEST_BEATS = 2
# of a crowd that DuckDB is spared


@dataclasses.dataclass(frozen=True)
class Case:
    """Matches at full scale: points uniform in a cube, the same number in every beat."""

    name: str
    players: int
    teams: int
    beats: int
    beats_a_match: int
    cube: float
    distance: float
    spares_duckdb: bool = False


CASES = {
    case.name: case
    for case in (
        Case("matches of 10", 10, 2, 240_000, 20, 200.0, 30.0),
        Case("matches of 100", 100, 10, 24_000, 20, 2_000.0, 50.0),
        Case("crowds of 3,000", 3_000, 100, 240, 20, 10_000.0, 50.0),
        Case("20,000 in one place", 20_000, 1_000, 36, 36, 2_000.0, 50.0, spares_duckdb=True),
    )
}


def make_fixes(case: Case) -> dict[str, Any]:
    """Make the heartbeats of a case, sorted by session, beat and player as a warehouse keeps them."""
    import numpy as np

    rows = np.arange(case.beats * case.players)
    group, place = np.divmod(rows, case.players)
    session, beat = np.divmod(group, case.beats_a_match)
    half = case.cube / 2
    return {
        "session": session,
        "team": place % case.teams,
        "player": place,
        "beat": beat,
        "position": np.random.default_rng(SEED).uniform(-half, half, (len(rows), 3)),
    }


def make_centroids(fixes: Mapping[str, Any]) -> dict[str, Any]:
    """Make the teams' mean positions a beat."""
    import numpy as np

    keys = np.stack([fixes["session"], fixes["beat"], fixes["team"]])
    span = keys.max(axis=1) + 1
    key, team_of = np.unique((keys[0] * span[1] + keys[1]) * span[2] + keys[2], return_inverse=True)
    count = np.bincount(team_of)
    group, team = np.divmod(key, span[2])
    session, beat = np.divmod(group, span[1])
    sums = [np.bincount(team_of, fixes["position"][:, axis]) for axis in range(3)]
    return {
        "session": session,
        "team": team,
        "beat": beat,
        "centroid": np.column_stack(sums) / count[:, None],
    }


def describe_found(found: Mapping[str, Any], measures: Sequence[str]) -> dict[str, Any]:
    """Tell rows so that two contenders can be compared: a digest of the whole numbers, and sums of the measures."""
    import hashlib

    import numpy as np

    codes = [np.asarray(values, dtype=np.int64) for name, values in found.items() if name not in measures]
    order = np.lexsort(codes[::-1])
    digest = hashlib.sha256(b"".join(column[order].tobytes() for column in codes)).hexdigest()
    sums = {name: float(np.nansum(np.asarray(found[name], dtype=np.float64))) for name in measures}
    return {"rows": len(order), "digest": digest} | sums


def run_leap(task: str, case: Case, fixes: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """Leap: arrays in, arrays out; pairs through the parts of the kernel that find them."""
    import numpy as np

    from leap_assets.conflicts import detect_conflicts, detect_contacts
    from leap_assets.conflicts._pairs import find_close_pairs
    from leap_assets.conflicts._points import read_points

    rule = {"distance": case.distance, "cooldown_beats": COOLDOWN_BEATS}
    if task == "pairs":
        names = {name: name for name in ("session", "beat", "member", "team", "position")}
        watch = Stopwatch()
        points = read_points(
            session=fixes["session"],
            beat=fixes["beat"],
            member=fixes["player"],
            team=fixes["team"],
            position=fixes["position"],
            names=names,
        )
        parts = list(find_close_pairs(points, case.distance))
        first, second, apart = (np.concatenate(column) for column in zip(*parts, strict=True))
        work = watch.read()
        return work, {"first": first, "second": second, "distance": apart}
    if task == "contacts":
        watch = Stopwatch()
        contacts = detect_contacts(**fixes, **rule)
        return watch.read(), vars(contacts)
    centroids = make_centroids(fixes)
    players = {f"player_{name}": fixes[name] for name in ("session", "team", "beat")}
    watch = Stopwatch()
    conflicts = detect_conflicts(
        **centroids, **players, player=fixes["player"], position=fixes["position"], **rule
    )
    return watch.read(), vars(conflicts)


def run_kdtree(task: str, case: Case, fixes: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """SciPy: one tree of all beats, in a fourth dimension far apart; opponents are sorted out behind it."""
    import numpy as np
    from scipy.spatial import cKDTree

    watch = Stopwatch()
    position = fixes["position"]
    group = (fixes["session"] * case.beats_a_match + fixes["beat"]) * (4 * case.distance)
    tree = cKDTree(np.column_stack([position, group]))
    pairs = tree.query_pairs(case.distance, output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    is_opposed = fixes["team"][first] != fixes["team"][second]
    first, second = first[is_opposed], second[is_opposed]
    difference = position[first] - position[second]
    apart = np.sqrt((difference * difference).sum(axis=1))
    return watch.read(), {"first": first, "second": second, "distance": apart}


def _distance(one: str, other: str, names: str = "xyz") -> str:
    return f"sqrt({' + '.join(f'({one}.{n} - {other}.{n}) * ({one}.{n} - {other}.{n})' for n in names)})"


_ISLANDS = """
    begun as (
        select *, beat - lag(beat) over pair > {cooldown} as is_new from close
        window pair as (partition by session, one, other order by beat)
    ),
    numbered as (
        select *, 1 + count(*) filter (is_new) over (partition by session, one, other order by beat) as number
        from begun
    )
    select session, one, other, number, min(beat), max(beat), count(*), {measures}
    from numbered group by session, one, other, number"""

_PAIRS = f"""select a.row as first, b.row as second, {_distance("a", "b")} as distance
    from fixes as a join fixes as b
        on a.session = b.session and a.beat = b.beat and a.row < b.row and a.team <> b.team
    where {_distance("a", "b")} <= {{distance}}"""

_CONTACTS = f"""with close as (
        select a.session, a.beat, a.player as one, b.player as other, {_distance("a", "b")} as apart
        from fixes as a join fixes as b
            on a.session = b.session and a.beat = b.beat and a.player < b.player and a.team <> b.team
        where {_distance("a", "b")} <= {{distance}}
    ), {_ISLANDS.replace("{measures}", "min(apart)")}"""

_CONFLICTS = f"""with near as (
        select a.session, a.beat, a.team as one, b.team as other, {_distance("a", "b")} as apart
        from centroids as a join centroids as b
            on a.session = b.session and a.beat = b.beat and a.team < b.team
        where {_distance("a", "b")} <= {{distance}}
    ),
    close as (
        select n.session, n.beat, n.one, n.other, any_value(n.apart) as apart, min({_distance("p", "q")}) as nearest
        from near as n
        join fixes as p on p.session = n.session and p.beat = n.beat and p.team = n.one
        join fixes as q on q.session = n.session and q.beat = n.beat and q.team = n.other
        group by n.session, n.beat, n.one, n.other
    ), {_ISLANDS.replace("{measures}", "min(apart), min(nearest)")}"""

_QUERIES = {"pairs": _PAIRS, "contacts": _CONTACTS, "conflicts": _CONFLICTS}


def run_duckdb(task: str, case: Case, fixes: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """DuckDB: a self-join of tables in memory, which are there before the time is taken; arrays out."""
    import duckdb
    import numpy as np
    import pyarrow as pa

    def load(name: str, columns: Mapping[str, Any], position: str) -> None:
        arrays = {column: values for column, values in columns.items() if column != position}
        arrays |= {axis: np.ascontiguousarray(columns[position][:, n]) for n, axis in enumerate("xyz")}
        arrays["row"] = np.arange(len(columns["session"]))
        rows = pa.table(arrays)
        connection.register("loaded_rows", rows)
        connection.execute(f"create table {name} as select * from loaded_rows")
        connection.unregister("loaded_rows")

    with duckdb.connect(config={"threads": THREADS[DUCKDB]}) as connection:
        load("fixes", fixes, "position")
        if task == "conflicts":
            load("centroids", make_centroids(fixes), "centroid")
        query = _QUERIES[task].format(distance=case.distance, cooldown=COOLDOWN_BEATS)
        watch = Stopwatch()
        columns = connection.execute(query).fetchnumpy()
        work = watch.read()
    return work, columns


RUNNERS = {LEAP: run_leap, DUCKDB: run_duckdb, KDTREE: run_kdtree}
MEASURES = {
    "pairs": ("distance",),
    "contacts": ("min_distance",),
    "conflicts": ("min_centroid_distance", "min_player_distance"),
}


def run_contender(contender: str, task: str, case: Case) -> dict[str, Any]:
    """Run one contender on one task in this process; tells its cost and what it found."""
    fixes = make_fixes(case)
    before_mb = reset_peak()
    work, found = RUNNERS[contender](task, case, fixes)
    work_mb = peak_mb() - before_mb
    measures = MEASURES[task]
    names = [*[f"code_{n}" for n in range(len(found) - len(measures))], *measures]
    # all tell their columns in the same order, the measures last
    columns = dict(zip(names, found.values(), strict=True))
    return {"work": work, "work_mb": work_mb, "found": describe_found(columns, measures)}


def find_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """What two contenders do not agree on: rows and codes exactly, the sums of the measures to rounding."""
    differing = []
    for name, value in ours.items():
        other = theirs[name]
        is_sum = isinstance(value, float)
        if abs(value - other) > 1e-9 * max(abs(value), 1.0) if is_sum else value != other:
            differing.append(f"{name}: {value} and {other}")
    return differing


@dataclasses.dataclass(frozen=True)
class Result:
    """The medians of a contender at a task; times of DuckDB in a spared case are scaled to all beats."""

    case: str
    task: str
    contender: str
    rows: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    work_mb: float
    scaled: float


def start(contender: str, task: str, case: Case, answer: Path) -> Step:
    """Run one contender on one task in a process of its own."""
    arguments = [
        "-m",
        "benchmarks.conflicts",
        "--step",
        contender,
        task,
        json.dumps(dataclasses.asdict(case)),
    ]
    return run_step(arguments, answer, threads=THREADS[contender])


def measure(cases: Sequence[Case], tasks: Sequence[str], n_runs: int) -> list[Result]:
    """Let the contenders work in turn and compare what they found.

    Raises
    ------
    BenchmarkError
        Where they found different things.
    """
    results = []
    with tempfile.TemporaryDirectory(prefix="leap-benchmark-") as folder:
        answer = Path(folder) / "answer.json"

        for case in cases:
            for task in tasks:
                spared = dataclasses.replace(case, beats=min(FEWEST_BEATS, case.beats))
                sizes = {
                    contender: spared if case.spares_duckdb and contender == DUCKDB else case
                    for contender in TASKS[task]
                }
                steps: dict[str, list[Step]] = {contender: [] for contender in TASKS[task]}
                for _ in range(n_runs):
                    for contender, size in sizes.items():
                        if steps[contender] and steps[contender][0].work_s > LONGEST_REPEATED_S:
                            continue
                        steps[contender].append(start(contender, task, size, answer))
                expected = {case: steps[LEAP][0].told["found"]}
                if spared in sizes.values() and spared != case:
                    expected[spared] = start(LEAP, task, spared, answer).told["found"]
                for contender, size in sizes.items():
                    for step in steps[contender]:
                        if differing := find_differences(expected[size], step.told["found"]):
                            raise BenchmarkError(f"{case.name}, {task}, {contender}: {', '.join(differing)}")
                    scaled = case.beats / size.beats
                    results.append(
                        Result(
                            case.name,
                            task,
                            contender,
                            expected[case]["rows"],
                            median(step.work_s for step in steps[contender]) * scaled,
                            median(step.work_cpu_s for step in steps[contender]) * scaled,
                            median(step.peak_mb for step in steps[contender]),
                            median(step.told["work_mb"] for step in steps[contender]),
                            scaled,
                        )
                    )
    return results


def report(results: Sequence[Result]) -> str:
    """The table of medians, Leap's as the measure of the others."""
    rows = []
    ours = {(result.case, result.task): result for result in results if result.contender == LEAP}
    for result in results:
        own = ours[result.case, result.task]
        mark = f" (x {result.scaled:.0f})" if result.scaled != 1 else ""
        rows.append(
            [
                result.case,
                result.task,
                result.contender + mark,
                f"{result.rows:,}",
                f"{result.wall_s:.2f}",
                f"{result.wall_s / own.wall_s:.1f}",
                f"{result.cpu_s:.2f}",
                f"{result.cpu_s / own.cpu_s:.1f}",
                f"{result.peak_mb:,.0f}",
                f"{result.work_mb:,.0f}",
            ]
        )
    header = [
        "case",
        "task",
        "contender",
        "found",
        "wall s",
        "ratio",
        "CPU s",
        "ratio",
        "peak MB",
        "work MB",
    ]
    return markdown(header, rows)


def measure_memory(case: Case, shares: Sequence[float]) -> str:
    """The table of Leap's memory at contacts by number of heartbeats."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="leap-benchmark-") as folder:
        for share in shares:
            size = dataclasses.replace(case, beats=max(1, round(case.beats * share)))
            step = start(LEAP, "contacts", size, Path(folder) / "answer.json")
            heartbeats, work_mb = size.beats * size.players, step.told["work_mb"]
            rows.append(
                [
                    case.name,
                    f"{heartbeats:,}",
                    f"{step.told['found']['rows']:,}",
                    f"{step.work_cpu_s:.2f}",
                    f"{work_mb:,.0f}",
                    f"{work_mb * 1e6 / heartbeats:,.0f}",
                ]
            )
    return markdown(["case", "heartbeats", "contacts", "CPU s", "work MB", "bytes a heartbeat"], rows)


def main() -> int:
    """Run the benchmark; 2 when the contenders found different things or cannot run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each contender (default: 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the beats (default: 1)")
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        contender, task, case, answer = options.step
        Path(answer).write_text(json.dumps(run_contender(contender, task, Case(**json.loads(case)))))
        return 0
    if options.runs < 1 or not 0 < options.scale <= 1:
        parser.error("--runs must be at least 1 and --scale in (0, 1]")
    if importlib.util.find_spec("scipy") is None:
        print("The benchmark compares Leap with SciPy, which is not installed: pip install --group bench")
        return 2
    cases = [
        dataclasses.replace(CASES[name], beats=max(2, round(CASES[name].beats * options.scale)))
        for name in options.cases
    ]
    try:
        results = measure(cases, options.tasks, options.runs)
        memory = [measure_memory(case, (0.25, 0.5, 1.0)) for case in cases]
    except BenchmarkError as error:
        print(error)
        return 2
    print(machine_line(["numpy", "duckdb", "scipy"]))
    print(f"All contenders found the same; medians of {options.runs} runs\n")
    print(report(results))
    print("\nMemory of Leap at contacts, its input left out\n")
    print("\n\n".join(memory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
