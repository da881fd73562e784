"""Where every random number comes from: generators keyed by (seed, name, numbers), and uuids from them.

A stream is counter-based (Philox) and independent of every other, so any day can be drawn alone and in any
process. There is no clock, no global state and no Python ``hash()`` in here.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_HEX = np.frombuffer("".join(f"{value:02x}" for value in range(256)).encode("ascii"), dtype=np.uint16)
# The two digits of every byte as one item, so that they are looked up together.

_DIGIT_GROUPS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
# Digits between the dashes of the text 8-4-4-4-12.


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


def spell_uuids(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Write uuids of shape (n, 16) as lower-case text in ASCII, shape (n, 36); takes some 250 bytes a uuid."""
    text = np.full((len(raw), 36), ord("-"), dtype=np.uint8)
    digits = np.take(_HEX, raw).view(np.uint8)
    for dashes, (begin, end) in enumerate(_DIGIT_GROUPS):
        text[:, begin + dashes : end + dashes] = digits[:, begin:end]
    return text


def format_uuids(raw: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Write uuids of shape (n, 16) as lower-case text of 36 characters, shape (n,), dtype U36."""
    return spell_uuids(raw).astype(np.uint32).view("U36").reshape(len(raw))


def rank_uuids(raw: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Rank uuids of shape (n, 16) in the order of their text: a smaller rank is an earlier text."""
    words = np.ascontiguousarray(raw).view(">u8").astype(np.uint64).reshape(len(raw), 2)
    order = np.lexsort((words[:, 1], words[:, 0]))
    rank = np.empty(len(raw), dtype=np.int64)
    rank[order] = np.arange(len(raw))
    return rank
