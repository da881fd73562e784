with sessions as (
    select
        coalesce(sessions.country, 'unknown') as country,
        {{ month_start('sessions.event_date') }} as month_start,
        sessions.length_s
    from {{ ref('fact_session') }} as sessions
    inner join {{ ref('dim_players') }} as players
        on sessions.player_id = players.player_id
    where not players.is_internal
)

select
    country,
    month_start,
    cast(sum(length_s) as bigint) as play_s
from sessions
group by country, month_start
