"""What assets of all layers have in common: groups, owners, keys, and columns as the UI wants them."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from leap_assets.landing.contracts import Column, Contract

GENERATORS, TRUTH, RAW, CONFLICTS, PUBLISHED, EXPOSURES = (
    "generators",
    "truth",
    "raw",
    "conflicts",
    "published",
    "exposures",
)
MARTS = "marts"
# the groups of dbt models are the folders of the project
OWNERS = ["team:analytics"]
COLUMN_SCHEMA = "dagster/column_schema"


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
    return {COLUMN_SCHEMA: dg.TableSchema(columns=described)}


def meanings_of(spec: dg.AssetSpec) -> dict[str, str]:
    """What the columns of an asset mean, by name; only those that somebody has described."""
    schema = spec.metadata.get(COLUMN_SCHEMA, dg.TableSchema(columns=[]))
    # dbt's models come with the value as the UI has it
    columns = (schema.schema if isinstance(schema, dg.TableSchemaMetadataValue) else schema).columns
    return {column.name: column.description for column in columns if column.description}
