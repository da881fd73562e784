with play_days as (
    select
        days.player_id,
        days.event_date,
        {{ month_start('days.event_date') }} as month_start
    from {{ ref('fact_player_day') }} as days
    inner join {{ ref('dim_players') }} as players
        on days.player_id = players.player_id
    where
        days.player_sessions > 0
        and not players.is_internal
),

-- Consecutive days share the difference between the date and their number in the month.
numbered as (
    select
        player_id,
        month_start,
        event_date - cast(row_number() over (partition by player_id, month_start order by event_date) as integer) as run
    from play_days
),

runs as (
    select
        player_id,
        month_start,
        count(*) as run_days
    from numbered
    group by player_id, month_start, run
)

select
    player_id,
    month_start,
    max(run_days) as longest_run_days
from runs
group by player_id, month_start
