{{ config(materialized='incremental') }}

with counted_matches as (
    {{ counted_matches() }}
),

loaded_days as (
    {{ loaded_days() }}
)

select
    counted_matches.session_id,
    counted_matches.event_date,
    loaded_days.is_final,
    count(conflicts.session_id) as conflict_count,
    {{ total_seconds('conflicts.conflict_start', 'conflicts.conflict_end') }} as total_conflict_seconds
from counted_matches
inner join loaded_days
    on counted_matches.event_date = loaded_days.event_date
left join {{ source('leap_stage', 'stage_conflicts') }} as conflicts
    on
        counted_matches.session_id = conflicts.session_id
        and counted_matches.event_date = conflicts.event_date
group by counted_matches.session_id, counted_matches.event_date, loaded_days.is_final
