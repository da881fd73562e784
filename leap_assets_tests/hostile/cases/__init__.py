"""Worlds made by hand, each with the values that must result: one module per part of the metrics."""

from . import arrivals, growth, levels, matches, midnights, money
from .writing import GROUP_SETUPS, Case, world_of

ALL_CASES: tuple[Case, ...] = tuple(
    case for module in (midnights, arrivals, matches, levels, money, growth) for case in module.CASES
)
GROUPS = tuple(GROUP_SETUPS)

__all__ = ["ALL_CASES", "GROUPS", "Case", "world_of"]
