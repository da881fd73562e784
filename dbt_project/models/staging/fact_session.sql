{%- set max_days = session_max_days() -%}
with lines as (
    {{ first_lines('session') }}
),

-- Raw, and of the days beside the window, too: whether the log knows a player-session must not depend on the window.
logged as (
    select
        player_id,
        session_id,
        {{ session_start() }} as started_at,
        event_date_time as ended_at,
        event_date
    from {{ source('leap_raw', 'event_session') }}
    where {{ in_window('event_date', days_before=max_days, days_after=max_days) }}
),

events as (
    select
        lines.player_id,
        lines.session_id,
        lines.timestamp as happened_at,
        lines.event_date,
        case when lines.event_type = 'session_start' then 1 else 0 end as is_start,
        case when lines.event_type = 'session_end' then 1 else 0 end as is_end,
        lines.event_id
    from (
        {{ first_lines('client', days_before=max_days + 1, days_after=max_days) }}
    ) as lines
),

-- With a session id: first event to session_end, or to the last event. Nearly all have their events on one day.
line_days as (
    select
        player_id,
        session_id,
        event_date as line_date,
        min(happened_at) as first_at,
        max(happened_at) as last_at,
        max(case when is_end = 1 then happened_at end) as end_logged_at
    from events
    where session_id is not null
    group by player_id, session_id, event_date
),

ids_of_days as (
    select
        player_id,
        session_id,
        count(*) as days
    from line_days
    group by player_id, session_id
),

-- The others in their order; a session_end closes what began behind the one before.
numbered_events as (
    select
        events.*,
        coalesce(sum(events.is_end) over (
            partition by events.player_id, events.session_id
            order by events.happened_at, events.is_end, events.event_id
            rows between unbounded preceding and 1 preceding
        ), 0) as ends_before
    from events
    inner join ids_of_days
        on
            events.player_id = ids_of_days.player_id
            and events.session_id = ids_of_days.session_id
    where ids_of_days.days > 1
),

-- From a session_start to its session_end: one player-session, however many midnights are between.
spans as (
    select
        ends.player_id,
        ends.session_id,
        ends.ends_before,
        min(starts.happened_at) as started_at
    from numbered_events as ends
    inner join numbered_events as starts
        on
            ends.player_id = starts.player_id
            and ends.session_id = starts.session_id
            and ends.ends_before = starts.ends_before
    where
        ends.is_end = 1
        and starts.is_start = 1
        and ends.happened_at
        <= {{ dbt.dateadd('second', setting('DBT_LEAP_SESSION_MAX_S'), 'starts.happened_at') }}
    group by ends.player_id, ends.session_id, ends.ends_before
),

-- All else goes with the day before where the player's events go on over midnight, as those of a match do.
first_days as (
    select
        numbered_events.player_id,
        numbered_events.session_id,
        numbered_events.happened_at,
        numbered_events.is_end,
        case
            when spans.started_at is not null then cast(spans.started_at as date)
            when {{ continues('line_days', 'day_before') }} then line_days.line_date - 1
            else line_days.line_date
        end as first_date
    from numbered_events
    inner join line_days
        on
            numbered_events.player_id = line_days.player_id
            and numbered_events.session_id = line_days.session_id
            and numbered_events.event_date = line_days.line_date
    left join line_days as day_before
        on
            line_days.player_id = day_before.player_id
            and line_days.session_id = day_before.session_id
            and line_days.line_date = day_before.line_date + 1
    left join spans
        on
            numbered_events.player_id = spans.player_id
            and numbered_events.session_id = spans.session_id
            and numbered_events.ends_before = spans.ends_before
            and numbered_events.happened_at >= spans.started_at
),

parts as (
    select
        line_days.player_id,
        line_days.session_id,
        line_days.first_at as started_at,
        line_days.last_at as last_event_at,
        line_days.end_logged_at
    from line_days
    inner join ids_of_days
        on
            line_days.player_id = ids_of_days.player_id
            and line_days.session_id = ids_of_days.session_id
    where ids_of_days.days = 1
    union all
    select
        player_id,
        session_id,
        min(happened_at) as started_at,
        max(happened_at) as last_event_at,
        max(case when is_end = 1 then happened_at end) as end_logged_at
    from first_days
    group by player_id, session_id, first_date
),

-- A part whose head belongs elsewhere starts on a later day than its own; there may be another part on that.
named as (
    select
        player_id,
        session_id,
        cast(started_at as date) as event_date,
        min(started_at) as started_at,
        max(last_event_at) as last_event_at,
        max(end_logged_at) as end_logged_at
    from parts
    where {{ in_window('cast(started_at as date)') }}
    group by player_id, session_id, cast(started_at as date)
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
            and named.event_date between logged.event_date - {{ max_days }} and logged.event_date + {{ max_days }}
            and {{ comes_near('named', 'logged') }}
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
    left join logged
        on
            unnamed.player_id = logged.player_id
            and unnamed.event_date between logged.event_date - {{ max_days }} and logged.event_date + {{ max_days }}
            and {{ comes_near('unnamed', 'logged') }}
    where
        logged.player_id is null
        and {{ in_window('unnamed.event_date') }}
),

ended as (
    select
        from_events.*,
        coalesce(from_events.end_logged_at, from_events.last_event_at) as ended_at
    from from_events
),

logged_sessions as (
    select
        lines.player_id,
        lines.session_id,
        {{ session_start('lines.event_date_time', 'lines.event_length_seconds') }} as started_at,
        lines.event_date_time as ended_at,
        lines.event_date,
        countries.code as country,
        lines.kills,
        lines.deaths
    from lines
    left join {{ ref('countries') }} as countries
        on {{ country_code('lines.country') }} = countries.code
)

select
    player_id,
    session_id,
    started_at,
    ended_at,
    event_date,
    country,
    {{ whole_seconds('started_at', 'ended_at') }} as length_s,
    kills,
    deaths,
    false as is_end_inferred,
    false as is_from_events
from logged_sessions
union all
select
    player_id,
    session_id,
    started_at,
    ended_at,
    event_date,
    cast(null as {{ dbt.type_string() }}) as country,
    {{ whole_seconds('started_at', 'ended_at') }} as length_s,
    cast(null as bigint) as kills,
    cast(null as bigint) as deaths,
    end_logged_at is null as is_end_inferred,
    true as is_from_events
from ended
