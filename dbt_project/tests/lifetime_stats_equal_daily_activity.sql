{#- A player's lifetime is the sum of their loaded days. -#}
{{ config(meta={'dagster': {'ref': {'name': 'player_stats_lifetime'}}}) }}

with days as (
    select
        player_id,
        sum(kills) as kills,
        sum(deaths) as deaths,
        sum(play_s) as play_s,
        sum(player_sessions) as player_sessions,
        sum(purchase_amount) as purchase_amount
    from {{ ref('player_activity_daily') }}
    group by player_id
)

select
    coalesce(lifetime.player_id, days.player_id) as player_id,
    lifetime.play_s as lifetime_play_s,
    days.play_s as days_play_s
from {{ ref('player_stats_lifetime') }} as lifetime
full outer join days
    on lifetime.player_id = days.player_id
where
    lifetime.player_id is null
    or lifetime.kills <> coalesce(days.kills, 0)
    or lifetime.deaths <> coalesce(days.deaths, 0)
    or lifetime.play_s <> coalesce(days.play_s, 0)
    or lifetime.player_sessions <> coalesce(days.player_sessions, 0)
    or lifetime.purchase_amount <> coalesce(days.purchase_amount, 0)
