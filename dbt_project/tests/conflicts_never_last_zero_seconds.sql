{#- No conflict lasts zero seconds or less, nor does a pair's total of a day. -#}
{{ config(meta={'dagster': {'ref': {'name': 'conflict_summary_daily'}}}) }}

select
    session_id,
    team_1_id,
    team_2_id,
    event_date
from {{ source('leap_stage', 'stage_conflicts') }}
where
    {{ in_window('event_date') }}
    and conflict_end <= conflict_start
union all
select
    session_id,
    team_1_id,
    team_2_id,
    event_date
from {{ ref('conflict_summary_daily') }}
where
    {{ in_window('event_date') }}
    and total_conflict_seconds <= 0
