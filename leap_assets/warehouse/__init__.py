"""What Python does inside the DuckDB file besides loading: detection of conflicts, row counts, publication.

Knows DuckDB, pandas and the kernel; knows nothing of Dagster or dbt.
"""
