"""The proof of the proof: small wrong changes to models and code, and what notices each.

`python -m leap_assets_tests.mutants` tries them all; docs/mutants.md says what they are and what they came to.
"""
