"""Start the dashboard: `python -m leap_assets.dashboard`, with the options of `streamlit run`.

What the pages need is loaded before the first visitor comes, who would wait a second for it otherwise.
"""

import sys
from pathlib import Path

from streamlit.web import cli

from leap_assets.dashboard.views import health, matches, money, overview, progression, retention  # noqa: F401

if __name__ == "__main__":
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]]
    cli.main()
