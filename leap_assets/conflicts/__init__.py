"""Who met whom: conflicts of teams and contacts of players, from arrays of positions.

A pure NumPy kernel: integer codes, beats and coordinates go in, one row per conflict or contact comes out.
How the day is read, which texts the codes stand for and at what clock time a beat lies are the caller's;
there is no Dagster, DuckDB, pandas, file or clock in here.
"""

from leap_assets.conflicts.conflicts import Conflicts, detect_conflicts
from leap_assets.conflicts.contacts import Contacts, detect_contacts

__all__ = ["Conflicts", "Contacts", "detect_conflicts", "detect_contacts"]
