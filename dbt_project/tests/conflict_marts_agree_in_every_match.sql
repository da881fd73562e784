{#- The two conflict marts count the same conflicts and seconds in every match. -#}
{{ config(meta={'dagster': {'ref': {'name': 'session_close_conflicts_daily'}}}) }}

with by_pair as (
    select
        session_id,
        event_date,
        sum(daily_conflict_count) as conflict_count,
        sum(total_conflict_seconds) as total_conflict_seconds
    from {{ ref('conflict_summary_daily') }}
    where {{ in_window('event_date') }}
    group by session_id, event_date
),

by_match as (
    select
        session_id,
        event_date,
        conflict_count,
        total_conflict_seconds
    from {{ ref('session_close_conflicts_daily') }}
    where
        {{ in_window('event_date') }}
        and conflict_count > 0
)

select
    coalesce(by_pair.session_id, by_match.session_id) as session_id,
    by_pair.conflict_count as conflicts_by_pair,
    by_match.conflict_count as conflicts_by_match
from by_pair
full outer join by_match
    on
        by_pair.session_id = by_match.session_id
        and by_pair.event_date = by_match.event_date
where
    by_pair.conflict_count is distinct from by_match.conflict_count
    -- Seconds are sums of floats in another order.
    or abs(by_pair.total_conflict_seconds - by_match.total_conflict_seconds) > 0.001
