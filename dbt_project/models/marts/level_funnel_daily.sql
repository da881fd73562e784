{{ config(materialized='incremental') }}

with loaded_days as (
    {{ loaded_days() }}
),

level_events as (
    select
        events.player_id,
        -- Results are looked for in the session of the start.
        coalesce(events.session_id, '') as session_id,
        events.level,
        events.event_type,
        events.event_date,
        events.timestamp as happened_at,
        -- A retry at the very time of a result comes after it.
        case when events.event_type = 'level_start' then 1 else 0 end as is_start,
        events.event_id
    from {{ ref('event_client') }} as events
    left join {{ ref('internal_accounts') }} as internal_accounts
        on events.player_id = internal_accounts.player_id
    where
        events.event_type in ('level_start', 'level_complete', 'level_fail')
        and internal_accounts.player_id is null
        and {{ in_window('events.event_date', days_after=1) }}
),

followed as (
    select
        level_events.*,
        lead(level_events.event_type) over (
            partition by level_events.player_id, level_events.session_id, level_events.level
            order by level_events.happened_at, level_events.is_start, level_events.event_id
        ) as next_type,
        lead(level_events.event_date) over (
            partition by level_events.player_id, level_events.session_id, level_events.level
            order by level_events.happened_at, level_events.is_start, level_events.event_id
        ) as next_date
    from level_events
),

attempts as (
    select
        event_date,
        level,
        player_id,
        case
            when next_type <> 'level_start' and next_date <= event_date + 1 then next_type
            else 'abandoned'
        end as outcome
    from followed
    where
        event_type = 'level_start'
        and {{ in_window('event_date') }}
)

select
    attempts.event_date,
    loaded_days.is_final,
    attempts.level,
    count(distinct attempts.player_id) as starters,
    count(*) as attempts,
    count(distinct case when attempts.outcome = 'level_complete' then attempts.player_id end) as completers,
    count(case when attempts.outcome = 'level_complete' then 1 end) as completes,
    count(case when attempts.outcome = 'level_fail' then 1 end) as fails,
    count(case when attempts.outcome = 'abandoned' then 1 end) as abandoned,
    cast(count(distinct case when attempts.outcome = 'level_complete' then attempts.player_id end) as double)
    / nullif(count(distinct attempts.player_id), 0) as completion
from attempts
inner join loaded_days
    on attempts.event_date = loaded_days.event_date
group by attempts.event_date, loaded_days.is_final, attempts.level
