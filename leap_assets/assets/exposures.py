"""Who reads the tables: the dashboard and the notebooks, as external assets at the end of the graph.

They come from dbt's exposures (dbt_project/models/exposures.yml), so that dbt's documentation shows the same.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from leap_assets.assets.dbt import LeapTranslator
from leap_assets.assets.layers import EXPOSURES, OWNERS
from leap_assets.assets.published import KEY as PUBLISHED_KEY


def exposure_specs(manifest: Path) -> list[dg.AssetSpec]:
    """One external asset an exposure of dbt's manifest, downstream of the tables that it names."""
    parsed = json.loads(manifest.read_text())
    return [_spec(exposure, parsed) for exposure in parsed["exposures"].values()]


def _spec(exposure: Mapping[str, Any], parsed: Mapping[str, Any]) -> dg.AssetSpec:
    nodes = {**parsed["nodes"], **parsed["sources"]}
    translator = LeapTranslator()
    tables = [translator.get_asset_key(nodes[node]) for node in exposure["depends_on"]["nodes"]]
    return dg.AssetSpec(
        dg.AssetKey([exposure["type"], exposure["name"]]),
        # all of them read the published copy
        deps=[*tables, PUBLISHED_KEY],
        description=exposure["description"],
        group_name=EXPOSURES,
        owners=OWNERS,
        kinds={"streamlit" if exposure["type"] == "dashboard" else "jupyter"},
    )
