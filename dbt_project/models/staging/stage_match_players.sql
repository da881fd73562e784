with fixes as (
    {{ first_lines('heartbeat') }}
),

appearances as (
    select
        session_id,
        player_id,
        event_date,
        started_at,
        cast(null as timestamp) as first_fix_at,
        0 as fixes
    from {{ ref('fact_session') }}
    where
        -- The session log alone: beats are counted from its starts.
        not is_from_events
        and {{ in_window('event_date') }}
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
