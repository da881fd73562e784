-- One row per player and match: from the start of the match to the player's death, else to the logout, else to the
-- end of the match. A player who is seen again after dying (modes with a return) plays on.
--
-- A kill counts for the killer (in events without one: who finished, or who knocked down) unless killer and victim are
-- the same or of one team. Nobody's kill (a fall, the zone, a bot's) is the victim's death all the same: the killer is
-- null then, or an account without a name (""). A knock (LogPlayerMakeGroggy) is no kill. A death that is written in both
-- forms, LogPlayerKill and LogPlayerKillV2, is one: lines of a victim within a second are one death, for which the newer
-- form says who killed. Bots (accounts that start with `ai.`) have no sessions; killing one is a kill. Deaths and kills
-- before the start do not count.
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

kill_lines as (
    select
        source_file,
        line_number,
        happened_at,
        event_type,
        nullif(trim(record->>'$.victim.accountId'), '') as victim_id,
        record->>'$.victim.teamId' as victim_team_id,
        nullif(trim(record->>'$.killer.accountId'), '') as named_killer_id,
        nullif(trim(record->>'$.finisher.accountId'), '') as finisher_id,
        nullif(trim(record->>'$.dBNOMaker.accountId'), '') as knocker_id,
        lower(record->>'$.isSuicide') = 'true' as is_suicide,
        record
    from events
    where event_type in ('LogPlayerKill', 'LogPlayerKillV2')
),

killers as (
    select
        *,
        coalesce(named_killer_id, if(is_suicide, null, coalesce(finisher_id, knocker_id))) as killer_id,
        -- Of the same one as the account: the nobody in `killer` has a team, too.
        case
            when named_killer_id is not null then record->>'$.killer.teamId'
            when finisher_id is not null then record->>'$.finisher.teamId'
            else record->>'$.dBNOMaker.teamId'
        end as killer_team_id,
        -- Null for the first line of a victim, and where a time cannot be read.
        happened_at - lag(happened_at) over (
            partition by source_file, victim_id
            order by happened_at, line_number
        ) <= interval 1 second as is_told_again
    from kill_lines
),

deaths as (
    select
        *,
        count(*) filter (not coalesce(is_told_again, false)) over (
            partition by source_file, victim_id
            order by happened_at, line_number
        ) as death_number
    from killers
),

kills as (
    select
        source_file,
        victim_id,
        arg_max(victim_team_id, event_type) as victim_team_id,
        -- LogPlayerKillV2 comes behind LogPlayerKill. A struct, because arg_max passes over null.
        arg_max({'id': killer_id, 'team_id': killer_team_id}, event_type) as killer,
        min(happened_at) as happened_at,
        list(line_number) as line_numbers
    from deaths
    group by
        source_file,
        victim_id,
        death_number
),

appearances as (
    select
        source_file,
        [line_number] as line_numbers,
        happened_at,
        record->>'$.character.accountId' as player_id,
        if(event_type = 'LogPlayerCreate', 'created', 'seen') as role
    from events
    where event_type in ('LogPlayerCreate', 'LogPlayerPosition')
    union all
    select
        source_file,
        [line_number] as line_numbers,
        happened_at,
        coalesce(record->>'$.accountId', record->>'$.character.accountId') as player_id,
        'left' as role
    from events
    where event_type = 'LogPlayerLogout'
    union all
    select source_file, line_numbers, happened_at, victim_id as player_id, 'died' as role
    from kills
    union all
    select source_file, line_numbers, happened_at, killer.id as player_id, 'killed' as role
    from kills
    where
        killer.id is distinct from victim_id
        and (killer.team_id is null or victim_team_id is null or killer.team_id <> victim_team_id)
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
            flatten(list(appearances.line_numbers) filter (appearances.role <> 'seen'))
        ) as line_numbers
    from appearances
    inner join matches
        on appearances.source_file = matches.source_file
    where
        -- Nobody has no sessions.
        trim(appearances.player_id) <> ''
        and appearances.player_id not like 'ai.%'
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
        case
            when died_at + interval 10 second >= coalesce(seen_at, died_at) then died_at
            when left_at > coalesce(seen_at, started_at) then least(left_at, ended_at)
            else ended_at
        end as last_at
    from players
    -- Who left before the start was in the lobby only.
    where left_at is null or left_at >= started_at or seen_at >= started_at
)

select
    source_file,
    line_numbers,
    player_id,
    session_id,
    last_at as event_date_time,
    -- To the microsecond: heartbeats are counted from the start, the end less this.
    try((epoch_us(last_at) - epoch_us(started_at)) * 0.000001) as event_length_seconds,
    kills,
    deaths
from sessions
