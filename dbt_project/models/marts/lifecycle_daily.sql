with active_days as (
    select
        days.player_id,
        days.event_date,
        lag(days.event_date) over (partition by days.player_id order by days.event_date) as previous_date,
        lead(days.event_date) over (partition by days.player_id order by days.event_date) as next_date
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

player_states as (
    select
        event_date,
        case
            when previous_date is null then 'new'
            when previous_date = event_date - 1 then 'returning'
            else 'resurrected'
        end as state
    from active_days
    union all
    select
        event_date + 1 as event_date,
        'dormant' as state
    from active_days
    where next_date is distinct from event_date + 1
),

counts as (
    select
        event_date,
        state,
        count(*) as players
    from player_states
    group by event_date, state
),

states as (
    select 'new' as state
    union all
    select 'returning' as state
    union all
    select 'resurrected' as state
    union all
    select 'dormant' as state
)

select
    dates.date as event_date,
    states.state,
    dates.is_final,
    case
        -- Who is new is known from the day itself.
        when states.state = 'new' or coalesce(dates_before.is_loaded, false) then coalesce(counts.players, 0)
    end as players
from {{ ref('dim_dates') }} as dates
cross join states
left join {{ ref('dim_dates') }} as dates_before
    on dates.date = dates_before.date + 1
left join counts
    on
        dates.date = counts.event_date
        and states.state = counts.state
where dates.is_loaded
