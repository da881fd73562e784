with totals as (
    select
        player_id,
        cast(sum(kills) as bigint) as kills,
        cast(sum(deaths) as bigint) as deaths,
        cast(sum(play_s) as bigint) as play_s,
        cast(sum(player_sessions) as bigint) as player_sessions,
        cast(sum(purchase_amount) as decimal(18, 2)) as purchase_amount,
        min(case when player_sessions > 0 then event_date end) as first_played_on,
        max(case when player_sessions > 0 then event_date end) as last_played_on
    from {{ ref('fact_player_day') }}
    group by player_id
)

select
    players.player_id,
    coalesce(totals.kills, 0) as kills,
    coalesce(totals.deaths, 0) as deaths,
    cast(totals.kills as double) / nullif(totals.deaths, 0) as kill_death_ratio,
    coalesce(totals.play_s, 0) as play_s,
    coalesce(totals.player_sessions, 0) as player_sessions,
    cast(coalesce(totals.purchase_amount, 0) as decimal(18, 2)) as purchase_amount,
    totals.first_played_on,
    totals.last_played_on
from {{ ref('dim_players') }} as players
left join totals
    on players.player_id = totals.player_id
where not players.is_internal
