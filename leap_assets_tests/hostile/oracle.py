"""A warehouse against the second opinion: every table computed again from the landing files by other code.

What the second opinion computes lives in `leap_assets.proofs.delivered`. What it shares with the loader and the models
(contracts, seeds, settings) is held by the cases, whose values were worked out by hand.
"""

import duckdb

from leap_assets.assets.proofs import given_by
from leap_assets.proofs.delivered.registry import TABLES
from leap_assets.settings import Settings
from leap_assets.warehouse.verifying import verify

from .running import SEEDS


def disagreements(connection: duckdb.DuckDBPyConnection, settings: Settings) -> dict[str, str]:
    """Tables whose rows are not those of the second opinion, with what it says about them."""
    given = given_by(settings, connection)
    # What the published file says of itself.
    connection.execute("create schema if not exists leap_published")
    connection.execute(
        """create or replace table leap_published.snapshot as
        select count(distinct delivery_date) as delivery_days, min(delivery_date) as first_delivery_date,
        max(delivery_date) as last_delivery_date from leap_raw.delivery"""
    )
    verified = verify(connection, connection, settings.landing_dir, given, SEEDS)
    return {outcome.mart: outcome.said for outcome in verified.outcomes if not outcome.passed}


def covered_tables() -> frozenset[str]:
    """Names of the tables, with their schemas, that the second opinion computes."""
    return frozenset(f"{table.proof.schema}.{name}" for name, table in TABLES.items())
