"""The fuzzer: bad inputs by the thousand for the readers of deliveries and for the settings.

`inputs` makes them, `oracle` says by other code which lines they have, `trials` loads and judges them, `__main__` does
it for as long as wanted. What it has found is kept as examples in `test_examples.py`.
"""
