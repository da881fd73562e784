with lines as (
    {{ first_lines('session') }}
),

-- Raw and a day to each side: whether the log knows a player-session must not depend on the window.
logged as (
    select
        player_id,
        session_id,
        {{ dbt.dateadd('second', '-event_length_seconds', 'event_date_time') }} as started_at,
        event_date_time as ended_at,
        event_date
    from {{ source('leap_raw', 'event_session') }}
    where {{ in_window('event_date', days_before=1, days_after=1) }}
),

events as (
    select
        lines.player_id,
        lines.session_id,
        lines.timestamp as happened_at,
        lines.event_date,
        case when lines.event_type = 'session_end' then 1 else 0 end as is_end,
        lines.event_id
    from (
        {{ first_lines('client', days_before=1, days_after=1) }}
    ) as lines
),

-- With a session id: first event to session_end, or to the last event.
named as (
    select
        events.player_id,
        events.session_id,
        match_days.event_date,
        min(events.happened_at) as started_at,
        max(events.happened_at) as last_event_at,
        max(case when events.is_end = 1 then events.happened_at end) as end_logged_at
    from events
    inner join {{ ref('match_days') }} as match_days
        on
            events.session_id = match_days.session_id
            and events.event_date = match_days.line_date
    where {{ in_window('match_days.event_date') }}
    group by events.player_id, events.session_id, match_days.event_date
),

-- Without one: runs of a player's events of a day, ended by half an hour of silence or a session_end. Events with
-- an id take part, as a run that holds one is known by it; players who always have one need no runs.
players_without_id as (
    select distinct player_id
    from events
    where session_id is null
),

neighbours as (
    select
        events.*,
        lag(events.happened_at) over (
            partition by events.player_id
            order by events.happened_at, events.is_end, events.event_id
        ) as previous_at,
        lag(events.event_date) over (
            partition by events.player_id
            order by events.happened_at, events.is_end, events.event_id
        ) as previous_date,
        lag(case when events.session_id is null then events.is_end else 0 end) over (
            partition by events.player_id
            order by events.happened_at, events.is_end, events.event_id
        ) as previous_is_end
    from events
    inner join players_without_id
        on events.player_id = players_without_id.player_id
),

marked as (
    select
        neighbours.*,
        coalesce(
            neighbours.previous_is_end = 0
            and neighbours.happened_at < {{ dbt.dateadd('minute', 30, 'neighbours.previous_at') }},
            false
        ) as goes_on
    from neighbours
),

numbered as (
    select
        marked.*,
        sum(case when marked.goes_on and marked.event_date = marked.previous_date then 0 else 1 end) over (
            partition by marked.player_id
            order by marked.happened_at, marked.is_end, marked.event_id
            rows between unbounded preceding and current row
        ) as run_number
    from marked
),

runs as (
    select
        player_id,
        run_number,
        event_date,
        min(happened_at) as started_at,
        max(happened_at) as last_event_at,
        max(case when is_end = 1 then happened_at end) as end_logged_at,
        count(session_id) as named_events,
        -- Only a run's first event can follow one of another day.
        max(case when goes_on and event_date <> previous_date then 1 else 0 end) as is_continued
    from numbered
    group by player_id, run_number, event_date
),

-- A run that goes on from the day before belongs there, unless it may go on over the next midnight too: that one
-- is a session of its own. So a day depends on its neighbours alone.
joined_runs as (
    select
        runs.*,
        sum(
            case
                when
                    runs.is_continued = 1
                    and (
                        runs.end_logged_at is not null
                        or {{ dbt.dateadd('minute', 30, 'runs.last_event_at') }}
                        <= {{ dbt.dateadd('day', 1, 'cast(runs.event_date as timestamp)') }}
                    )
                    then 0
                else 1
            end
        ) over (
            partition by runs.player_id
            order by runs.run_number
            rows between unbounded preceding and current row
        ) as session_number
    from runs
),

unnamed as (
    select
        player_id,
        player_id || '@' || cast(min(started_at) as {{ dbt.type_string() }}) as session_id,
        min(event_date) as event_date,
        min(started_at) as started_at,
        max(last_event_at) as last_event_at,
        max(end_logged_at) as end_logged_at
    from joined_runs
    group by player_id, session_number
    having sum(named_events) = 0
),

from_events as (
    select
        named.player_id,
        named.session_id,
        named.event_date,
        named.started_at,
        named.last_event_at,
        named.end_logged_at
    from named
    left join logged
        on
            named.player_id = logged.player_id
            and named.session_id = logged.session_id
            and named.event_date between logged.event_date - 1 and logged.event_date + 1
    where logged.player_id is null
    union all
    select
        unnamed.player_id,
        unnamed.session_id,
        unnamed.event_date,
        unnamed.started_at,
        unnamed.last_event_at,
        unnamed.end_logged_at
    from unnamed
    -- Less than half an hour from a player-session of the log, the events are part of that.
    left join logged
        on
            unnamed.player_id = logged.player_id
            and unnamed.event_date between logged.event_date - 1 and logged.event_date + 1
            and unnamed.started_at < {{ dbt.dateadd('minute', 30, 'logged.ended_at') }}
            and logged.started_at < {{ dbt.dateadd('minute', 30, 'unnamed.last_event_at') }}
    where
        logged.player_id is null
        and {{ in_window('unnamed.event_date') }}
),

ended as (
    select
        from_events.*,
        coalesce(from_events.end_logged_at, from_events.last_event_at) as ended_at
    from from_events
)

select
    player_id,
    session_id,
    {{ dbt.dateadd('second', '-event_length_seconds', 'event_date_time') }} as started_at,
    event_date_time as ended_at,
    event_date,
    country,
    event_length_seconds as length_s,
    kills,
    deaths,
    false as is_end_inferred,
    false as is_from_events
from lines
union all
select
    player_id,
    session_id,
    started_at,
    ended_at,
    event_date,
    cast(null as {{ dbt.type_string() }}) as country,
    -- To the nearest second.
    {{ floor_division(dbt.datediff('started_at', 'ended_at', 'microsecond') ~ ' + 500000', 1000000) }} as length_s,
    cast(null as bigint) as kills,
    cast(null as bigint) as deaths,
    end_logged_at is null as is_end_inferred,
    true as is_from_events
from ended
