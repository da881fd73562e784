"""Thresholds of what a delivery should look like: figures of the loaded days, each compared with its limit.

Where the contract decides about single lines, a threshold looks at all lines of some delivery days: too few, too
many rejected, too many from the future. What happens when one is missed is decided by the caller.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from leap_assets.landing.contracts import CONTRACTS, SESSION_MAX_HOURS

Query: TypeAlias = Callable[[str, Sequence[Any]], Sequence[Any]]
# SQL that the engines have in common and the values of its question marks, to rows
MOST_EXAMPLES = 5
# of sessions in one sentence
LOOK_BACK_DAYS = 62
# Deliveries before and behind a run in which the other end of its sessions is looked for: twice the most that
# LEAP_SESSION_MAX_HOURS can be. Looking through all of history would cost more every night.
FUTURE_GRACE_H = 1
# sessions end after midnight: only lines further ahead of their delivery day come from a wrong clock


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Limits; a share is of all lines of a log and delivery day."""

    min_events: int = 1
    event_types: tuple[str, ...] = ("session_start", "session_end")
    max_null_share: float = 0.5
    max_rejected_share: float = 0.05
    max_future_share: float = 0.01
    max_price_factor: float = 10.0
    session_max_hours: float = SESSION_MAX_HOURS


@dataclasses.dataclass(frozen=True)
class Finding:
    """One figure beside its limit: the worst over the days that were looked at."""

    name: str
    table: str
    passed: bool
    figure: float
    limit: float
    said: str


CLAIMS: dict[str, tuple[str, str]] = {
    # name -> table of leap_raw, description
    "enough_client_events_arrived": (
        "event_client",
        "Every delivery day has at least LEAP_CHECK_MIN_EVENTS valid client events.",
    ),
    "every_required_event_type_arrived": (
        "event_client",
        "Every delivery day has client events of each type in LEAP_CHECK_EVENT_TYPES.",
    ),
    "client_prices_are_plausible": (
        "event_client",
        "No price is more than LEAP_CHECK_PRICE_FACTOR times the median price of its product and currency.",
    ),
    "transaction_prices_are_plausible": (
        "event_transaction",
        "No price is more than LEAP_CHECK_PRICE_FACTOR times the median price of its product and currency.",
    ),
    "few_lines_are_rejected": (
        "rejected_line",
        "At most LEAP_CHECK_REJECTED_SHARE of the lines of a log and delivery day break its contract.",
    ),
    "no_column_changed_its_type": (
        "rejected_line",
        "At most LEAP_CHECK_REJECTED_SHARE of the lines of a log and delivery day have a wrong type in one column.",
    ),
    "few_clocks_are_ahead": (
        "delivery",
        f"At most LEAP_CHECK_FUTURE_SHARE of the lines of a log and delivery day are more than {FUTURE_GRACE_H} h "
        "ahead of its end.",
    ),
    "no_session_is_too_long": (
        "delivery",
        "No session is longer than LEAP_SESSION_MAX_HOURS. Longer ones of the session log are rejected; events of the "
        "client log between a start and an end further apart count on their own days.",
    ),
    "few_optional_values_are_missing": (
        "delivery",
        "At most LEAP_CHECK_NULL_SHARE of the lines of a log and delivery day lack a value that is optional, but "
        "usual: country, platform, session.",
    ),
}

USUAL = {
    "player": ("country", "platform"),
    "signons": ("platform",),
    "session": ("country",),
    "heartbeat": ("team_id",),
    "client": ("session_id",),
}
# optional columns that most lines should have all the same


def check_thresholds(
    query: Query, days: Sequence[dt.date], logs: Sequence[str], limits: Thresholds
) -> list[Finding]:
    """Compare the loaded delivery days of some logs with their thresholds.

    Parameters
    ----------
    query : callable
        Asks the warehouse.
    days : sequence of date
        Delivery days, consecutive.
    logs : sequence of str
        Logs that the source has.
    limits : Thresholds

    Returns
    -------
    list of Finding
        In the order of `CLAIMS`; without those about logs that the source does not have.
    """
    window = [days[0], days[-1]]
    findings = []
    if "client" in logs:
        findings += [_count_events(query, days, limits), _look_for_types(query, days, limits)]
        findings.append(_look_at_prices(query, window, "client", limits))
    if "transaction" in logs:
        findings.append(_look_at_prices(query, window, "transaction", limits))
    findings += [
        _share_rejected(query, window, limits),
        _share_of_wrong_types(query, window, limits),
        _share_ahead(query, window, logs, limits),
        _long_sessions(query, days, limits),
        _share_of_nulls(query, window, logs, limits),
    ]
    return findings


def _finding(name: str, figure: float, limit: float, said: str, *, passed: bool) -> Finding:
    return Finding(name, CLAIMS[name][0], passed, figure, limit, said)


def _count_events(query: Query, days: Sequence[dt.date], limits: Thresholds) -> Finding:
    counts = dict.fromkeys(days, 0) | dict(
        query(
            """select delivery_date, count(*) from leap_raw.event_client
            where delivery_date between ? and ? group by 1""",
            [days[0], days[-1]],
        )
    )
    day = min(counts, key=lambda day: (counts[day], day))
    said = f"fewest on {day}: {counts[day]:,} client events"
    return _finding(
        "enough_client_events_arrived",
        counts[day],
        limits.min_events,
        said,
        passed=counts[day] >= limits.min_events,
    )


def _look_for_types(query: Query, days: Sequence[dt.date], limits: Thresholds) -> Finding:
    seen = set(
        query(
            """select distinct delivery_date, event_type from leap_raw.event_client
            where delivery_date between ? and ?""",
            [days[0], days[-1]],
        )
    )
    lacking = [(day, name) for day in days for name in limits.event_types if (day, name) not in seen]
    said = (
        "lacking: " + ", ".join(f"{name} on {day}" for day, name in lacking[:10])
        if lacking
        else "none is lacking"
    )
    return _finding("every_required_event_type_arrived", len(lacking), 0, said, passed=not lacking)


def _look_at_prices(query: Query, window: Sequence[dt.date], log: str, limits: Thresholds) -> Finding:
    item, price = ("product", "price") if log == "client" else ("purchase_item", "purchase_price")
    outliers = query(
        f"""with priced as (
            select {item} as item, currency, {price} as price, source_file, line_number, delivery_date
            from leap_raw.event_{log} where {price} > 0
        ),
        usual as (select item, currency, median(price) as usual from priced group by all)
        select item, currency, price, cast(price / usual as double), source_file, line_number
        from priced join usual using (item, currency)
        where delivery_date between ? and ? and price > usual * ?
        order by 4 desc, 5, 6 limit 10""",
        [*window, limits.max_price_factor],
    )
    said = "; ".join(f"{row[0]} for {row[2]} {row[1]}, line {row[5]} of {row[4]}" for row in outliers)
    figure = round(outliers[0][3], 1) if outliers else 0.0
    return _finding(
        f"{log}_prices_are_plausible",
        figure,
        limits.max_price_factor,
        said or "no price stands out",
        passed=not outliers,
    )


def _worst(name: str, rows: Sequence[Any], limit: float) -> Finding:
    """The finding of the largest share among rows of (share, what it is the share of)."""
    share, said = rows[0] if rows else (0.0, "there are no lines")
    said = f"most: {said}, {share:.2%}" if rows else said
    return _finding(name, round(share, 6), limit, said, passed=share <= limit)


def _share_rejected(query: Query, window: Sequence[dt.date], limits: Thresholds) -> Finding:
    rows = query(
        """with rejected as (
            select log, delivery_date, count(*) as lines from leap_raw.rejected_line group by all
        )
        select coalesce(lines, 0) / received as share, concat(log, ' on ', delivery_date)
        from leap_raw.delivery left join rejected using (log, delivery_date)
        where delivery_date between ? and ? and received > 0
        order by share desc, 2 limit 1""",
        window,
    )
    return _worst("few_lines_are_rejected", rows, limits.max_rejected_share)


def _share_of_wrong_types(query: Query, window: Sequence[dt.date], limits: Thresholds) -> Finding:
    rows = query(
        """with wrong as (
            select log, delivery_date, split_part(message, ':', 1) as column_name, count(*) as lines,
                min(message) as example
            from leap_raw.rejected_line where reason = 'wrong_type' group by all
        )
        select lines / received as share,
            concat(column_name, ' of log ', log, ' on ', delivery_date, ' (', example, ')')
        from wrong join leap_raw.delivery using (log, delivery_date)
        where delivery_date between ? and ? order by share desc, 2 limit 1""",
        window,
    )
    return _worst("no_column_changed_its_type", rows, limits.max_rejected_share)


def _share_ahead(query: Query, window: Sequence[dt.date], logs: Sequence[str], limits: Thresholds) -> Finding:
    timed = [(log, time) for log in logs if (time := CONTRACTS[log].time)]
    ahead = " union all ".join(
        f"""select '{log}' as log, delivery_date from leap_raw.event_{log} as lines
        where lines.{time} >= delivery_date + interval {24 + FUTURE_GRACE_H} hour"""
        for log, time in timed
    )
    rows = query(
        f"""with ahead as (
            {ahead or "select '' as log, date '1970-01-01' as delivery_date where false"}
            union all
            select log, delivery_date from leap_raw.rejected_line
            where reason = 'out_of_window' and contains(message, ' h after its delivery day')
        ),
        counted as (select log, delivery_date, count(*) as lines from ahead group by all)
        select coalesce(lines, 0) / received as share, concat(log, ' on ', delivery_date)
        from leap_raw.delivery left join counted using (log, delivery_date)
        where delivery_date between ? and ? and received > 0
        order by share desc, 2 limit 1""",
        window,
    )
    return _worst("few_clocks_are_ahead", rows, limits.max_future_share)


def _long_sessions(query: Query, days: Sequence[dt.date], limits: Thresholds) -> Finding:
    rejected = query(
        f"""select message, source_file, line_number, count(*) over () as found from leap_raw.rejected_line
        where log = 'session' and reason = 'out_of_window' and contains(message, ' seconds are more than ')
            and delivery_date between ? and ?
        order by delivery_date, source_file, line_number limit {MOST_EXAMPLES}""",
        [days[0], days[-1]],
    )
    look_back = dt.timedelta(days=LOOK_BACK_DAYS)
    # a start, and the first end behind it in the order that player-sessions are made in
    spans = query(
        f"""with ends as (
            select player_id, session_id, event_id, timestamp as happened_at, delivery_date,
                case when event_type = 'session_end' then 1 else 0 end as is_end
            from leap_raw.event_client
            where session_id is not null and event_type in ('session_start', 'session_end')
                and delivery_date between ? and ?
        ),
        followed as (
            select player_id, session_id, happened_at, is_end,
                min(case when is_end = 1 then happened_at end) over (
                    partition by player_id, session_id order by happened_at, is_end, event_id
                    rows between 1 following and unbounded following
                ) as next_end,
                max(case when delivery_date between ? and ? then 1 else 0 end) over (
                    partition by player_id, session_id
                ) as is_delivered
            from ends
        ),
        too_long as (
            select player_id, session_id, min(happened_at) as started_at, min(next_end) as ended_at
            from followed
            where is_end = 0 and is_delivered = 1
                and next_end > happened_at + interval {round(limits.session_max_hours * 3600)} second
            group by player_id, session_id
        )
        select player_id, session_id, started_at, ended_at, count(*) over () as found
        from too_long order by started_at, player_id, session_id limit {MOST_EXAMPLES}""",
        [days[0] - look_back, days[-1] + look_back, days[0], days[-1]],
    )
    examples = [f"session: line {row[2]} of {row[1]} ({row[0]})" for row in rejected]
    examples += [
        f"client: player {row[0]}, session {row[1]}, {(row[3] - row[2]).total_seconds() / 3600:.1f} h from {row[2]}"
        for row in spans
    ]
    found = sum(rows[0][-1] for rows in (rejected, spans) if rows)
    said = f"{found:,} sessions are longer than {limits.session_max_hours:g} h: {'; '.join(examples)}"
    return _finding(
        "no_session_is_too_long", found, 0, said if found else "no session is too long", passed=not found
    )


def _share_of_nulls(
    query: Query, window: Sequence[dt.date], logs: Sequence[str], limits: Thresholds
) -> Finding:
    usual = [(log, column) for log in logs for column in USUAL.get(log, ())]
    shares = " union all ".join(
        f"""select count_if({column} is null) / count(*) as share,
            concat('{column} of log {log} on ', delivery_date) as what
        from leap_raw.event_{log} where delivery_date between ? and ? group by delivery_date"""
        for log, column in usual
    )
    rows: Sequence[Any] = []
    if shares:
        rows = query(
            f"select * from ({shares}) as shares order by share desc, what limit 1", [*window] * len(usual)
        )
    return _worst("few_optional_values_are_missing", rows, limits.max_null_share)
