with sessions as (
    select
        coalesce(sessions.country, 'unknown') as country,
        {{ month_start('sessions.event_date') }} as month_start,
        sessions.length_s
    from {{ ref('fact_session') }} as sessions
    inner join {{ ref('dim_players') }} as players
        on sessions.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on sessions.event_date = dates.date
    where
        not players.is_internal
        and dates.is_loaded
),

totals as (
    select
        country,
        month_start,
        cast(sum(length_s) as bigint) as play_s
    from sessions
    group by country, month_start
)

select
    totals.country,
    totals.month_start,
    coalesce(last_days.is_final, false) as is_final,
    totals.play_s
from totals
left join {{ ref('dim_dates') }} as last_days
    on {{ dbt.last_day('totals.month_start', 'month') }} = last_days.date
