"""The rules of the metrics, and for each a query that has a row where a world reached it.

The queries look at the lines (leap_raw), the rejected lines and what the models made of them. A rule that no world
reaches is a rule that nothing tests: `test_worlds.py` fails for it.
"""

import dataclasses
from collections.abc import Iterable

from .running import Warehouse


@dataclasses.dataclass(frozen=True)
class Rule:
    """What the metrics say, and a query that has a row where lines came under it."""

    name: str
    sql: str


# Times of the lines that belong to a session id, with the day that each counts on as a line.
_ID_TIMES = """(
    select session_id, event_date as line_date, event_date_time - to_microseconds(cast(event_length_seconds * 1000000 as
    bigint)) as first_at, event_date_time as last_at from leap_raw.event_session
    union all select session_id, event_date, event_date_time, event_date_time from leap_raw.event_heartbeat
    union all select session_id, event_date, timestamp, timestamp from leap_raw.event_client where session_id is not null
)"""
_LIVES = f"""(select session_id, line_date, min(first_at) as first_at, max(last_at) as last_at from {_ID_TIMES}
    group by all)"""
_BESIDE = (
    f"""{_LIVES} as l join {_LIVES} as b on l.session_id = b.session_id and l.line_date = b.line_date + 1"""
)
# Events of a player in their order, with the one before.
_SILENT = """(select *, lag(timestamp) over w as previous_at, lag(event_type) over w as previous_type
    from leap_stage.event_client where session_id is null
    window w as (partition by player_id order by timestamp, event_type = 'session_end', event_id))"""
_NAMED = """(select *, lag(timestamp) over w as previous_at, lag(event_type) over w as previous_type
    from leap_stage.event_client where session_id is not null
    window w as (partition by player_id, session_id order by timestamp, event_type = 'session_end', event_id))"""
_ACTIVE = """(select player_id, event_date from leap_stage.fact_player_day join leap_dim.dim_dates on event_date = date
    where player_sessions > 0 and is_loaded)"""
_AGED = f"""(select p.player_id, event_date - acquired_on as age from {_ACTIVE} join leap_dim.dim_players as p using
    (player_id) where not is_internal)"""


def _rejected(reason: str, message: str = "%") -> str:
    return f"select 1 from leap_raw.rejected_line where reason = '{reason}' and message like '{message}'"


def _raw_times(condition: str) -> str:
    """Lines of any log by how far their time is from their delivery day."""
    logs = {
        "signons": "event_date_time",
        "transaction": "event_date_time",
        "heartbeat": "event_date_time",
        "player": "event_date_time",
        "client": "timestamp",
    }
    parts = (
        f"select {column} as happened_at, delivery_date from leap_raw.event_{log}"
        for log, column in logs.items()
    )
    return f"select 1 from ({' union all '.join(parts)}) where {condition}"


RULES = tuple(
    Rule(name, sql)
    for name, sql in {
        # Lines.
        "a line is unparsable": _rejected("unparsable"),
        "a required value is missing": _rejected("missing_required"),
        "an id of nothing but blanks is missing": _rejected("missing_required", "%_id is missing"),
        "a value has another type": _rejected("wrong_type"),
        "a time has no form of ISO 8601": _rejected("wrong_type", "%is not a time%"),
        "a value is not allowed": _rejected("value_not_allowed"),
        "a currency has no rate": _rejected("value_not_allowed", "%currency%"),
        "a client event is of no known type": _rejected("unknown_event_type"),
        "a line is too early": _rejected("out_of_window", "%after its delivery day%"),
        "a line is too late": _rejected("out_of_window", "%before its delivery day%"),
        "a line is before the first day": _rejected("out_of_window", "%before the first day%"),
        "a session is too long": _rejected("out_of_window", "%seconds are more than%"),
        "a line is exactly at the early limit": _raw_times("happened_at = delivery_date + interval 48 hour"),
        "a line is exactly at the late limit": _raw_times("happened_at = delivery_date - interval 72 hour"),
        "a line comes on a later day": _raw_times("happened_at::date < delivery_date"),
        "a line comes on an earlier day": _raw_times("happened_at::date > delivery_date"),
        "an event day has no delivery of its own": """select 1 from leap_stage.fact_player_day
            where event_date not in (select delivery_date from leap_raw.delivery)""",
        "an id is a number": "select 1 from leap_raw.event_signons where player_id ~ '[0-9]+'",
        "a session has fractions of a second": """select 1 from leap_raw.event_session
            where event_length_seconds <> round(event_length_seconds)""",
        "a count is at its bound": "select 1 from leap_raw.event_session where kills = 1000000000",
        "an amount is at its upper bound": "select 1 from leap_stage.fact_transaction where purchase_price = 1000000000",
        "an amount is at its lower bound": "select 1 from leap_stage.fact_transaction where purchase_price = -1000000000",
        # Repeats.
        "a line is repeated": "select 1 from leap_stage.repeated_line where kind = 'duplicate'",
        "a repeat has other values": "select 1 from leap_stage.repeated_line where kind = 'conflicting_duplicate'",
        "a key comes back on another day": """select 1 from leap_raw.event_transaction group by transaction_id
            having count(distinct event_date) > 1""",
        "equal objects are written differently": """select 1 from leap_raw.event_client join leap_stage.repeated_line as r
            on event_id = r.key and kind = 'duplicate' group by event_id having count(distinct properties) > 1""",
        # Player-sessions.
        "a player-session is over a midnight": """select 1 from leap_stage.fact_session
            where not is_from_events and ended_at::date > event_date""",
        "a player-session of events is over a midnight": """select 1 from leap_stage.fact_session
            where is_from_events and ended_at::date > event_date""",
        "a player-session is over several midnights": """select 1 from leap_stage.fact_session
            where ended_at::date > event_date + 1""",
        "a player-session has no length": "select 1 from leap_stage.fact_session where length_s = 0",
        "a player is in several sessions at once": """select 1 from leap_stage.fact_session as a
            join leap_stage.fact_session as b using (player_id)
            where a.session_id <> b.session_id and a.started_at < b.ended_at and b.started_at < a.ended_at""",
        "players of a match are of two days": """select 1 from leap_stage.fact_session where not is_from_events
            group by session_id having count(distinct event_date) = 2""",
        "an id lives over several midnights": f"select 1 from {_LIVES} group by session_id having count(*) > 2",
        "an id comes back after days": f"""select 1 from {_LIVES} group by session_id
            having max(line_date) - min(line_date) >= count(*)""",
        "an id goes on within six hours": f"select 1 from {_BESIDE} where l.first_at <= b.last_at + interval 6 hour",
        "an id pauses for more than six hours": f"select 1 from {_BESIDE} where l.first_at > b.last_at + interval 6 hour",
        "an id goes on, but began at six": f"""select 1 from {_BESIDE} where l.first_at <= b.last_at + interval 6 hour
            and b.first_at <= b.line_date + interval 6 hour""",
        "an id goes on until six in the evening": f"""select 1 from {_BESIDE}
            where l.first_at <= b.last_at + interval 6 hour and l.last_at >= l.line_date + interval 18 hour""",
        "a match counts on the day before": "select 1 from leap_stage.match_days where event_date < line_date",
        "a start has an end": """select 1 from leap_stage.fact_session
            where is_from_events and not is_end_inferred""",
        "an end is inferred": "select 1 from leap_stage.fact_session where is_end_inferred",
        "thirty minutes of silence end a session": f"""select 1 from {_SILENT}
            where timestamp - previous_at = interval 30 minute""",
        "silence is a moment too short": f"""select 1 from {_SILENT}
            where timestamp - previous_at between interval 20 minute and interval 1799999999 microsecond""",
        "silence lasts between half an hour and four": f"""select 1 from {_SILENT}
            where timestamp - previous_at between interval 31 minute and interval 4 hour""",
        "an event follows a session_end at once": f"""select 1 from {_SILENT}
            where previous_type = 'session_end' and timestamp < previous_at + interval 30 minute""",
        "an id has an end and goes on": f"select 1 from {_NAMED} where previous_type = 'session_end'",
        "a start has no end within the limit": f"""select 1 from {_NAMED}
            where event_type = 'session_end' and previous_type = 'session_start'
            and timestamp - previous_at > interval 24 hour""",
        "events are near a session of the log": """select 1 from leap_stage.event_client as e
            join leap_stage.fact_session as s on e.player_id = s.player_id and not s.is_from_events
            where e.timestamp between s.ended_at and s.ended_at + interval 29 minute""",
        "events are half an hour from a session of the log": """select 1 from leap_stage.event_client as e
            join leap_stage.fact_session as s on e.player_id = s.player_id and not s.is_from_events
            where e.timestamp = s.ended_at + interval 30 minute""",
        # Matches.
        "a beat has two positions": "select 1 from leap_stage.event_heartbeat where not is_last_of_beat",
        "a position is half a beat away": """select 1 from leap_stage.event_heartbeat
            join leap_stage.stage_matches as m using (session_id, event_date)
            where event_date_time = m.match_started_at + interval 15 second""",
        "a position is before its match": "select 1 from leap_stage.event_heartbeat where beat < 0",
        "a match starts with a position": """select 1 from leap_stage.stage_matches as m
            where not exists (from leap_stage.stage_match_players as p where p.session_id = m.session_id
            and p.event_date = m.event_date and p.started_at is not null)""",
        "a player has no team": "select 1 from leap_stage.event_heartbeat where team_id like 'player:%'",
        "a team looks like a player": "select 1 from leap_stage.event_heartbeat where team_id like 'team:player:%'",
        "a match has one team": """select 1 from leap_stage.stage_centroids group by session_id, event_date
            having count(distinct team_id) = 1""",
        "a team has several players": "select 1 from leap_stage.stage_centroids where players_present > 1",
        "a position has no height": "select 1 from leap_raw.event_heartbeat where position_z is null",
        "teams are exactly as far as the distance": """select 1 from leap_stage.stage_conflicts
            where min_centroid_distance in (30.0, 50.0)""",
        "players are in contact": "select 1 from leap_stage.stage_contacts",
        "a pair has two conflicts": "select 1 from leap_stage.stage_conflicts where conflict_number = 2",
        "a conflict has a pause": """select 1 from leap_stage.stage_conflicts
            where close_beats < round(epoch(conflict_end - conflict_start) / 20) - 1""",
        "a match has no conflict": "select 1 from leap_mart.session_close_conflicts_daily where conflict_count = 0",
        # Money.
        "a rate changes": """select 1 from leap_stage.fact_transaction where event_date = '2025-07-01'
            and currency in ('EUR', 'GBP', 'JPY', 'BRL')""",
        "a rate is about to change": """select 1 from leap_stage.fact_transaction where event_date = '2025-06-30'
            and currency in ('EUR', 'GBP', 'JPY', 'BRL')""",
        "an amount is rounded": "select 1 from leap_stage.fact_transaction where purchase_price <> amount",
        "a purchase is refunded": "select 1 from leap_stage.fact_transaction where purchase_price < 0",
        "a purchase costs nothing": "select 1 from leap_stage.fact_transaction where purchase_price = 0",
        "purchases are of clients": """select 1 from leap_stage.fact_transaction
            join leap_stage.event_client on event_id = transaction_id""",
        "a client's purchase is not counted": """select 1 from leap_stage.event_client
            where event_type = 'purchase' and event_id not in (select transaction_id from leap_stage.fact_transaction)""",
        "an ad has no currency": """select 1 from leap_stage.event_client
            where event_type = 'ad_watched' and currency is null and revenue > 0""",
        "an ad has a currency": "select 1 from leap_stage.event_client where event_type = 'ad_watched' and currency = 'EUR'",
        "a payer is not active": """select 1 from leap_stage.fact_player_day where purchases > 0 and player_sessions = 0""",
        "a payer is active": """select 1 from leap_stage.fact_player_day where purchases > 0 and player_sessions > 0""",
        # Dimensions.
        "a player registers twice": """select 1 from leap_raw.event_player group by player_id
            having count(distinct event_date) > 1""",
        "a player registers in two files": """select 1 from leap_raw.event_player group by player_id, event_date
            having count(distinct country) = 1 and count(country) < count(*)""",
        "a player plays before they register": """select 1 from leap_dim.dim_players as p
            join leap_stage.fact_session as s using (player_id) where s.event_date < p.acquired_on and not p.is_inferred""",
        "a player never registers": "select 1 from leap_dim.dim_players where is_inferred",
        "a player is a test account": "select 1 from leap_dim.dim_players where is_internal",
        "a country is written in another case": "select 1 from leap_raw.event_session where trim(country) <> upper(country)",
        "a country is none": """select 1 from leap_raw.event_session
            where upper(trim(country)) not in (select code from leap_seed.countries)""",
        "a price changes": "select 1 from leap_dim.dim_products where valid_to is not null",
        "a price comes back": """select 1 from leap_dim.dim_products group by purchase_item, price, currency
            having count(*) > 1""",
        "an item is in no catalogue": "select 1 from leap_dim.dim_products where is_inferred",
        "a week is of another year": "select 1 from leap_dim.dim_dates where is_loaded and iso_year <> year(date)",
        "a week is the 53rd": "select 1 from leap_dim.dim_dates where is_loaded and iso_week = 53",
        "a day is not loaded": "select 1 from leap_dim.dim_dates where not is_loaded",
        "years are not loaded": """select 1 from (select date - lag(date) over (order by date) as gap
            from leap_dim.dim_dates where is_loaded) where gap > 365""",
        # Levels.
        "a level's result is after midnight": """select 1 from leap_stage.event_client as s
            join leap_stage.event_client as r on r.player_id = s.player_id and r.level = s.level
            and r.session_id is not distinct from s.session_id and r.event_date = s.event_date + 1
            where s.event_type = 'level_start' and r.event_type in ('level_complete', 'level_fail')
            and r.timestamp < s.timestamp + interval 30 minute""",
        "a level is abandoned": "select 1 from leap_mart.level_funnel_daily where abandoned > 0",
        "a level is failed": "select 1 from leap_mart.level_funnel_daily where fails > 0",
        "a level is tried again": "select 1 from leap_mart.level_funnel_daily where attempts > starters",
        "a level is tried and completed": "select 1 from leap_mart.level_funnel_daily where completers > 0",
        "a result comes at the instant of a start": """select 1 from leap_stage.event_client as s
            join leap_stage.event_client as r on r.player_id = s.player_id and r.level = s.level
            and r.session_id is not distinct from s.session_id and r.timestamp = s.timestamp
            where s.event_type = 'level_start' and r.event_type in ('level_complete', 'level_fail')""",
        # Marts.
        "a player is new": "select 1 from leap_mart.lifecycle_daily where state = 'new' and players > 0",
        "a player returns": "select 1 from leap_mart.lifecycle_daily where state = 'returning' and players > 0",
        "a player is resurrected": "select 1 from leap_mart.lifecycle_daily where state = 'resurrected' and players > 0",
        "a player is dormant": "select 1 from leap_mart.lifecycle_daily where state = 'dormant' and players > 0",
        "a state is not known": "select 1 from leap_mart.lifecycle_daily where players is null",
        "a player is active after days of registration": f"""select 1 from {_AGED} group by player_id having min(age) > 0""",
        "a player is active on their 90th day": f"select 1 from {_AGED} where age = 90",
        "a player is active after their 90th day": f"select 1 from {_AGED} where age > 90",
        "a player was active 6 days ago": f"""select 1 from {_ACTIVE} as a
            join leap_dim.dim_dates as d on d.date = a.event_date + 6 where d.is_loaded""",
        "a player was active 29 days ago": f"""select 1 from {_ACTIVE} as a
            join leap_dim.dim_dates as d on d.date = a.event_date + 29 where d.is_loaded""",
        "a cell of a cohort is not known": "select 1 from leap_mart.cohort_retention where active_players is null",
        "a cohort earns on its 180th day": "select 1 from leap_mart.cohort_revenue where age = 180 and purchase_amount > 0",
        "a step is reached on the last day": """select 1 from leap_stage.fact_transaction
            join leap_dim.dim_players using (player_id)
            where event_date_time >= acquired_on + interval 13 day + interval 23 hour
            and event_date_time < acquired_on + interval 14 day""",
        "a step is reached a moment too late": """select 1 from leap_stage.fact_transaction
            join leap_dim.dim_players using (player_id)
            where event_date_time between acquired_on + interval 14 day and acquired_on + interval 15 day""",
        "a player converts": "select 1 from leap_mart.player_activity_daily where is_converting",
        "a payer pays again": "select 1 from leap_mart.player_activity_daily where is_paying and not is_converting",
        "nobody dies": "select 1 from leap_mart.player_activity_daily where kills > 0 and kill_death_ratio is null",
        "a run of days goes over a month's end": f"""select 1 from {_ACTIVE} as a join {_ACTIVE} as b using (player_id)
            where b.event_date = a.event_date + 1 and day(b.event_date) = 1""",
        "a feature is used again": "select 1 from leap_mart.feature_adoption_daily where users > first_time_users",
        "two players are there at once": "select 1 from leap_mart.concurrency_hourly where peak_players > 1",
        "one leaves as another comes": """select 1 from leap_stage.fact_session as a
            join leap_stage.fact_session as b on a.ended_at = b.started_at and a.player_id <> b.player_id""",
        "a day is final": "select 1 from leap_mart.kpi_daily where is_final",
        "a day is not final": "select 1 from leap_mart.kpi_daily where not is_final",
    }.items()
)


def reached(warehouse: Warehouse, rules: Iterable[Rule] = RULES) -> set[str]:
    """Names of the rules that a world reached."""
    return {rule.name for rule in rules if warehouse.rows(f"select 1 from ({rule.sql}) limit 1")}
