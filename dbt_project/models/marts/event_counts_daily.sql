select
    events.event_date,
    players.cohort_week,
    events.event_type,
    count(*) as events,
    count(distinct events.player_id) as players
from {{ ref('event_client') }} as events
inner join {{ ref('dim_players') }} as players
    on events.player_id = players.player_id
where not players.is_internal
group by events.event_date, players.cohort_week, events.event_type
