-- One row per LogPlayerPosition of a player from the start of the match on, in metres.
--
-- Left out, and counted as ignored: positions in the lobby and in the plane (common.isGame below 0.5), where all
-- players are in one place, and those of bots (accounts that start with `ai.`), which are nobody's play.
with events as (
    select
        source_file,
        line_number,
        record->>'$._T' as event_type,
        case
            when isfinite(try_cast(record->>'$._D' as timestamptz))
                then timezone('UTC', try_cast(record->>'$._D' as timestamptz))
        end as happened_at,
        record
    from delivered
),

matches as (
    select
        source_file,
        -- The same rule as in session.sql. From the content where possible: a file under two names is one match.
        coalesce(
            max(coalesce(record->>'$.MatchId', record->>'$.matchId')),
            'match-' || md5(min(json(record)::varchar) filter (event_type = 'LogMatchStart')),
            source_file
        ) as session_id,
        coalesce(min(happened_at) filter (event_type = 'LogMatchStart'), min(happened_at)) as started_at
    from events
    group by source_file
)

select
    events.source_file,
    events.line_number,
    events.record->>'$.character.accountId' as player_id,
    -- A time that cannot be read goes on as it is, to be rejected with its text.
    coalesce(events.happened_at::varchar, events.record->>'$._D') as event_date_time,
    events.record->>'$.character.teamId' as team_id,
    matches.session_id,
    try_cast(events.record->>'$.character.location.x' as double) / 100 as position_x,
    try_cast(events.record->>'$.character.location.y' as double) / 100 as position_y,
    try_cast(events.record->>'$.character.location.z' as double) / 100 as position_z
from events
inner join matches
    on events.source_file = matches.source_file
where
    events.event_type = 'LogPlayerPosition'
    and coalesce(events.record->>'$.character.accountId', '') not like 'ai.%'
    and coalesce(try_cast(events.record->>'$.common.isGame' as double), 1) >= 0.5
    and coalesce(events.happened_at >= matches.started_at, true)
