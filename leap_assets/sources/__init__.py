"""Mapped sources: files of any game's own shape, turned into files that follow the contracts by one SELECT a log.

Knows landing/, DuckDB and Arrow; knows nothing of Dagster or dbt.
"""
