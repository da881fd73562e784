"""Tests of the proofs: each function on a small truth made by hand, and all of them on the real graph."""
