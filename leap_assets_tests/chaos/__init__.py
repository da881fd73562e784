"""Random histories of accidents, driven through the real graph: whatever happened, the warehouse must come out right.

`events` draws sequences, `deliveries` is what arrives in landing/, `drive` plays a sequence in a data folder of its
own and compares it with a fresh build. `python -m leap_assets_tests.chaos` plays many of them.
"""
