"""Data health: what was delivered, what was refused and why, how fresh it is, and whether the numbers are proven."""

import pandas as pd
import streamlit as st

from leap_assets.dashboard.figures import BLUE, RED, SKY, Board, Chart, Figure, bars
from leap_assets.dashboard.filters import Filters, choose
from leap_assets.landing.validation import quote_literal

BOOKS = "leap_mart.ingestion_daily"
REJECTIONS = "leap_mart.rejections_daily"
PROOFS = "leap_mart.proof_daily"
LINES = "leap_raw.rejected_line"


def books_sql(filters: Filters, log: str) -> str:
    """The books of each delivery day."""
    return f"""select
    delivery_date,
    sum(received) as received,
    sum(accepted) as accepted,
    sum(duplicate) as duplicate,
    sum(rejected) as rejected
from {BOOKS}
{filters.where("delivery_date", also=_of(log))}
group by delivery_date
order by delivery_date"""


def logs_sql(filters: Filters) -> str:
    """The books of each log, and the last day that it brought anything."""
    return f"""select
    log,
    sum(received) as received,
    sum(accepted) as accepted,
    sum(duplicate) as duplicate,
    sum(rejected) as rejected,
    round(100 * sum(rejected) / nullif(sum(received), 0), 3) as rejected_percent,
    max(delivery_date) filter (received > 0) as last_delivery
from {BOOKS}
{filters.where("delivery_date")}
group by log
order by log"""


def reasons_sql(filters: Filters, log: str) -> str:
    """Rejected lines by day and reason."""
    return f"""select delivery_date, reason, sum(lines) as lines
from {REJECTIONS}
{filters.where("delivery_date", also=_of(log))}
group by all
order by all"""


def examples_sql(filters: Filters, log: str) -> str:
    """Some rejected lines of each reason."""
    return f"""select log, delivery_date, reason, message, source_file, line_number, left(raw_line, 500) as line
from {LINES}
{filters.where("delivery_date", also=_of(log))}
qualify row_number() over (partition by log, reason order by delivery_date desc, source_file, line_number) <= 3
order by log, reason, delivery_date desc, line_number
limit 200"""


def proofs_sql(filters: Filters) -> str:
    """Rows compared with the simulator's truth and with the second opinion, and those that differ."""
    return f"""select
    mart,
    "by" as compared_with,
    sum(rows_compared) as rows_compared,
    sum(rows_differing) as rows_differing,
    max(event_date) as last_day
from {PROOFS}
{filters.where("event_date")}
group by all
order by rows_differing desc, mart, compared_with"""


def _of(log: str) -> str:
    return "" if log == ALL else f"log = {quote_literal(log)}"


ALL = "All logs"


def show(board: Board) -> None:
    """The page."""
    filters = choose(board.snapshot)
    found = board.rows(f"select distinct log from {BOOKS} order by log")["log"].tolist()
    log = st.selectbox(
        "Log", [ALL, *found], key="log", bind="query-params", persist_state="session", width=230
    )
    _show_tiles(board, filters, log)
    board.show(
        Figure(
            "Lines by what became of them",
            books_sql(filters, log),
            [BOOKS, f"{BOOKS}.accepted", f"{BOOKS}.duplicate", f"{BOOKS}.rejected"],
            lambda rows: bars(
                rows,
                "lines",
                {"accepted": "Accepted", "duplicate": "Duplicate", "rejected": "Rejected"},
                colors=(BLUE, SKY, RED),
                day="delivery_date",
            ),
            empty="No delivery on these days.",
            note="By delivery day: received = accepted + duplicate + rejected.",
        ),
        Figure(
            "Rejected lines by reason",
            reasons_sql(filters, log),
            [REJECTIONS],
            _draw_reasons,
            empty="No line was rejected on these days.",
        ),
    )
    board.show(Figure("Logs", logs_sql(filters), [BOOKS], None, empty="No delivery on these days."))
    board.show(
        Figure(
            "Examples of rejected lines",
            examples_sql(filters, log),
            [REJECTIONS],
            None,
            empty="No line was rejected on these days.",
            note="Three of each log and reason; the warehouse keeps all of them in leap_raw.rejected_line.",
        )
    )
    if board.rows("select 1 from information_schema.tables where table_name = 'proof_daily'").empty:
        st.info(
            "Nothing was compared yet. `make verify` computes every table again from the delivered files, of any "
            "source; a run of the simulated world compares the marts with its truth, unless LEAP_PROOFS=0."
        )
        return
    board.show(
        Figure(
            "Proofs",
            proofs_sql(filters),
            [PROOFS],
            None,
            empty="Nothing was compared on these days. `make verify` computes every table again, from delivered files.",
            note=(
                "Every table computed a second time by other code: from the simulator's truth (truth), and by the last "
                "`make verify` from the delivered files (second_opinion)."
            ),
        )
    )


def _show_tiles(board: Board, filters: Filters, log: str) -> None:
    books = board.rows(books_sql(filters, log))
    received = int(books["received"].sum())
    places = st.container(key="tiles").columns(5)
    places[0].metric(
        "Received", f"{received:,}", help=board.define([f"{BOOKS}.received"]), border=True, height="stretch"
    )
    for place, column in zip(places[1:4], ("accepted", "duplicate", "rejected"), strict=True):
        count = int(books[column].sum())
        place.metric(
            column.capitalize(),
            f"{count:,}",
            delta=f"{count / received:.2%}" if received else None,
            delta_color="off",
            delta_arrow="off",
            help=board.define([f"{BOOKS}.{column}"]),
            border=True,
            height="stretch",
        )
    last = books.loc[books["received"] > 0, "delivery_date"]
    places[4].metric(
        "Last delivery",
        last.max().strftime("%Y-%m-%d") if len(last) else "none",
        help="The last delivery day with a line.",
        border=True,
        height="stretch",
    )


def _draw_reasons(rows: pd.DataFrame) -> Chart:
    wide = rows.pivot_table(
        index="delivery_date", columns="reason", values="lines", aggfunc="sum"
    ).reset_index()
    names = [name for name in wide.columns if name != "delivery_date"]
    return bars(wide, "reason", {name: str(name) for name in names}, day="delivery_date")
