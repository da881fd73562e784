"""What is let in, and as what: limits of time and value, forms of ids and times, repeats, countries."""

from .writing import (
    Case,
    Line,
    day,
    event,
    fix,
    listed,
    paid,
    registered,
    session,
    signed_on,
    span,
    text,
    time,
)

DAYS = span("2025-03-01", "2025-03-06")
BILLION = 1_000_000_000


def _raw(log: str, prefix: str) -> str:
    column = "timestamp" if log == "client" else "event_date_time"
    return f"""select player_id, {column}, event_date from leap_raw.event_{log}
    where player_id like '{prefix}%' order by 1, 2"""


def _rejected(prefix: str) -> str:
    return f"""select regexp_extract(raw_line, '{prefix}[a-z0-9]*') as id, reason from leap_raw.rejected_line
    where raw_line like '%{prefix}%' and reason <> 'conflicting_duplicate' order by all"""


CASES = (
    Case(
        "a line is early up to 24 hours after its delivery day, the end included",
        "plain",
        DAYS,
        [
            signed_on("early-a", "2025-03-04T23:59:59.999999Z", on="2025-03-03"),
            signed_on("early-b", "2025-03-05T00:00:00Z", on="2025-03-03"),
            signed_on("early-c", "2025-03-05T00:00:00.000001Z", on="2025-03-03"),
            # Of a session it is the end that is too early.
            session("early-d", "early-1", "2025-03-05T00:00:00Z", 7200, on="2025-03-03"),
            session("early-e", "early-2", "2025-03-05T00:00:01Z", 7200, on="2025-03-03"),
        ],
        [
            (
                _raw("signons", "early-"),
                [
                    ("early-a", time("2025-03-04 23:59:59.999999"), day("2025-03-04")),
                    ("early-b", time("2025-03-05 00:00"), day("2025-03-05")),
                ],
            ),
            (_raw("session", "early-"), [("early-d", time("2025-03-05 00:00"), day("2025-03-04"))]),
            (_rejected("early-"), [("early-c", "out_of_window"), ("early-e", "out_of_window")]),
        ],
    ),
    Case(
        "a line is late up to 72 hours before its delivery day, the end included; a session by its start",
        "plain",
        DAYS,
        [
            event("late-1", "late-a", "feature_used", "2025-03-02T00:00:00Z", on="2025-03-05", feature="map"),
            event(
                "late-2",
                "late-b",
                "feature_used",
                "2025-03-01T23:59:59.999999Z",
                on="2025-03-05",
                feature="map",
            ),
            session("late-c", "late-1", "2025-03-02T01:00:00Z", 3600, on="2025-03-05"),
            session("late-d", "late-2", "2025-03-02T00:59:59.999999Z", 3600, on="2025-03-05"),
        ],
        [
            (_raw("client", "late-"), [("late-a", time("2025-03-02 00:00"), day("2025-03-02"))]),
            (_raw("session", "late-"), [("late-c", time("2025-03-02 01:00"), day("2025-03-02"))]),
            (_rejected("late-"), [("late-2", "out_of_window"), ("late-d", "out_of_window")]),
        ],
    ),
    Case(
        "nothing is older than the first day of the warehouse",
        "plain",
        span("2024-12-30", "2025-01-02"),
        [
            signed_on("old-a", "2024-12-30T00:00:00Z"),
            signed_on("old-b", "2024-12-29T23:59:59.999999Z", on="2024-12-30"),
            session("old-c", "old-1", "2024-12-30T00:10:00Z", 600),
            session("old-d", "old-2", "2024-12-30T00:10:00Z", 601),
        ],
        [
            (_raw("signons", "old-"), [("old-a", time("2024-12-30 00:00"), day("2024-12-30"))]),
            (_raw("session", "old-"), [("old-c", time("2024-12-30 00:10"), day("2024-12-30"))]),
            (_rejected("old-"), [("old-b", "out_of_window"), ("old-d", "out_of_window")]),
        ],
    ),
    Case(
        "a session is as long as 24 hours, and no longer",
        "plain",
        DAYS,
        [
            session("len-a", "len-1", "2025-03-03T12:00:00Z", 86_400),
            session("len-b", "len-2", "2025-03-03T12:00:00Z", "86400.000001"),
            session("len-c", "len-3", "2025-03-03T12:00:00Z", -1),
        ],
        [
            (
                "select player_id, event_date, length_s from leap_stage.fact_session where player_id like 'len-%'",
                [("len-a", day("2025-03-02"), 86_400)],
            ),
            (_rejected("len-"), [("len-b", "out_of_window"), ("len-c", "value_not_allowed")]),
        ],
    ),
    Case(
        "a time is ISO 8601, with an offset it is converted, without one it is UTC",
        "plain",
        DAYS,
        [
            signed_on("iso-a", "2025-03-02T00:30:00+01:00"),
            signed_on("iso-b", "2025-03-02T23:30:00-05:30"),
            signed_on("iso-c", "2025-03-02T12:00Z"),
            signed_on("iso-d", "2025-03-02 12:00:00"),
            signed_on("iso-e", "2025-03-02"),
            signed_on("iso-f", "2025-03-02T12:00:00.1234569 UTC"),
            signed_on("iso-g", "2025-03-02T12:00+14"),
            signed_on("iso-h", "2025-03-02 12:00:00 BST", on="2025-03-02"),
            signed_on("iso-i", "2025-03-02T12:00:00+05:99", on="2025-03-02"),
            signed_on("iso-j", "2025-03-02T24:00:00Z", on="2025-03-02"),
            signed_on("iso-k", "2025-03-02T12:00:00 Europe/Berlin", on="2025-03-02"),
            signed_on("iso-l", "2025-03-02T12:00:00+16:00", on="2025-03-02"),
            signed_on("iso-m", "2025-02-29T12:00:00Z", on="2025-03-01"),
            signed_on("iso-n", "infinity", on="2025-03-01"),
        ],
        [
            (
                _raw("signons", "iso-"),
                [
                    ("iso-a", time("2025-03-01 23:30"), day("2025-03-01")),
                    ("iso-b", time("2025-03-03 05:00"), day("2025-03-03")),
                    ("iso-c", time("2025-03-02 12:00"), day("2025-03-02")),
                    ("iso-d", time("2025-03-02 12:00"), day("2025-03-02")),
                    ("iso-e", time("2025-03-02 00:00"), day("2025-03-02")),
                    ("iso-f", time("2025-03-02 12:00:00.123456"), day("2025-03-02")),
                    ("iso-g", time("2025-03-01 22:00"), day("2025-03-01")),
                ],
            ),
            (_rejected("iso-"), [(f"iso-{letter}", "wrong_type") for letter in "hijklmn"]),
        ],
    ),
    Case(
        "an id is a text; a whole number in any form is that number; one that is none is missing",
        "plain",
        DAYS,
        [
            text("signons", "2025-03-01", '{"player_id": 417, "event_date_time": "2025-03-01T10:00:01Z"}'),
            text("signons", "2025-03-01", '{"player_id": 417.0, "event_date_time": "2025-03-01T10:00:02Z"}'),
            text("signons", "2025-03-01", '{"player_id": 4.17e2, "event_date_time": "2025-03-01T10:00:03Z"}'),
            text("signons", "2025-03-01", '{"player_id": "417", "event_date_time": "2025-03-01T10:00:04Z"}'),
            signed_on(417.0, "2025-03-01T10:00:05Z", file="b.parquet"),
            Line(
                "signons",
                day("2025-03-01"),
                {"player_id": "417.0", "event_date_time": "2025-03-01T10:00:06Z"},
                "c.csv",
            ),
            # All digits are exact, beyond 2^53 too; of a double they are not.
            text(
                "signons",
                "2025-03-01",
                '{"player_id": 76561198000000001, "event_date_time": "2025-03-01T10:00:07Z"}',
            ),
            signed_on(76561198000000001.0, "2025-03-01T10:00:08Z", file="d.parquet"),
            text(
                "signons",
                "2025-03-01",
                '{"player_id": 7.6561198000000001e16, "event_date_time": "2025-03-01T10:00:09Z"}',
            ),
            text("signons", "2025-03-01", '{"player_id": NaN, "event_date_time": "2025-03-01T10:00:10Z"}'),
            text("signons", "2025-03-01", '{"player_id": " ", "event_date_time": "2025-03-01T10:00:11Z"}'),
            text(
                "signons",
                "2025-03-01",
                '{"player_id": "\\u200b\\ufeff", "event_date_time": "2025-03-01T10:00:12Z"}',
            ),
            signed_on(float("nan"), "2025-03-01T10:00:13Z", file="e.parquet"),
            # A text keeps its form.
            text(
                "signons", "2025-03-01", '{"player_id": "418.0", "event_date_time": "2025-03-01T10:00:14Z"}'
            ),
            # A session id that is missing is one: half an hour of silence ends its session.
            text(
                "client",
                "2025-03-01",
                '{"event_id": "nid-1", "player_id": "nid-a", "session_id": "  ", "event_type": "session_start", '
                '"timestamp": "2025-03-01T10:00:00Z"}',
            ),
        ],
        [
            (
                """select player_id, count(*) from leap_raw.event_signons where player_id in
                ('417', '417.0', '4.17e2', '76561198000000001', '76561198000000000', '418.0', 'NaN', '418')
                group by 1 order by 1""",
                [("417", 6), ("418.0", 1), ("76561198000000001", 1)],
            ),
            (
                """select reason, count(*) from leap_raw.rejected_line
                where raw_line like '%2025-03-01T10:00:0%' or raw_line like '%2025-03-01T10:00:1%' group by 1 order by 1""",
                [("missing_required", 4), ("wrong_type", 2)],
            ),
            ("select session_id is null from leap_raw.event_client where player_id = 'nid-a'", [(True,)]),
        ],
    ),
    Case(
        "values at their bounds are let in, beyond them not",
        "plain",
        DAYS,
        [
            session("bnd-a", "bnd-1", "2025-03-01T12:00:00Z", 60, kills=BILLION, deaths=BILLION),
            session("bnd-b", "bnd-2", "2025-03-01T12:00:00Z", 60, kills=BILLION + 1),
            session("bnd-c", "bnd-3", "2025-03-01T12:00:00Z", 60, deaths=-1),
            paid("bnd-1", "bnd-d", "2025-03-01T12:00:00Z", BILLION),
            paid("bnd-2", "bnd-e", "2025-03-01T12:00:00Z", -BILLION),
            paid("bnd-3", "bnd-f", "2025-03-01T12:00:00Z", BILLION + 1),
            paid("bnd-4", "bnd-g", "2025-03-01T12:00:00Z", -BILLION - 1),
            paid("bnd-5", "bnd-h", "2025-03-01T12:00:00Z", 1, "XXX"),
            event("bnd-1", "bnd-i", "ad_watched", "2025-03-01T12:00:00Z", revenue=BILLION),
            event("bnd-2", "bnd-j", "ad_watched", "2025-03-01T12:00:00Z", revenue=BILLION + 1),
            event("bnd-3", "bnd-k", "level_start", "2025-03-01T12:00:00Z", level=BILLION),
            event("bnd-4", "bnd-l", "level_start", "2025-03-01T12:00:00Z", level=BILLION + 1),
            event(
                "bnd-5",
                "bnd-m",
                "level_complete",
                "2025-03-01T12:00:00Z",
                level=1,
                score=10**15,
                time_spent=BILLION,
            ),
            event("bnd-6", "bnd-n", "level_complete", "2025-03-01T12:00:00Z", level=1, score=-(10**15) - 1),
            event(
                "bnd-7", "bnd-o", "purchase", "2025-03-01T12:00:00Z", product="hat", price=-1, currency="USD"
            ),
            fix("bnd-p", "bnd-4", "2025-03-01T12:00:00Z", 1e12, "t1"),
            fix("bnd-q", "bnd-4", "2025-03-01T12:00:00Z", -1.1e12, "t1"),
            event("bnd-8", "bnd-r", "jumped", "2025-03-01T12:00:00Z"),
            event("bnd-9", "bnd-s", "level_start", "2025-03-01T12:00:00Z"),
            text("signons", "2025-03-01", '{"player_id": "bnd-t", "event_date'),
        ],
        [
            (
                """select player_id, kills, deaths from leap_stage.fact_session
                where player_id like 'bnd-%' and not is_from_events""",
                [("bnd-a", BILLION, BILLION)],
            ),
            (
                "select player_id, amount::bigint from leap_stage.fact_transaction where player_id like 'bnd-%' order by 1",
                [("bnd-d", BILLION), ("bnd-e", -BILLION)],
            ),
            (
                "select player_id from leap_stage.event_client where player_id like 'bnd-%' order by 1",
                [("bnd-i",), ("bnd-k",), ("bnd-m",)],
            ),
            ("select player_id from leap_stage.event_heartbeat where player_id like 'bnd-%'", [("bnd-p",)]),
            (
                """select reason, count(*) from leap_raw.rejected_line where raw_line like '%"bnd-%' group by 1 order by 1""",
                [
                    ("missing_required", 1),
                    ("unknown_event_type", 1),
                    ("unparsable", 1),
                    ("value_not_allowed", 10),
                ],
            ),
        ],
    ),
    Case(
        "a repeat is a repeat by its values; another value under the same key is a conflict and rejected",
        "plain",
        DAYS,
        [
            text(
                "client",
                "2025-03-01",
                '{"event_id": "rep-1", "player_id": "rep-a", "event_type": "purchase", "timestamp": "2025-03-01T12:00:00Z",'
                ' "properties": {"product": "hat", "price": 0.50, "currency": "USD", "more": {"b": [1, 2], "a": 1}}}',
            ),
            text(
                "client",
                "2025-03-01",
                '{"timestamp": "2025-03-01T13:00:00+01:00", "event_type": "purchase", "player_id": "rep-a", "event_id": "rep-1",'
                ' "properties": {"more": {"a": 1.0, "b": [1, 2]}, "currency": "USD", "price": 0.5, "product": "hat"}}',
            ),
            # The text "0.50" is not the number.
            text(
                "client",
                "2025-03-01",
                '{"event_id": "rep-1", "player_id": "rep-a", "event_type": "purchase", "timestamp": "2025-03-01T12:00:00Z",'
                ' "properties": {"product": "hat", "price": "0.50", "currency": "USD", "more": {"b": [1, 2], "a": 1}}}',
            ),
            # The order of a list counts.
            event("rep-2", "rep-a", "feature_used", "2025-03-01T12:00:00Z", feature="map", more=[1, 2]),
            event(
                "rep-2",
                "rep-a",
                "feature_used",
                "2025-03-01T12:00:00Z",
                feature="map",
                more=[2, 1],
                on="2025-03-02",
            ),
            paid("rep-1", "rep-b", "2025-03-01T12:00:00Z", "4.9900"),
            paid("rep-1", "rep-b", "2025-03-01T12:00:00Z", 4.99, on="2025-03-03"),
            paid("rep-1", "rep-b", "2025-03-01T12:00:00Z", 5, on="2025-03-02"),
            # The first is the one of the earlier delivery, then of the file that comes first, then of the line.
            session("rep-c", "rep-1", "2025-03-01T12:00:00Z", 60, kills=1, on="2025-03-03"),
            session("rep-c", "rep-1", "2025-03-01T12:00:00Z", 60, kills=2, on="2025-03-02", file="b.ndjson"),
            session("rep-c", "rep-1", "2025-03-01T12:00:00Z", 60, kills=3, on="2025-03-02", file="a.ndjson"),
            session("rep-c", "rep-1", "2025-03-01T12:00:00Z", 60, kills=4, on="2025-03-02", file="a.ndjson"),
            # On another event day a key is another fact.
            paid("rep-2", "rep-d", "2025-03-01T23:59:58Z", 1),
            paid("rep-2", "rep-d", "2025-03-02T00:00:03Z", 1),
            signed_on("rep-e", "2025-03-01T12:00:00Z", platform="pc"),
            signed_on("rep-e", "2025-03-01T12:00:00.000Z", platform="pc"),
            fix("rep-f", "rep-2", "2025-03-01T12:00:00Z", 1, "t1"),
            fix("rep-f", "rep-2", "2025-03-01T12:00:00Z", 1.0, "t1", file="b.parquet"),
            fix("rep-f", "rep-2", "2025-03-01T12:00:00Z", 2, "t1"),
        ],
        [
            (
                """select log, key, kind, count(*) from leap_stage.repeated_line where key like '%rep-%'
                group by all order by all""",
                [
                    ("client", "rep-1", "conflicting_duplicate", 1),
                    ("client", "rep-1", "duplicate", 1),
                    ("client", "rep-2", "conflicting_duplicate", 1),
                    ("heartbeat", "rep-f|rep-2|2025-03-01 12:00:00", "conflicting_duplicate", 1),
                    ("heartbeat", "rep-f|rep-2|2025-03-01 12:00:00", "duplicate", 1),
                    ("session", "rep-c|rep-1", "conflicting_duplicate", 3),
                    ("signons", "rep-e|2025-03-01 12:00:00", "duplicate", 1),
                    ("transaction", "rep-1", "conflicting_duplicate", 1),
                    ("transaction", "rep-1", "duplicate", 1),
                ],
            ),
            ("select kills from leap_stage.fact_session where player_id = 'rep-c'", [(3,)]),
            ("select position_x from leap_stage.event_heartbeat where player_id = 'rep-f'", [(1.0,)]),
            ("select count(*) from leap_stage.fact_transaction where player_id = 'rep-d'", [(2,)]),
            (
                """select log, count(*) from leap_raw.rejected_line
                where reason = 'conflicting_duplicate' and raw_line like '%rep-%' group by 1 order by 1""",
                [("client", 2), ("heartbeat", 1), ("session", 3), ("transaction", 1)],
            ),
        ],
    ),
    Case(
        "the books balance, and a conflicting duplicate is booked once, as rejected",
        "plain",
        span("2025-05-01", "2025-05-02"),
        [
            signed_on("book-a", "2025-05-01T12:00:00Z", platform="pc"),
            signed_on("book-a", "2025-05-01T12:00:00Z", platform="pc"),
            signed_on("book-a", "2025-05-01T12:00:00Z", platform="mobile"),
            signed_on("book-b", "2025-05-01T25:00:00Z", on="2025-05-01"),
            signed_on("book-c", "2025-05-01T12:00:00Z", on="2025-05-02"),
            signed_on("book-a", "2025-05-01T12:00:00Z", on="2025-05-02", platform="pc"),
        ],
        [
            (
                """select delivery_date, received, accepted, duplicate, rejected from leap_mart.ingestion_daily
                where log = 'signons' and delivery_date between '2025-05-01' and '2025-05-02' order by 1""",
                [(day("2025-05-01"), 4, 1, 1, 2), (day("2025-05-02"), 2, 1, 1, 0)],
            ),
            (
                """select delivery_date, log, reason, lines from leap_mart.rejections_daily
                where delivery_date between '2025-05-01' and '2025-05-02' order by all""",
                [
                    (day("2025-05-01"), "signons", "conflicting_duplicate", 1),
                    (day("2025-05-01"), "signons", "wrong_type", 1),
                ],
            ),
        ],
    ),
    Case(
        "the first registration counts, and each attribute comes from the first line that has it",
        "plain",
        DAYS,
        [
            registered("reg-a", "2025-03-02T12:00:00Z", country="DE", platform="pc"),
            registered(
                "reg-a", "2025-03-04T12:00:00Z", country="FR", platform="mobile", experiment_group="control"
            ),
            # Delivered later, registered earlier.
            registered("reg-b", "2025-03-03T12:00:00Z", country="FR"),
            registered("reg-b", "2025-03-02T12:00:00Z", country="DE", on="2025-03-05"),
            # One day, two files, each with an attribute of its own.
            registered("reg-c", "2025-03-02T12:00:00Z", country="DE"),
            registered("reg-c", "2025-03-02T12:00:00Z", platform="ios", file="b.ndjson"),
            # Plays before it registers: acquired when it registered.
            session("reg-d", "reg-1", "2025-03-01T12:00:00Z", 60),
            registered("reg-d", "2025-03-03T12:00:00Z", country="de"),
            # Never registers: acquired when first seen, by whatever log.
            signed_on("reg-e", "2025-03-02T12:00:00Z"),
            paid("reg-f", "reg-f", "2025-03-02T12:00:00Z", 1),
            registered("reg-g", "2025-03-02T12:00:00Z", country="Germany", platform=""),
        ],
        [
            (
                """select player_id, acquired_on, country, platform, experiment_group, is_inferred
                from leap_dim.dim_players where player_id like 'reg-%' order by 1""",
                [
                    ("reg-a", day("2025-03-02"), "DE", "pc", "control", False),
                    ("reg-b", day("2025-03-02"), "DE", "unknown", "unknown", False),
                    ("reg-c", day("2025-03-02"), "DE", "ios", "unknown", False),
                    ("reg-d", day("2025-03-03"), "DE", "unknown", "unknown", False),
                    ("reg-e", day("2025-03-02"), "unknown", "unknown", "unknown", True),
                    ("reg-f", day("2025-03-02"), "unknown", "unknown", "unknown", True),
                    ("reg-g", day("2025-03-02"), "unknown", "unknown", "unknown", False),
                ],
            ),
        ],
    ),
    Case(
        "a country is an ISO code in any case, else unknown",
        "plain",
        DAYS,
        [
            session("cou-a", "cou-1", "2025-03-01T12:00:00Z", 60, country=" de "),
            session("cou-b", "cou-1", "2025-03-01T12:00:00Z", 60, country="Germany"),
            session("cou-c", "cou-1", "2025-03-01T12:00:00Z", 60, country="XX"),
            session("cou-d", "cou-1", "2025-03-01T12:00:00Z", 60),
        ],
        [
            (
                "select player_id, country from leap_stage.fact_session where player_id like 'cou-%' order by 1",
                [("cou-a", "DE"), ("cou-b", None), ("cou-c", None), ("cou-d", None)],
            ),
            ("select code from leap_dim.dim_countries where is_inferred", [("unknown",)]),
        ],
    ),
    Case(
        "a price holds from its first day to the next price, without a gap, and again when it returns",
        "plain",
        span("2025-06-29", "2025-07-03"),
        [
            listed("cat-hat", "2025-06-29", 5, tier="1"),
            listed("cat-hat", "2025-06-30", 5.0, tier="2"),
            listed("cat-hat", "2025-07-01", 6),
            # Not in the catalogue on the 2nd: the price of before holds on.
            listed("cat-hat", "2025-07-03", 5),
            listed("cat-cap", "2025-06-29", 5),
            listed("cat-cap", "2025-06-30", 5, "EUR"),
            paid("cat-1", "cat-a", "2025-06-30T12:00:00Z", 1, item="cat-unlisted", transaction_type="Emotes"),
        ],
        [
            (
                """select purchase_item, price::double, currency, tier, valid_from, valid_to, is_inferred
                from leap_dim.dim_products where purchase_item like 'cat-%' order by 1, 5""",
                [
                    ("cat-cap", 5.0, "USD", None, day("2025-06-29"), day("2025-06-30"), False),
                    ("cat-cap", 5.0, "EUR", None, day("2025-06-30"), None, False),
                    ("cat-hat", 5.0, "USD", "2", day("2025-06-29"), day("2025-07-01"), False),
                    ("cat-hat", 6.0, "USD", None, day("2025-07-01"), day("2025-07-03"), False),
                    ("cat-hat", 5.0, "USD", None, day("2025-07-03"), None, False),
                    ("cat-unlisted", None, None, None, day("2025-06-30"), None, True),
                ],
            ),
        ],
    ),
)
