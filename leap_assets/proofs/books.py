"""What became of the lines: ingestion_daily and rejections_daily, from the good lines and defects of each delivery."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leap_assets.proofs.frames import Frame
from leap_assets.proofs.known import Given, date_of
from leap_assets.proofs.truth import OF_DELIVERY, MissingTruthError, has_truth, read_truth
from leap_assets.simulation import Coded

DUPLICATE = "duplicate"
REASONS = {
    "conflicting_duplicate": "conflicting_duplicate",
    "future_clock": "out_of_window",
    "truncated": "unparsable",
    "bad_encoding": "unparsable",
    "missing_field": "missing_required",
    "wrong_type": "wrong_type",
    "unknown_event": "unknown_event_type",
}
# kind of a defect -> the reason with which its line must be found


@dataclass(frozen=True)
class Books:
    """Lines by delivery day (number) and log.

    Attributes
    ----------
    good : Counter of (day, log)
        Also 0, of a loaded delivery without a file.
    defects : Counter of (day, log, kind)
    """

    good: Counter[tuple[int, str]]
    defects: Counter[tuple[int, str, str]]


def read_books(truth_dir: Path, given: Given) -> Books:
    """Count the lines of every loaded delivery.

    Raises
    ------
    MissingTruthError
        When the truth of a delivery is not there.
    """
    books = Books(Counter(), Counter())
    for log, days in given.loaded.items():
        for day in days:
            books.good[day, log] = 0
    for day in sorted({day for days in given.delivered.values() for day in days}):
        if not has_truth(truth_dir, date_of(day), OF_DELIVERY):
            raise MissingTruthError(
                f"the truth of the delivery of {date_of(day)} is not there. It can be made at any time: materialise "
                "the group truth for that day"
            )
        delivered = read_truth(truth_dir, date_of(day), "delivered", ("log", "lines"))
        for log, lines in zip(_texts(delivered["log"]), delivered["lines"].tolist(), strict=True):
            if day in given.delivered.get(log, ()):
                books.good[day, log] += lines
        defects = read_truth(truth_dir, date_of(day), "defect", ("log", "kind"))
        for log, kind in zip(_texts(defects["log"]), _texts(defects["kind"]), strict=True):
            if day in given.delivered.get(log, ()):
                books.defects[day, log, kind] += 1
    return books


def _texts(column: Coded) -> list[str]:
    return [str(text) for text in column.text()]


def prove_ingestion_daily(books: Books) -> Frame:
    """Received are good lines and defects; identical copies are duplicates, all other defects are rejected."""
    places = sorted(books.good)
    all_defects: Counter[tuple[int, str]] = Counter()
    copies: Counter[tuple[int, str]] = Counter()
    for (day, log, kind), lines in books.defects.items():
        all_defects[day, log] += lines
        copies[day, log] += lines if kind == DUPLICATE else 0
    good, defects, duplicate = (
        np.array([counter[place] for place in places], dtype=np.int64)
        for counter in (books.good, all_defects, copies)
    )
    return {
        "delivery_date": np.array([day for day, _ in places], dtype=np.int64),
        "log": np.array([log for _, log in places], dtype=object),
        "received": good + defects,
        "accepted": good,
        "duplicate": duplicate,
        "rejected": defects - duplicate,
    }


def prove_rejections_daily(books: Books) -> Frame:
    """Defects by the reason with which they must be found."""
    lines: Counter[tuple[int, str, str]] = Counter()
    for (day, log, kind), count in books.defects.items():
        if kind != DUPLICATE:
            lines[day, log, REASONS[kind]] += count
    places = sorted(lines)
    return {
        "delivery_date": np.array([day for day, _, _ in places], dtype=np.int64),
        "log": np.array([log for _, log, _ in places], dtype=object),
        "reason": np.array([reason for _, _, reason in places], dtype=object),
        "lines": np.array([lines[place] for place in places], dtype=np.int64),
    }
