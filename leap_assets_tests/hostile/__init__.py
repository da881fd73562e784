"""Worlds that the simulator never makes, through the real loader and all models, against an independent oracle.

`cases/` has worlds made by hand with the values that must result, `generator.py` draws others, `rules.py` lists the
rules of the metrics and says which world reached which. `python -m leap_assets_tests.hostile` runs for an hour.
"""
