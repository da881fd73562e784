with players as (
    select
        player_id,
        cohort_week
    from {{ ref('dim_players') }}
    where not is_internal
),

totals as (
    select
        days.event_date,
        dates.is_final,
        players.cohort_week,
        cast(sum(days.player_sessions) as bigint) as player_sessions,
        cast(sum(days.play_s) as bigint) as play_s,
        cast(sum(days.events) as bigint) as events
    from {{ ref('fact_player_day') }} as days
    inner join players
        on days.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on days.event_date = dates.date
    where
        dates.is_loaded
        and (days.player_sessions > 0 or days.events > 0)
    group by days.event_date, dates.is_final, players.cohort_week
),

lengths as (
    select
        sessions.event_date,
        players.cohort_week,
        percentile_cont(0.5) within group (order by sessions.length_s) as median_session_length_s
    from {{ ref('fact_session') }} as sessions
    inner join players
        on sessions.player_id = players.player_id
    group by sessions.event_date, players.cohort_week
)

select
    totals.event_date,
    totals.is_final,
    totals.cohort_week,
    totals.player_sessions,
    totals.play_s,
    totals.events,
    cast(totals.play_s as double) / nullif(totals.player_sessions, 0) as mean_session_length_s,
    lengths.median_session_length_s,
    cast(totals.events as double) / nullif(totals.player_sessions, 0) as events_per_session
from totals
left join lengths
    on
        totals.event_date = lengths.event_date
        and totals.cohort_week = lengths.cohort_week
