"""One day of the simulated world, written: its logs into landing/, its truth into truth/, by any process."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.writing import write_delivery
from leap_assets.proofs.truth import write_truth
from leap_assets.simulation import World
from leap_assets.simulation.config import WorldConfig


@dataclass(frozen=True)
class DayWriter:
    """What is written of each day, and where.

    Attributes
    ----------
    world : WorldConfig
    landing_dir, truth_dir : Path
    logs, tables : sequence of str
        Logs, and tables of the truth.
    """

    world: WorldConfig
    landing_dir: Path
    truth_dir: Path
    logs: Sequence[str]
    tables: Sequence[str]

    def write(self, day: dt.date, world: World | None = None) -> tuple[dict[str, int], dict[str, int]]:
        """Write a day; gives the lines of each log and the rows of each table of the truth."""
        # the truth is that of all logs, whichever of them are wanted
        lines: dict[str, int] = {}
        told: dict[str, int] = {}
        logs = tuple(CONTRACTS) if self.tables else tuple(self.logs)
        for part in (world or World(self.world)).parts(day, logs=logs, truth=bool(self.tables)):
            lines |= write_delivery(self.landing_dir, part, self.logs)
            told |= write_truth(self.truth_dir, day, part.truth, self.tables)
            del part  # gone before the next one is made
        return lines, told
