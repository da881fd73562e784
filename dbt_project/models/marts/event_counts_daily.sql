select
    events.event_date,
    dates.is_final,
    players.cohort_week,
    events.event_type,
    count(*) as events,
    count(distinct events.player_id) as players
from {{ ref('event_client') }} as events
inner join {{ ref('dim_players') }} as players
    on events.player_id = players.player_id
inner join {{ ref('dim_dates') }} as dates
    on events.event_date = dates.date
where
    not players.is_internal
    and dates.is_loaded
group by events.event_date, dates.is_final, players.cohort_week, events.event_type
