"""Many trials on all cores: each input is made anew from (seed, number), and a finding says how to repeat it.

Apart from `__main__`, because the processes it starts import it.
"""

import collections
import dataclasses
import multiprocessing as mp
import os
import queue
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from leap_assets_tests.fuzz.inputs import MAKERS, Delivered, make_settings
from leap_assets_tests.fuzz.mapped_inputs import Declared, Folder, make_declaration, make_folder
from leap_assets_tests.fuzz.mapped_trials import try_declaration, try_folder
from leap_assets_tests.fuzz.trials import FindingError, Trials, odd_sizes, open_trials, try_settings

BATCH_INPUTS = 1000
# many, so that files of one log and kind come together
LOADED_AT_ONCE = 100
# of files that will hardly be refused: a statement a file would take most of the time
RISKY_AT_ONCE = 4
SETTINGS_SHARE = 0.2
DECLARATION_SHARE = 0.1
DELIVERED_SHARE = 0.05
# of mapped sources; one of delivered files takes as long as dozens of the others
KINDS = (*MAKERS, "settings", "declaration", "delivered")
BATCH_LIMIT_CPU_S = BATCH_INPUTS + 20.0
# of processor time: on a busy machine a batch may take any time by the clock
IDLE_LIMIT_S = 300.0
# without any processor time at all


def make_input(seed: int, number: int) -> tuple[str, Delivered | dict[str, str] | Declared | Folder]:
    """Kind and input with a number."""
    draw = random.Random(f"{seed}/{number}")
    share = draw.random()
    if share < SETTINGS_SHARE:
        return "settings", make_settings(draw)
    if share > 1 - DECLARATION_SHARE:
        return "declaration", make_declaration(draw)
    if share > 1 - DECLARATION_SHARE - DELIVERED_SHARE:
        return "delivered", make_folder(draw)
    kinds = list(MAKERS)
    (kind,) = draw.choices(kinds, [MAKERS[kind][1] for kind in kinds])
    return kind, MAKERS[kind][0](draw)


def run_batch(
    trials: Trials, seed: int, numbers: Sequence[int]
) -> tuple[dict[str, int], list[tuple[int, str]]]:
    """Try some inputs; returns counts, and the number and text of each finding."""
    counts: collections.Counter[str] = collections.Counter()
    findings: list[tuple[int, str]] = []
    groups: dict[tuple[str, str, bool], list[tuple[int, Delivered]]] = collections.defaultdict(list)
    for number in numbers:
        kind, made = make_input(seed, number)
        counts[kind] += 1
        if isinstance(made, Delivered):
            groups[made.log, kind, made.may_refuse].append((number, made))
            continue
        try:
            if isinstance(made, Declared):
                counts["sources accepted"] += try_declaration(trials.root / "declared", made)
            elif isinstance(made, Folder):
                found = try_folder(trials.root / "folder", made)
                counts.update({f"delivered {what}": number for what, number in found.items()})
            else:
                counts["settings accepted"] += try_settings(made)
        except FindingError as finding:
            findings.append((number, str(finding)))
    for (_, _, is_risky), members in groups.items():
        for some in _chunks(members, RISKY_AT_ONCE if is_risky else LOADED_AT_ONCE):
            findings += _try(trials, f"{seed}/{some[0][0]}/sizes", some)
    counts.update(trials.counts)
    trials.counts.clear()
    # an empty warehouse now and then: DuckDB keeps what it deleted
    trials.close()
    return dict(counts), findings


def _try(trials: Trials, sizes: str, members: Sequence[tuple[int, Delivered]]) -> list[tuple[int, str]]:
    """Findings in files that are loaded at once; when there is one, each file is tried alone to see whose it is.

    With the same sizes of blocks: what only small ones bring out would else be found in all files together alone.
    """
    try:
        with odd_sizes(random.Random(sizes)):
            trials.try_files([file for _, file in members])
    except FindingError as finding:
        if len(members) == 1:
            return [(members[0][0], str(finding)[:1000])]
        first, others = members[0][0], len(members) - 1
        alone = [found for member in members for found in _try(trials, sizes, [member])]
        return [
            # its own number may draw other sizes
            (number, text if number == first else f"{text} (with the sizes of {first}: repeat from there on)")
            for number, text in alone
        ] or [(first, f"only together with {others} others: {finding}"[:1000])]
    return []


def _chunks(members: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for at in range(0, len(members), size):
        yield members[at : at + size]


def _work(seed: int, tasks: Any, results: Any) -> None:
    with open_trials() as trials:
        while (numbers := _next(tasks)) is not None:
            results.put(("started", os.getpid(), numbers[0], None))
            results.put(("done", os.getpid(), numbers[0], run_batch(trials, seed, numbers)))


def _next(tasks: Any) -> Sequence[int] | None:
    """The next batch; None at the end, or when the process that hands them out was killed."""
    while True:
        try:
            return tasks.get(timeout=5)
        except queue.Empty:
            if not (parent := mp.parent_process()) or not parent.is_alive():
                return None


@dataclasses.dataclass
class Running:
    """A batch that a process works on: since when, and its processor time then, when it last moved, and at which time."""

    batch: int
    since: float
    began_cpu_s: float
    cpu_s: float
    moved: float

    def hangs(self, cpu_s: float, now: float) -> bool:
        """Whether it works for too long, or not at all."""
        if cpu_s > self.cpu_s:
            self.cpu_s, self.moved = cpu_s, now
        return cpu_s - self.began_cpu_s > BATCH_LIMIT_CPU_S or now - self.moved > IDLE_LIMIT_S


def _cpu_s(pid: int) -> float:
    """Processor time of a process, 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(seed: int, n_inputs: int, first: int, processes: int) -> int:
    """Run all batches; a process that dies or hangs is a finding and is replaced. Returns the number of findings."""
    context = mp.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    waiting = [
        range(at, min(at + BATCH_INPUTS, first + n_inputs))
        for at in range(first, first + n_inputs, BATCH_INPUTS)
    ]
    for numbers in waiting:
        tasks.put(numbers)
    workers = {}
    running: dict[int, Running] = {}

    def start() -> None:
        worker = context.Process(target=_work, args=(seed, tasks, results), daemon=True)
        worker.start()
        workers[worker.pid] = worker

    for _ in range(processes):
        start()
    counts: collections.Counter[str] = collections.Counter()
    findings: list[tuple[int, str]] = []
    open_batches, began, slowest = len(waiting), time.monotonic(), 0.0
    said = began
    while open_batches:
        now = time.monotonic()
        try:
            kind, pid, number, outcome = results.get(timeout=1)
        except queue.Empty:
            kind = ""
        if kind == "started":
            running[pid] = Running(number, now, used := _cpu_s(pid), used, now)
        elif kind == "done":
            slowest = max(slowest, now - running.pop(pid).since)
            counts.update(outcome[0])
            findings += outcome[1]
            open_batches -= 1
            for nth, text in outcome[1]:
                print(f"input {nth}: {text}\n", flush=True)
        for pid, worker in list(workers.items()):
            work = running.get(pid)
            batch = work.batch if work else None
            hangs = work is not None and work.hangs(_cpu_s(pid), now)
            if hangs or not worker.is_alive():
                worker.kill()
                worker.join()
                del workers[pid]
                running.pop(pid, None)
                if batch is not None:
                    why = "hangs" if hangs else f"kills its process ({worker.exitcode})"
                    findings.append((batch, f"an input from {batch} on {why}"))
                    print(f"input {batch} or one of the next {BATCH_INPUTS - 1}: {why}\n", flush=True)
                    open_batches -= 1
                start()
        if now - said > 30:
            said = now
            print(
                f"{sum(counts[k] for k in KINDS):,} inputs, {now - began:.0f} s, {len(findings)} findings",
                flush=True,
            )
    for _ in workers:
        tasks.put(None)
    for worker in workers.values():
        worker.join()
    took = time.monotonic() - began
    kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS)
    print(f"{n_inputs:,} inputs in {took:.0f} s ({n_inputs / took:.0f} a second), seed {seed}: {kinds}")
    print(
        f"{counts['files']:,} files loaded, {counts['refused']:,} refused; {counts['lines']:,} lines received = "
        f"{counts['valid']:,} valid + {counts['rejected']:,} rejected; {counts['settings accepted']:,} settings accepted; "
        f"slowest batch of {BATCH_INPUTS}: {slowest:.1f} s"
    )
    print(
        f"mapped sources: {counts['sources accepted']:,} accepted; {counts['delivered files']:,} delivered files taken in, "
        f"{counts['delivered refused']:,} refused; {counts['delivered records']:,} records = {counts['delivered rows']:,} "
        f"in rows + {counts['delivered unreadable']:,} unreadable + {counts['delivered ignored']:,} ignored; "
        f"{counts['delivered lines']:,} lines landed = {counts['delivered valid']:,} valid + "
        f"{counts['delivered rejected']:,} rejected"
    )
    print(
        f"{len(findings)} findings. Repeat one: python -m leap_assets_tests.fuzz --seed {seed} --first <number> --inputs 1"
    )
    return len(findings)
