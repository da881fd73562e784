"""Proofs: every mart recomputed from the simulator's truth, by other code and another technique than its model.

Pure functions over arrays and pandas frames, and the truth's files. The warehouse is not read in here and no SQL of the
models is used; Dagster is not known. What a mart means is in its model's description and is written down here anew.
"""
