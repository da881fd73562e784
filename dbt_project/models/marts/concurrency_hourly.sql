{#- Player-sessions of client events may be longer than the setting by less than a day; and an hour for each end. -#}
{%- set most_hours = (setting('DBT_LEAP_SESSION_MAX_S') | int + 3599) // 3600 + 26 -%}
with sessions as (
    select
        sessions.player_id,
        sessions.started_at,
        sessions.ended_at,
        {{ dbt.date_trunc('hour', 'sessions.started_at') }} as first_hour,
        {{ dbt.datediff(
            dbt.date_trunc('hour', 'sessions.started_at'), dbt.date_trunc('hour', 'sessions.ended_at'), 'hour'
        ) }} as later_hours
    from {{ ref('fact_session') }} as sessions
    inner join {{ ref('dim_players') }} as players
        on sessions.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on sessions.event_date = dates.date
    where
        not players.is_internal
        and dates.is_loaded
        and sessions.ended_at > sessions.started_at
),

offsets as (
    {{ number_series(0, most_hours) }}
),

-- Most sessions end in the hour they start in: only the others are joined.
pieces as (
    select
        player_id,
        first_hour as hour_start,
        started_at,
        least(ended_at, {{ dbt.dateadd('hour', 1, 'first_hour') }}) as ended_at
    from sessions
    union all
    select
        sessions.player_id,
        {{ dbt.dateadd('hour', 'offsets.number', 'sessions.first_hour') }} as hour_start,
        {{ dbt.dateadd('hour', 'offsets.number', 'sessions.first_hour') }} as started_at,
        least(
            sessions.ended_at, {{ dbt.dateadd('hour', 'offsets.number + 1', 'sessions.first_hour') }}
        ) as ended_at
    from sessions
    inner join offsets
        on offsets.number between 1 and sessions.later_hours
    where
        sessions.later_hours > 0
        -- An end on the hour is not in the hour that it opens.
        and {{ dbt.dateadd('hour', 'offsets.number', 'sessions.first_hour') }} < sessions.ended_at
),

-- A player in two sessions at once is one player: what an earlier piece covers is taken off the later one.
covered as (
    select
        pieces.*,
        max(pieces.ended_at) over (
            partition by pieces.player_id, pieces.hour_start
            order by pieces.started_at, pieces.ended_at
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from pieces
),

presences as (
    select
        hour_start,
        greatest(started_at, coalesce(covered_until, started_at)) as started_at,
        ended_at
    from covered
    where covered_until is null or covered_until < ended_at
),

starts_and_ends as (
    select
        hour_start,
        started_at as happened_at,
        1 as change
    from presences
    union all
    select
        hour_start,
        ended_at as happened_at,
        -1 as change
    from presences
),

-- Summed per time: who leaves the moment another comes was never there with him.
changes as (
    select
        hour_start,
        happened_at,
        sum(change) as change
    from starts_and_ends
    group by hour_start, happened_at
),

levels as (
    select
        hour_start,
        sum(change) over (
            partition by hour_start
            order by happened_at
            rows between unbounded preceding and current row
        ) as players
    from changes
),

peaks as (
    select
        hour_start,
        max(players) as peak_players
    from levels
    group by hour_start
),

totals as (
    select
        hour_start,
        {{ total_seconds('started_at', 'ended_at') }} as player_seconds
    from presences
    group by hour_start
),

hours as (
    select
        {{ dbt.dateadd('hour', 'offsets.number', 'cast(dates.date as timestamp)') }} as hour_start,
        dates.is_final
    from {{ ref('dim_dates') }} as dates
    inner join offsets
        on offsets.number < 24
    where dates.is_loaded
)

select
    hours.hour_start,
    hours.is_final,
    cast(coalesce(peaks.peak_players, 0) as bigint) as peak_players,
    coalesce(totals.player_seconds, 0) as player_seconds,
    coalesce(totals.player_seconds, 0) / 3600 as mean_players
from hours
left join peaks
    on hours.hour_start = peaks.hour_start
left join totals
    on hours.hour_start = totals.hour_start
