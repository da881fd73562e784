{#- Of repeated lines, too: they change neither the first nor the last fix of a beat. -#}
{%- set beats -%}
    select
        beats_of_lines.*,
        {{ key_hash(['session_id', 'event_date', 'player_id', 'beat']) }} as beat_hash
    from (
        select
            lines.session_id,
            lines.event_date,
            lines.player_id,
            lines.event_date_time,
            {{ beat('matches.match_started_at', 'lines.event_date_time') }} as beat
        from (
            {{ lines_of_log('heartbeat') }}
        ) as lines
        inner join matches
            on
                lines.session_id = matches.session_id
                and lines.event_date = matches.event_date
    ) as beats_of_lines
{%- endset -%}

with matches as (
    select
        session_id,
        event_date,
        match_started_at,
        -- Shorter to sort by than the day and the id.
        row_number() over (order by event_date, session_id) as match_number
    from {{ ref('stage_matches') }}
    where {{ in_window('event_date') }}
),

-- Few players have two fixes in a beat. They are found by a hash, which is shorter; the columns decide.
crowded_hashes as (
    select beat_hash
    from (
        {{ beats }}
    ) as beats
    group by beat_hash
    having min(event_date_time) < max(event_date_time)
),

crowded_beats as (
    select
        session_id,
        event_date,
        player_id,
        beat,
        max(event_date_time) as last_fix_at
    from (
        {{ beats }}
    ) as beats
    where beat_hash in (select crowded_hashes.beat_hash from crowded_hashes)
    group by session_id, event_date, player_id, beat
    having min(event_date_time) < max(event_date_time)
),

fixes as (
    {{ first_lines('heartbeat') }}
),

timed as (
    select
        fixes.player_id,
        fixes.event_date_time,
        -- A player without a team is a team of their own. A name that could be one of those is told apart.
        case
            when fixes.team_id is null then 'player:' || fixes.player_id
            when fixes.team_id like 'player:%' or fixes.team_id like 'team:%' then 'team:' || fixes.team_id
            else fixes.team_id
        end as team_id,
        fixes.session_id,
        fixes.position_x,
        fixes.position_y,
        -- A game on a plane has no z.
        coalesce(fixes.position_z, 0) as position_z,
        fixes.event_date,
        {{ beat('matches.match_started_at', 'fixes.event_date_time') }} as beat,
        fixes.delivery_date,
        matches.match_number
    from fixes
    inner join matches
        on
            fixes.session_id = matches.session_id
            and fixes.event_date = matches.event_date
)

select
    timed.player_id,
    timed.event_date_time,
    timed.team_id,
    timed.session_id,
    timed.position_x,
    timed.position_y,
    timed.position_z,
    timed.event_date,
    timed.beat,
    crowded_beats.last_fix_at is null or timed.event_date_time = crowded_beats.last_fix_at as is_last_of_beat,
    timed.delivery_date
from timed
left join crowded_beats
    on
        timed.session_id = crowded_beats.session_id
        and timed.event_date = crowded_beats.event_date
        and timed.player_id = crowded_beats.player_id
        and timed.beat = crowded_beats.beat
order by timed.match_number, timed.beat
