"""The landing zone: log contracts as data; writing, reading, checking and quarantining a delivery's files.

Knows DuckDB, Arrow and files; knows nothing of Dagster or dbt.
"""
