with play_days as (
    select
        days.player_id,
        days.event_date,
        {{ month_start('days.event_date') }} as month_start
    from {{ ref('fact_player_day') }} as days
    inner join {{ ref('dim_players') }} as players
        on days.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on days.event_date = dates.date
    where
        days.player_sessions > 0
        and not players.is_internal
        and dates.is_loaded
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
),

longest_runs as (
    select
        player_id,
        month_start,
        max(run_days) as longest_run_days
    from runs
    group by player_id, month_start
)

select
    longest_runs.player_id,
    longest_runs.month_start,
    coalesce(last_days.is_final, false) as is_final,
    longest_runs.longest_run_days
from longest_runs
left join {{ ref('dim_dates') }} as last_days
    on {{ dbt.last_day('longest_runs.month_start', 'month') }} = last_days.date
