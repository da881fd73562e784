select
    session_id,
    event_date,
    coalesce(min(started_at), min(first_fix_at)) as match_started_at,
    count(*) as players,
    cast(sum(fixes) as bigint) as fixes
from {{ ref('stage_match_players') }}
where {{ in_window('event_date') }}
group by session_id, event_date
