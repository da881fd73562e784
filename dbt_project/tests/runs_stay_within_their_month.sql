{#- A run of play days is no longer than its month, nor than the player's loaded play days in it. -#}
{{ config(meta={'dagster': {'ref': {'name': 'player_consecutive_days_monthly'}}}) }}

with play_days as (
    select
        player_id,
        {{ month_start('event_date') }} as month_start,
        count(*) as play_days
    from {{ ref('fact_player_day') }}
    where
        player_sessions > 0
        and event_date in (
            select deliveries.delivery_date from {{ source('leap_raw', 'delivery') }} as deliveries
        )
    group by player_id, {{ month_start('event_date') }}
)

select
    runs.player_id,
    runs.month_start,
    runs.longest_run_days,
    play_days.play_days
from {{ ref('player_consecutive_days_monthly') }} as runs
left join play_days
    on
        runs.player_id = play_days.player_id
        and runs.month_start = play_days.month_start
where
    runs.longest_run_days < 1
    or runs.longest_run_days > extract(day from {{ dbt.last_day('runs.month_start', 'month') }})
    or runs.longest_run_days > coalesce(play_days.play_days, 0)
