"""What assets of all layers have in common: groups, owners, keys, and columns as the UI wants them."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from leap_assets.landing.contracts import Column, Contract

GENERATORS, TRUTH, RAW, CONFLICTS, PUBLISHED = "generators", "truth", "raw", "conflicts", "published"
MARTS = "marts"
# the groups of dbt models are the folders of the project
OWNERS = ["team:analytics"]


def landing_key(contract: Contract) -> dg.AssetKey:
    """Key of the files of a log."""
    return dg.AssetKey(["landing", contract.generator])


def truth_key(table: str) -> dg.AssetKey:
    """Key of the files of a table of the truth."""
    return dg.AssetKey(["truth", table])


def relation_key(schema: str, table: str) -> dg.AssetKey:
    """Key of a table: its path in the warehouse."""
    return dg.AssetKey([schema, table])


def columns_of(columns: Sequence[Column]) -> Mapping[str, Any]:
    """Column names, types and meanings as metadata of an asset."""
    described = [dg.TableColumn(c.name, type=c.sql_type, description=c.meaning) for c in columns]
    return {"dagster/column_schema": dg.TableSchema(columns=described)}
