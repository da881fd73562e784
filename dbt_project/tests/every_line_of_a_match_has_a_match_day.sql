{#-
  Every match and day with lines is in match_days: the tables of matches read their lines through it. The
  window's first day is left out, as its lines may belong to the day before.
-#}
{{ config(meta={'dagster': {'ref': {'name': 'match_days'}}}) }}

with line_days as (
    select
        session_id,
        event_date as line_date
    from {{ source('leap_raw', 'event_session') }}
    where {{ in_window('event_date', days_before=-1) }}
    union
    select
        session_id,
        event_date as line_date
    from {{ source('leap_raw', 'event_heartbeat') }}
    where {{ in_window('event_date', days_before=-1) }}
    union
    select
        session_id,
        event_date as line_date
    from {{ source('leap_raw', 'event_client') }}
    where
        session_id is not null
        and {{ in_window('event_date', days_before=-1) }}
)

select
    line_days.session_id,
    line_days.line_date
from line_days
left join {{ ref('match_days') }} as match_days
    on
        line_days.session_id = match_days.session_id
        and line_days.line_date = match_days.line_date
where match_days.session_id is null
