"""Where every random number comes from: generators keyed by (seed, name, numbers), and uuids from them.

A stream is counter-based (Philox) and independent of every other, so any day can be drawn alone and in any
process. There is no clock, no global state and no Python ``hash()`` in here.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_HEX = np.frombuffer("".join(f"{value:02x}" for value in range(256)).encode("ascii"), dtype=np.uint8).reshape(
    256, 2
)

_BYTE_COLUMNS = np.array([0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34])
# Where the two digits of each of the 16 bytes stand in the text 8-4-4-4-12.

_DASH_COLUMNS = [8, 13, 18, 23]


def open_stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """Give the generator of one stream, at its beginning.

    Parameters
    ----------
    seed : int
        World number, not negative.
    name : str
        What is drawn, such as ``"arrivals"``.
    *numbers : int
        Day number, block number and the like; not negative.
    """
    digest = hashlib.blake2b(name.encode("utf-8"), digest_size=16).digest()
    words = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words, *numbers])))


def draw_uuids(rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Draw ``count`` version-4 uuids as bytes, shape (count, 16)."""
    raw = rng.integers(0, 256, size=(count, 16), dtype=np.uint8)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    return raw


def format_uuids(raw: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Write uuids of shape (n, 16) as lower-case text of 36 characters, shape (n,), dtype U36."""
    text = np.empty((len(raw), 36), dtype=np.uint8)
    digits = _HEX[raw]
    text[:, _BYTE_COLUMNS] = digits[:, :, 0]
    text[:, _BYTE_COLUMNS + 1] = digits[:, :, 1]
    text[:, _DASH_COLUMNS] = ord("-")
    return text.view("S36").reshape(len(raw)).astype("U36")


def rank_uuids(raw: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Rank uuids of shape (n, 16) in the order of their text: a smaller rank is an earlier text."""
    words = np.ascontiguousarray(raw).view(">u8").astype(np.uint64).reshape(len(raw), 2)
    order = np.lexsort((words[:, 1], words[:, 0]))
    rank = np.empty(len(raw), dtype=np.int64)
    rank[order] = np.arange(len(raw))
    return rank
