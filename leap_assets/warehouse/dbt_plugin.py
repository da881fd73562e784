"""What dbt_project/profiles.yml loads into dbt-duckdb: how much memory models take, and which files they reach."""

import os
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from leap_assets.warehouse.connections import MEMORY_VARIABLE, data_folders, limit_access, limit_memory

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
# dbt-duckdb copies them from their files


class Plugin(BasePlugin):
    """Limits the database that dbt has opened to the data folder and the seeds; the name is dbt-duckdb's."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Called once, before any model."""
        if self.creds is None:
            raise ValueError("dbt-duckdb gave no credentials: the folder of the warehouse is not known")
        if limit := os.environ.get(MEMORY_VARIABLE):
            limit_memory(conn, limit)
        limit_access(conn, [*data_folders(Path(self.creds.path).absolute().parent), SEEDS])
