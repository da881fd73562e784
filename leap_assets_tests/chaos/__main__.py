"""Play random histories of accidents for some time: `python -m leap_assets_tests.chaos --minutes 60`.

Ends with 1 at the first difference, whose sequence is written to a file that `--replay` plays again.
"""

import argparse
import concurrent.futures
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from leap_assets_tests.chaos.drive import Played, Player, Workshop, cpu_s
from leap_assets_tests.chaos.events import ALL_TAGS, Scenario, draw_scenarios, rarest_first

POOL = 400
LEAST_SEQUENCES, LEAST_EACH = 40, 5


def main() -> int:
    """Play, tell, and count; returns the code to exit with."""
    parser = argparse.ArgumentParser(prog="python -m leap_assets_tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="no sequence starts after this long")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the sequences")
    parser.add_argument("--jobs", type=int, default=2, help="sequences at a time")
    parser.add_argument("--replay", type=Path, help="play this recorded sequence alone")
    parser.add_argument("--shrink", action="store_true", help="leave out events while the failure stays")
    parser.add_argument("--keep", type=Path, default=Path("chaos-failure.json"), help="where to record")
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("LEAP_", "DAGSTER_HOME", "DBT_"))]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="leap-chaos-"))
    print(f"Seed {arguments.seed}; working in {folder}", flush=True)
    workshop = Workshop(folder)
    if arguments.replay:
        played = play(workshop, "replayed", Scenario.from_json(arguments.replay.read_text()))
        report([played])
        failures = [played] if played.failure else []
    else:
        failures = play_many(workshop, arguments)
    if not failures:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


def play_many(workshop: Workshop, arguments: argparse.Namespace) -> list[Played]:
    """Sequences until the time is over or one of them failed, those with the rarest kinds of events first."""
    started = time.monotonic()
    pool = draw_scenarios(POOL, arguments.seed)
    counted: Counter[str] = Counter()
    all_played: list[Played] = []
    underway: dict[concurrent.futures.Future[Played], Scenario] = {}
    failed: tuple[Scenario, Played] | None = None
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as executor:
        while True:
            in_time = time.monotonic() - started < arguments.minutes * 60
            while in_time and failed is None and pool and len(underway) < arguments.jobs:
                expected = counted + Counter(tag for scenario in underway.values() for tag in scenario.tags())
                scenario = rarest_first(pool, expected, wanted=LEAST_EACH)
                pool.remove(scenario)
                name = f"sequence-{len(all_played) + len(underway) + 1}-{len(pool)}"
                underway[executor.submit(play, workshop, name, scenario)] = scenario
            if not underway:
                break
            done, _ = concurrent.futures.wait(underway, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                scenario, played = underway.pop(future), future.result()
                all_played.append(played)
                counted.update(played.counted)
                told = "; ".join(played.diary)
                minutes = (time.monotonic() - started) / 60
                verdict = "FAILED" if played.failure else "ok"
                print(
                    f"{minutes:5.1f} min  {len(all_played):3}  {verdict}  {played.wall_s:4.0f} s  {told}",
                    flush=True,
                )
                if played.failure and failed is None:
                    failed = (scenario, played)
    report(all_played)
    rare = [tag for tag in ALL_TAGS if counted[tag] < LEAST_EACH]
    if failed is None:
        if len(all_played) < LEAST_SEQUENCES or rare:
            print(
                f"Not enough for a verdict: {len(all_played)} of {LEAST_SEQUENCES} sequences; "
                f"less than {LEAST_EACH} of: {', '.join(rare) or 'nothing'}. Give it more --minutes."
            )
        return []
    scenario, played = failed
    if arguments.shrink:
        scenario = shrink(workshop, scenario)
    arguments.keep.write_text(scenario.to_json())
    print(
        f"\nFAILED: {played.failure}\n\nPlay it again: python -m leap_assets_tests.chaos --replay {arguments.keep}"
    )
    return [played]


def play(workshop: Workshop, name: str, scenario: Scenario) -> Played:
    """One sequence, told as a failure also when the player itself breaks down."""
    return Player(workshop, name, scenario).play()


def shrink(workshop: Workshop, scenario: Scenario) -> Scenario:
    """Leave out one event after the other as long as what is left still fails."""
    position = 0
    while position < len(scenario.events) and len(scenario.events) > 1:
        events = scenario.events[:position] + scenario.events[position + 1 :]
        smaller = Scenario(scenario.starts_built, events)
        played = play(workshop, f"shrunk-{time.monotonic_ns()}", smaller)
        print(f"without event {position + 1}: {'fails still' if played.failure else 'passes'}", flush=True)
        if played.failure:
            scenario = smaller
        else:
            position += 1
    return scenario


def report(all_played: list[Played]) -> None:
    """How often each kind of event happened, and what the accidents hit."""
    counted: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for played in all_played:
        counted.update(played.counted)
        hits.update(played.hits)
    reads = sum(played.reads for played in all_played)
    print(
        f"\n{len(all_played)} sequences, {reads:,} reads of published files, {cpu_s():,.0f} processor seconds"
    )
    print("\nhappened  kind of event")
    for tag in ALL_TAGS:
        print(f"{counted[tag]:8}  {tag}")
    print("\n    hits  what was hit")
    for hit, count in sorted(hits.items()):
        print(f"{count:8}  {hit}")


if __name__ == "__main__":
    sys.exit(main())
