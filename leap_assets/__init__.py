"""Leap: a game-telemetry warehouse as a Dagster asset graph over dbt and DuckDB."""
