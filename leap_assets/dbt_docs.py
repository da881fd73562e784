"""`make docs`: dbt's documentation of the models as one file, with the lineage from the logs to the dashboard."""

import shutil
import sys
import tempfile
from pathlib import Path

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
        # no catalogue: the models declare their columns and types, and the warehouse may be in use
        arguments = ["docs", "generate", "--static", "--empty-catalog", "--no-compile", "--quiet"]
        dbt = LeapDbt.from_settings(settings)
        dbt.cli(["parse", "--quiet"], target_path=Path(aside)).wait()
        dbt.cli(arguments, target_path=Path(aside)).wait()
        shutil.move(Path(aside, "static_index.html"), folder / PAGE)
    print(f"Open {(folder / PAGE).resolve()} in a browser: models, columns, tests, and the lineage graph.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
