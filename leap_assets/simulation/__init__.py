"""The simulated world: players who join, play, meet, pay and leave, as log lines and as truth.

Pure NumPy: arrays and scalars in, arrays out. No files, no warehouse, no orchestration and no clock in here.
Start with `World`; `WorldConfig` has every knob.
"""

from leap_assets.simulation.coded import Coded
from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.logs import LogDay
from leap_assets.simulation.world import DeliveryDay, World

__all__ = ["Coded", "DeliveryDay", "LogDay", "World", "WorldConfig"]
