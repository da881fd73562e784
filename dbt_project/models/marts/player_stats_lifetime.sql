with totals as (
    select
        days.player_id,
        cast(sum(days.kills) as bigint) as kills,
        cast(sum(days.deaths) as bigint) as deaths,
        cast(sum(days.play_s) as bigint) as play_s,
        cast(sum(days.player_sessions) as bigint) as player_sessions,
        cast(sum(days.purchase_amount) as decimal(38, 2)) as purchase_amount,
        min(case when days.player_sessions > 0 then days.event_date end) as first_played_on,
        max(case when days.player_sessions > 0 then days.event_date end) as last_played_on
    from {{ ref('fact_player_day') }} as days
    inner join {{ ref('dim_dates') }} as dates
        on days.event_date = dates.date
    where dates.is_loaded
    group by days.player_id
)

select
    players.player_id,
    coalesce(totals.kills, 0) as kills,
    coalesce(totals.deaths, 0) as deaths,
    cast(totals.kills as double) / nullif(totals.deaths, 0) as kill_death_ratio,
    coalesce(totals.play_s, 0) as play_s,
    coalesce(totals.player_sessions, 0) as player_sessions,
    cast(coalesce(totals.purchase_amount, 0) as decimal(38, 2)) as purchase_amount,
    totals.first_played_on,
    totals.last_played_on
from {{ ref('dim_players') }} as players
left join totals
    on players.player_id = totals.player_id
where not players.is_internal
