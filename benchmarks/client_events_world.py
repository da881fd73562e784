"""What the contenders of the benchmark of client events read: a month of the simulated world, as files.

Beside the deliveries with all their dirt there is a copy without the lines at which the scripts would stop. Started
by `client_events`.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from leap_assets.landing.writing import write_delivery
from leap_assets.simulation import World, WorldConfig

LINES_PER_PLAYER = 198.0
# of the first day in 31 days, where arrivals grow with the players of the first day as in the default world
ARRIVALS_PER_PLAYER = 0.04
STOPPING = ("truncated", "bad_encoding", "wrong_type")
# Polars' reader ends at a line that is no JSON, and a frame of dicts at a text where a number belongs


def write_world(folder: Path, lines: int, first: dt.date, last: dt.date) -> dict[str, int]:
    """Write the deliveries to landing/ and the copy to readable/; returns how many lines there are and lack."""
    players = max(1, round(lines / LINES_PER_PLAYER))
    config = WorldConfig(
        start_date=first, initial_players=players, arrivals_per_day=ARRIVALS_PER_PLAYER * players
    )
    world = World(config)
    counts = {"lines": 0, "left_out": 0}
    for number in range((last - first).days + 1):
        delivery = world.day(first + dt.timedelta(number), logs=("client",), truth=False)
        counts["lines"] += write_delivery(folder / "landing", delivery)["client"]
        for source in (folder / "landing" / "client" / delivery.date.isoformat()).iterdir():
            copy = folder / "readable" / source.relative_to(folder / "landing")
            copy.parent.mkdir(parents=True)
            with source.open("rb") as delivered, copy.open("wb") as readable:
                for line, defect in zip(delivered, delivery.logs["client"].defects, strict=True):
                    if defect in STOPPING:
                        counts["left_out"] += 1
                    else:
                        readable.write(line)
    return counts


def main() -> None:
    """Arguments: the folder, about how many lines, first and last day, the file for the answer."""
    folder, lines, first, last, answer = sys.argv[1:]
    counts = write_world(Path(folder), int(lines), dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    Path(answer).write_text(json.dumps(counts))


if __name__ == "__main__":
    main()
