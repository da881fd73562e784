with player_days as (
    select
        days.*,
        dates.is_final,
        players.acquired_on,
        days.purchases > 0 as is_paying,
        min(case when days.purchases > 0 then days.event_date end) over (partition by days.player_id) as converted_on
    from {{ ref('fact_player_day') }} as days
    inner join {{ ref('dim_players') }} as players
        on days.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on days.event_date = dates.date
    where
        not players.is_internal
        and dates.is_loaded
)

select
    player_id,
    event_date,
    is_final,
    play_s,
    player_sessions,
    kills,
    deaths,
    cast(kills as double) / nullif(deaths, 0) as kill_death_ratio,
    purchase_amount,
    cast({{ dbt.datediff('acquired_on', 'event_date', 'day') }} as bigint) as days_since_acquisition,
    is_paying,
    coalesce(event_date = converted_on, false) as is_converting
from player_days
-- A day with nothing but a sign-on is no activity.
where player_sessions > 0 or transactions > 0
