with lines as (
    select
        session_id,
        event_date as line_date,
        {{ session_start() }} as first_at,
        event_date_time as last_at
    from {{ source('leap_raw', 'event_session') }}
    where {{ in_window('event_date', days_before=1, days_after=1) }}
    union all
    select
        session_id,
        event_date as line_date,
        event_date_time as first_at,
        event_date_time as last_at
    from {{ source('leap_raw', 'event_heartbeat') }}
    where {{ in_window('event_date', days_before=1, days_after=1) }}
    union all
    select
        events.session_id,
        events.event_date as line_date,
        events.timestamp as first_at,
        events.timestamp as last_at
    from {{ source('leap_raw', 'event_client') }} as events
    where
        events.session_id is not null
        and {{ in_window('events.event_date', days_before=1, days_after=1) }}
),

line_days as (
    select
        session_id,
        line_date,
        min(first_at) as first_at,
        max(last_at) as last_at
    from lines
    group by session_id, line_date
),

assigned as (
    select
        line_days.session_id,
        line_days.line_date,
        case
            when {{ continues('line_days', 'day_before') }} then line_days.line_date - 1
            else line_days.line_date
        end as event_date
    from line_days
    left join line_days as day_before
        on
            line_days.session_id = day_before.session_id
            and line_days.line_date = day_before.line_date + 1
)

select
    session_id,
    line_date,
    event_date
from assigned
where {{ in_window('event_date') }}
