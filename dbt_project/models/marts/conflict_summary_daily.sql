{{ config(materialized='incremental') }}

with counted_matches as (
    {{ counted_matches() }}
),

loaded_days as (
    {{ loaded_days() }}
)

select
    conflicts.session_id,
    conflicts.team_1_id,
    conflicts.team_2_id,
    conflicts.event_date,
    loaded_days.is_final,
    count(*) as daily_conflict_count,
    {{ total_seconds('conflicts.conflict_start', 'conflicts.conflict_end') }} as total_conflict_seconds
from {{ source('leap_stage', 'stage_conflicts') }} as conflicts
inner join counted_matches
    on
        conflicts.session_id = counted_matches.session_id
        and conflicts.event_date = counted_matches.event_date
inner join loaded_days
    on conflicts.event_date = loaded_days.event_date
where {{ in_window('conflicts.event_date') }}
group by
    conflicts.session_id, conflicts.team_1_id, conflicts.team_2_id, conflicts.event_date, loaded_days.is_final
