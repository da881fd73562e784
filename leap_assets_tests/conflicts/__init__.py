"""Tests of the conflict kernel: hand-drawn cases, and plain loops over random worlds as the oracle."""
