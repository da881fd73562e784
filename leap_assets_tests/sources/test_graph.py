"""A mapped source through the real graph: the same checks, books and marts as any other source."""

import datetime as dt
from decimal import Decimal

import pytest

from leap_assets.sources.ledger import Ledger
from leap_assets_tests.sources.conftest import event, ndjson

pytestmark = pytest.mark.slow


@pytest.mark.smoke
def test_a_folder_of_files_and_one_select_are_all_it_takes(mapped_leap):
    leap = mapped_leap()
    (leap.settings.delivered_dir / "month.ndjson").write_bytes(
        ndjson(
            event(1),
            event(2, "2025-01-01 10:05:00", "purchase", item="sword", paid=4.99),
            event(3, what="heartbeat_of_the_engine"),
            b'{"id": "e4", "user',
            event(5, "2025-01-02T23:30:00-02:00"),
            event(6, "2025-01-03 00:00:00", "nobody knows"),
            event(7, "no time at all"),
        )
    )
    leap.run(dt.date(2025, 1, 1), dt.date(2025, 1, 3))
    assert leap.query("select delivery_date::text, received from leap_raw.delivery order by 1") == [
        ("2025-01-01", 2),
        ("2025-01-02", 0),
        ("2025-01-03", 4),
    ]
    assert leap.query("select reason, count(*) from leap_raw.rejected_line group by 1 order by 1") == [
        ("unknown_event_type", 1),
        ("unparsable", 1),
        ("wrong_type", 1),
    ]
    assert leap.query("select raw_line from leap_raw.rejected_line where reason = 'unparsable'") == [
        ('{"id": "e4", "user',)
    ]
    assert Ledger(leap.settings.landing_dir).stale_days() == {}
    assert leap.query(
        "select event_date::text, purchase_amount from leap_mart.kpi_daily where purchase_amount > 0"
    ) == [("2025-01-01", Decimal("4.99"))]


def test_a_changed_file_names_the_days_that_a_run_of_others_does_not_build(mapped_leap):
    leap = mapped_leap()
    path = leap.settings.delivered_dir / "month.ndjson"
    path.write_bytes(ndjson(event(1), event(2, "2025-01-02 10:00:00")))
    leap.run(1, 2)
    path.write_bytes(ndjson(event(1), event(2, "2025-01-04 10:00:00")))
    result = leap.run(1)
    ledger = Ledger(leap.settings.landing_dir)
    assert list(ledger.stale_days()) == [dt.date(2025, 1, 2), dt.date(2025, 1, 4)]
    totals = result.asset_materializations_for_node("take_in")[0].metadata
    assert (totals["records"].value, totals["ignored"].value) == (2, 0)
    leap.run(2, 4)
    assert ledger.stale_days() == {}
    assert leap.query("select event_id, event_date::text from leap_raw.event_client order by 1") == [
        ("e1", "2025-01-01"),
        ("e2", "2025-01-04"),
    ]
