"""Start the dashboard: `python -m leap_assets.dashboard`, with the options of `streamlit run`.

What the pages need is loaded before the first visitor comes, who would wait a second for it otherwise. Charts are
not compared with the schema of their library each time they are drawn, a third of a page's work: the tests do that.
"""

import sys
from pathlib import Path

from altair.utils.schemapi import disable_debug_mode
from streamlit.web import cli

from leap_assets.dashboard.views import health, matches, money, overview, progression, retention  # noqa: F401

if __name__ == "__main__":
    disable_debug_mode()
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]]
    cli.main()
