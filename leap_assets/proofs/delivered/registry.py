"""Which tables the second opinion covers, and what identifies their rows. A table of contents that computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from leap_assets.proofs.delivered import dimensions, opinion
from leap_assets.proofs.frames import Frame
from leap_assets.proofs.registry import PROOFS, Proof

Source = Literal["known", "opinion", "countries", "stretches"]


@dataclass(frozen=True)
class Table:
    """How a table is computed.

    Attributes
    ----------
    proof : Proof
    source : str
        What the rows are computed from: facts, the whole opinion (for its books), the seed of countries, or nothing,
        since they come stretch by stretch.
    is_published : bool
        Whether the published file has the table; else the warehouse.
    """

    proof: Proof
    source: Source = "known"
    is_published: bool = True

    @property
    def is_of_range(self) -> bool:
        """Whether some days of it can be computed without all that came before."""
        return self.source in ("opinion", "stretches") or self.proof.is_day_table


def _day_table(
    key: tuple[str, ...], prove: Callable[[Any], Frame] = lambda nothing: {}, schema: str = "leap_stage"
) -> Proof:
    return Proof(prove, key, is_day_table=True, schema=schema)


_PLACE = ("delivery_date", "log", "reason")
LINES = "lines_by_reason"
# no table of the warehouse: its lines and rejected lines, counted

TABLES: Mapping[str, Table] = {
    **{name: Table(proof) for name, proof in PROOFS.items() if not proof.of_books},
    "ingestion_daily": Table(
        replace(PROOFS["ingestion_daily"], prove=opinion.prove_ingestion_daily), "opinion"
    ),
    "rejections_daily": Table(
        replace(PROOFS["rejections_daily"], prove=opinion.prove_rejections_daily), "opinion"
    ),
    "fact_session": Table(
        _day_table(("player_id", "session_id", "event_date", "is_from_events")), "stretches"
    ),
    "fact_transaction": Table(_day_table(("transaction_id", "event_date")), "stretches"),
    "stage_centroids": Table(_day_table(("session_id", "team_id", "beat", "event_date")), "stretches"),
    "dim_players": Table(Proof(dimensions.prove_dim_players, ("player_id",), day="", schema="leap_dim")),
    "dim_products": Table(
        Proof(dimensions.prove_dim_products, ("purchase_item", "valid_from"), day="", schema="leap_dim")
    ),
    "dim_countries": Table(
        Proof(dimensions.prove_dim_countries, ("code",), day="", schema="leap_dim"), "countries"
    ),
    "dim_dates": Table(Proof(dimensions.prove_dim_dates, ("date",), day="date", schema="leap_dim")),
    "fact_player_day": Table(
        _day_table(("player_id", "event_date"), dimensions.prove_fact_player_day), is_published=False
    ),
    LINES: Table(
        Proof(opinion.prove_lines_by_reason, _PLACE, day="delivery_date", schema="main"),
        "opinion",
        is_published=False,
    ),
}
