with lines as (
    {{ first_lines('session') }}
)

select
    player_id,
    session_id,
    {{ dbt.dateadd('second', '-event_length_seconds', 'event_date_time') }} as started_at,
    event_date_time as ended_at,
    event_date,
    country,
    event_length_seconds as length_s,
    kills,
    deaths,
    -- An end is inferred only for sessions known from client events; this log says when it ended.
    false as is_end_inferred
from lines
