"""Plots of the benchmarks, drawn from the Markdown tables that they print."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Table: TypeAlias = "list[dict[str, str]]"
# a row by the heads of its columns
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"


def read_tables(text: str) -> dict[str, list[Table]]:
    """The tables below each heading of the second rank."""
    tables: dict[str, list[Table]] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name = section.split("\n", 1)[0].strip()
        tables[name] = [_rows(found) for found in re.findall(r"(?:^\|.*\n?)+", section, flags=re.MULTILINE)]
    return tables


def _rows(text: str) -> Table:
    lines = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.strip().splitlines()
    ]
    return [dict(zip(lines[0], cells, strict=False)) for cells in lines[2:]]


def number(text: str) -> float:
    """The first number in a cell; NaN without one."""
    found = re.search(r"-?[\d,]*\.?\d+", text)
    return float(found[0].replace(",", "")) if found else float("nan")


def draw(tables: Mapping[str, Sequence[Table]], folder: Path) -> list[Path]:
    """Draw what there are tables for; gives the files."""
    plots: dict[str, tuple[str, Callable[[Any, Sequence[Table]], None]]] = {
        "scale-world": ("world", _world),
        "scale-days": ("orchestration", _days),
        "scale-storage": ("storage", _storage),
    }
    plots = {name: (section, plot) for name, (section, plot) in plots.items() if tables.get(section)}
    if not plots:
        return []
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams |= {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#DDDDDD",
        "svg.hashsalt": "leap",
    }
    written = []
    for name, (section, plot) in plots.items():
        figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
        plot(axes, tables[section])
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        written.append(path)
    return written


def _world(axes: Any, tables: Sequence[Table]) -> None:
    # the first line of each size: others are of later days, or with truth
    by_size: dict[float, dict[str, str]] = {}
    for row in tables[0]:
        by_size.setdefault(number(row["players of day 1"]), row)
    players = list(by_size)
    costs = [number(row["CPU µs an active player-day"]) for row in by_size.values()]
    axes.plot(players, costs, "o-", color=BLUE)
    axes.set(xscale="log", xlabel="players of the first day", ylim=(0, None))
    axes.set_ylabel("CPU µs an active player-day", color=BLUE)
    axes.set_title("Simulating: cost of an active player-day, and memory", loc="left")
    memory = axes.twinx()
    memory.spines["right"].set_visible(True)
    memory.grid(visible=False)
    memory.plot(players, [number(row["peak MB"]) / 1000 for row in by_size.values()], "s--", color=ORANGE)
    memory.set(ylim=(0, None))
    memory.set_ylabel("peak GB", color=ORANGE)


def _days(axes: Any, tables: Sequence[Table]) -> None:
    walls = {row[""]: number(row["wall s"]) for table in tables for row in table}
    runs: dict[str, list[tuple[float, float]]] = {}
    for name, wall in walls.items():
        what, _, kind = name.partition(", ")
        if what.startswith("the day behind"):
            runs.setdefault("the next night, command line", []).append((number(what), wall))
        elif kind:
            runs.setdefault(f"so many days, {kind}", []).append((number(what.replace("one", "1")), wall))
    for (kind, own), colour, mark in zip(
        sorted(runs.items()), (BLUE, ORANGE, GREEN), ("o-", "s--", "^:"), strict=False
    ):
        axes.plot(*zip(*sorted(own), strict=True), mark, color=colour, label=kind)
    days = sorted({at for own in runs.values() for at, _ in own})
    axes.set(xlabel="days", ylabel="seconds", xscale="log", ylim=(0, None))
    axes.set_xticks(days, [f"{day:.0f}" for day in days])
    axes.minorticks_off()
    axes.set_title("A run by its days, and the night behind them", loc="left")
    axes.legend(frameon=False)


def _storage(axes: Any, tables: Sequence[Table]) -> None:
    rows = tables[0]
    names = list(dict.fromkeys(row["kept as"] for row in rows))[::-1]
    for shift, (log, colour) in enumerate({"heartbeat": BLUE, "client": ORANGE}.items()):
        size = {row["kept as"]: number(row["MB a million rows"]) for row in rows if row["log"] == log}
        places = [at + 0.2 - 0.4 * shift for at in range(len(names))]
        bars = axes.barh(places, [size.get(name, 0) for name in names], 0.38, color=colour, label=log)
        axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="MB a million rows")
    axes.set_title("On disk", loc="left")
    axes.legend(frameon=False, loc="lower right")
