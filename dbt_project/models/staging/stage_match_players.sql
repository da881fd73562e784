with fixes as (
    {{ first_lines('heartbeat') }}
),

appearances as (
    select
        sessions.session_id,
        sessions.player_id,
        match_days.event_date,
        sessions.started_at,
        cast(null as timestamp) as first_fix_at,
        0 as fixes
    from {{ ref('fact_session') }} as sessions
    inner join {{ ref('match_days') }} as match_days
        on
            sessions.session_id = match_days.session_id
            and sessions.event_date = match_days.line_date
    where
        -- The session log alone: beats are counted from its starts.
        not sessions.is_from_events
        and {{ in_window('sessions.event_date', days_after=1) }}
        and {{ in_window('match_days.event_date') }}
    union all
    select
        session_id,
        player_id,
        event_date,
        cast(null as timestamp) as started_at,
        min(event_date_time) as first_fix_at,
        count(*) as fixes
    from fixes
    group by session_id, player_id, event_date
)

select
    session_id,
    player_id,
    event_date,
    min(started_at) as started_at,
    min(first_fix_at) as first_fix_at,
    cast(sum(fixes) as bigint) as fixes
from appearances
group by session_id, player_id, event_date
