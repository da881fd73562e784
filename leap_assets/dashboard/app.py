"""The dashboard's entry: `streamlit run leap_assets/dashboard/app.py`; `make dashboard` starts it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from leap_assets.dashboard.figures import Board
from leap_assets.dashboard.snapshot import NoSnapshotError, Snapshot, Stamp, say_age, stamp
from leap_assets.dashboard.views import health, matches, money, overview, progression, retention
from leap_assets.settings import SettingsError, load_settings

LOOK_EVERY_S = 5
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0072B2"/>'
    '<path d="M5 3v10h6" fill="none" stroke="#FFFFFF" stroke-width="2.2"/></svg>'
)
# drawn here: Streamlit's named icons come from a server elsewhere when they stand for the page
LOOKS = """
.stMainBlockContainer { padding-top: 3.5rem; padding-bottom: 2rem; }
.st-key-span { padding: 0 2.5rem; }
.st-key-tiles .stHorizontalBlock { flex-wrap: wrap; }
.st-key-tiles .stColumn { min-width: calc(20% - 1rem); flex: 1 1 calc(20% - 1rem); }
@media (max-width: 640px) {
    .stMainBlockContainer { padding-top: 4.5rem; }
    .st-key-tiles .stColumn { min-width: calc(50% - 1rem); flex: 1 1 calc(50% - 1rem); }
}
"""
# the bar of pages leaves more room than it needs, the times of a match need some at both ends, and tiles stand
# in rows of five, two by two on a phone
PAGES: tuple[tuple[str, str, str, Callable[[Board], None]], ...] = (
    # title, address, icon, what it shows
    ("Overview", "overview", ":material/dashboard:", overview.show),
    ("Retention", "retention", ":material/group:", retention.show),
    ("Money", "money", ":material/payments:", money.show),
    ("Progression", "progression", ":material/stairs:", progression.show),
    ("Matches", "matches", ":material/swords:", matches.show),
    ("Data health", "health", ":material/verified:", health.show),
)


@st.cache_resource(max_entries=2, show_spinner=False)
def open_snapshot(path: str, stamp: Stamp) -> Snapshot:
    """The state of the published file; opened once a state, the one before stays for whoever still reads it."""
    return Snapshot.open(Path(path))


def main() -> None:
    """Show the chosen page of the newest snapshot."""
    st.set_page_config("Leap", ICON, layout="wide")
    try:
        path = load_settings().published_path
    except SettingsError as error:
        st.error(str(error))
        return
    st.html(f"<style>{LOOKS}</style>")
    found = stamp(path)
    chosen = st.navigation(
        [
            st.Page(_page(show, found), title=title, url_path=address, icon=icon, default=not at)
            for at, (title, address, icon, show) in enumerate(PAGES)
        ],
        position="top",
    )
    _watch(str(path), found)
    chosen.run()


def _page(show: Callable[[Board], None], found: Stamp | None) -> Callable[[], None]:
    def page() -> None:
        path = load_settings().published_path
        # without a file, opening it says what to do
        at = found or (0, 0, 0)
        try:
            board = Board(open_snapshot(str(path), at), at)
        except NoSnapshotError as error:
            st.info(str(error), icon=":material/info:")
            return
        show(board)

    return page


@st.fragment(run_every=LOOK_EVERY_S)
def _watch(path: str, shown: Stamp | None) -> None:
    """Say which snapshot is shown and how old it is; start anew when there is another one."""
    if stamp(Path(path)) != shown:
        st.rerun()
    if shown is None:
        return
    try:
        snapshot = open_snapshot(path, shown)
    except NoSnapshotError:
        return
    days = (
        f"{snapshot.first} to {snapshot.last}, {snapshot.days} delivery day{'s' if snapshot.days > 1 else ''}"
        if snapshot.days
        else "no day yet"
    )
    st.caption(
        f"Published {say_age(snapshot.published_at, dt.datetime.now(dt.UTC))} "
        f"({snapshot.published_at:%Y-%m-%d %H:%M} UTC) by run {snapshot.run_id[:8]}: {days}. "
        f"Amounts are in {snapshot.currency}."
    )


main()
