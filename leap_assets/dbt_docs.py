"""`make docs`: dbt's documentation of the models as one file, with the lineage from the logs to the dashboard."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leap_assets.resources import LeapDbt
from leap_assets.settings import SettingsError, load_settings

PAGE = "dbt.html"


def main() -> int:
    """Write the page; the exit code says whether it worked."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error)
        return 2
    folder = settings.data_dir / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        # no catalogue of the warehouse, which may be in use: the models declare their columns and types
        arguments = ["docs", "generate", "--static", "--empty-catalog", "--no-compile", "--quiet"]
        dbt = LeapDbt.from_settings(settings)
        dbt.cli(["parse", "--quiet"], target_path=Path(aside)).wait()
        dbt.cli(arguments, target_path=Path(aside)).wait()
        page = Path(aside, "static_index.html").read_text()
        empty = Path(aside, "catalog.json").read_text()
        declared = json.dumps(
            json.loads(empty) | declared_catalog(json.loads(Path(aside, "manifest.json").read_text()))
        )
        made = Path(aside, PAGE)
        # in a script element
        made.write_text(page.replace(empty, declared.replace("</", "<\\/")))
        made.replace(folder / PAGE)
    print(f"Open {(folder / PAGE).resolve()} in a browser: models, columns, tests, and the lineage graph.")
    return 0


def declared_catalog(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """dbt's catalogue of tables, columns and types, from what a manifest declares instead of from a warehouse."""
    return {
        kind: {key: _declared_table(node) for key, node in manifest[kind].items() if node.get("columns")}
        for kind in ("nodes", "sources")
    }


def _declared_table(node: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "schema": node["schema"],
        "name": node.get("alias") or node["name"],
        "database": node["database"],
    }
    columns = {
        name: {"name": name, "index": index, "type": column.get("data_type") or "", "comment": None}
        for index, (name, column) in enumerate(node["columns"].items(), 1)
    }
    return {
        "unique_id": node["unique_id"],
        "metadata": {**names, "type": "table", "comment": None, "owner": None},
        "columns": columns,
        "stats": {},
    }


if __name__ == "__main__":
    sys.exit(main())
