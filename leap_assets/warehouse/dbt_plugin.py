"""What dbt_project/profiles.yml loads into dbt-duckdb: models reach the data folder and the seeds, no other file."""

from pathlib import Path

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from leap_assets.warehouse.connections import data_folders, limit_access

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
# dbt-duckdb copies them from their files


class Plugin(BasePlugin):
    """Limits the database that dbt has opened; the name is dbt-duckdb's."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Called once, before any model."""
        if self.creds is None:
            raise ValueError("dbt-duckdb gave no credentials: the folder of the warehouse is not known")
        limit_access(conn, [*data_folders(Path(self.creds.path).absolute().parent), SEEDS])
