-- One row per player and match: from the start of the match to the player's death, else to the logout, else to the
-- end of the match. A player who is seen again after dying (modes with a return) plays on.
--
-- A kill counts for the killer (in files without one: who finished, or who knocked down) unless killer and victim are
-- the same or of one team. Nobody's kill (a fall, the zone, a bot's) is the victim's death all the same. Bots (accounts
-- that start with `ai.`) have no sessions; killing one is a kill. Deaths and kills before the start do not count.
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
        -- The same rule as in heartbeat.sql.
        coalesce(
            max(coalesce(record->>'$.MatchId', record->>'$.matchId')),
            'match-' || md5(min(json(record)::varchar) filter (event_type = 'LogMatchStart')),
            source_file
        ) as session_id,
        coalesce(min(happened_at) filter (event_type = 'LogMatchStart'), min(happened_at)) as started_at,
        coalesce(max(happened_at) filter (event_type = 'LogMatchEnd'), max(happened_at)) as ended_at,
        list(line_number) filter (
            event_type in ('LogMatchDefinition', 'LogMatchStart', 'LogMatchEnd')
        ) as line_numbers
    from events
    group by source_file
),

kills as (
    select
        source_file,
        line_number,
        happened_at,
        record->>'$.victim.accountId' as victim_id,
        record->>'$.victim.teamId' as victim_team_id,
        coalesce(
            record->>'$.killer.accountId', record->>'$.finisher.accountId', record->>'$.dBNOMaker.accountId'
        ) as killer_id,
        coalesce(
            record->>'$.killer.teamId', record->>'$.finisher.teamId', record->>'$.dBNOMaker.teamId'
        ) as killer_team_id
    from events
    where event_type in ('LogPlayerKill', 'LogPlayerKillV2')
),

appearances as (
    select
        source_file,
        line_number,
        happened_at,
        record->>'$.character.accountId' as player_id,
        if(event_type = 'LogPlayerCreate', 'created', 'seen') as role
    from events
    where event_type in ('LogPlayerCreate', 'LogPlayerPosition')
    union all
    select
        source_file,
        line_number,
        happened_at,
        coalesce(record->>'$.accountId', record->>'$.character.accountId') as player_id,
        'left' as role
    from events
    where event_type = 'LogPlayerLogout'
    union all
    select source_file, line_number, happened_at, victim_id as player_id, 'died' as role
    from kills
    union all
    select source_file, line_number, happened_at, killer_id as player_id, 'killed' as role
    from kills
    where
        killer_id is distinct from victim_id
        and (killer_team_id is null or victim_team_id is null or killer_team_id <> victim_team_id)
),

players as (
    select
        appearances.source_file,
        appearances.player_id,
        matches.session_id,
        matches.started_at,
        matches.ended_at,
        max(appearances.happened_at) filter (appearances.role = 'seen') as seen_at,
        max(appearances.happened_at) filter (appearances.role = 'left') as left_at,
        max(appearances.happened_at) filter (
            appearances.role = 'died' and appearances.happened_at >= matches.started_at
        ) as died_at,
        count(*) filter (appearances.role = 'killed' and appearances.happened_at >= matches.started_at) as kills,
        count(*) filter (appearances.role = 'died' and appearances.happened_at >= matches.started_at) as deaths,
        -- Positions say until when a player was there, but are the rows of heartbeat.sql.
        list_concat(
            any_value(matches.line_numbers),
            list(appearances.line_number) filter (appearances.role <> 'seen')
        ) as line_numbers
    from appearances
    inner join matches
        on appearances.source_file = matches.source_file
    where appearances.player_id not like 'ai.%'
    group by
        appearances.source_file,
        appearances.player_id,
        matches.session_id,
        matches.started_at,
        matches.ended_at
),

sessions as (
    select
        *,
        round(epoch(
            case
                when died_at + interval 10 second >= coalesce(seen_at, died_at) then died_at
                when left_at > coalesce(seen_at, started_at) then least(left_at, ended_at)
                else ended_at
            end - started_at
        ))::bigint as length_s
    from players
    -- Who left before the start was in the lobby only.
    where left_at is null or left_at >= started_at or seen_at >= started_at
)

select
    source_file,
    line_numbers,
    player_id,
    session_id,
    -- On a whole second behind the start, so that the start, from which heartbeats are counted, is exact.
    started_at + to_seconds(length_s) as event_date_time,
    length_s as event_length_seconds,
    kills,
    deaths
from sessions
