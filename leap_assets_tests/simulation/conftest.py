"""Deliveries that many tests read and none changes."""

import pytest

from leap_assets.simulation import DeliveryDay
from leap_assets_tests.simulation.rows import CLEAN, DIRTY, deliver


@pytest.fixture(scope="session")
def clean_days() -> list[DeliveryDay]:
    """A world without dirt: what is delivered on a day is what happened on it."""
    return deliver(6, **CLEAN)


@pytest.fixture(scope="session")
def dirty_days() -> list[DeliveryDay]:
    """A world with much more dirt than the default."""
    return deliver(9, **DIRTY)
