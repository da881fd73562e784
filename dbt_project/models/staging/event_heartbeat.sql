with fixes as (
    {{ first_lines('heartbeat') }}
),

timed as (
    select
        fixes.player_id,
        fixes.event_date_time,
        -- A player of no team is a team of his own.
        coalesce(fixes.team_id, fixes.player_id) as team_id,
        fixes.session_id,
        fixes.position_x,
        fixes.position_y,
        -- A game on a plane has no z.
        coalesce(fixes.position_z, 0) as position_z,
        fixes.event_date,
        {{ beat('matches.match_started_at', 'fixes.event_date_time') }} as beat,
        fixes.delivery_date,
        fixes.source_file,
        fixes.line_number
    from fixes
    inner join {{ ref('stage_matches') }} as matches
        on
            fixes.session_id = matches.session_id
            and fixes.event_date = matches.event_date
),

-- Few players have two fixes in a beat: a window over all fixes would cost twice as much.
crowded_beats as (
    select
        session_id,
        event_date,
        player_id,
        beat,
        max(event_date_time) as last_fix_at
    from timed
    group by session_id, event_date, player_id, beat
    having count(*) > 1
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
    timed.delivery_date,
    timed.source_file,
    timed.line_number
from timed
left join crowded_beats
    on
        timed.session_id = crowded_beats.session_id
        and timed.event_date = crowded_beats.event_date
        and timed.player_id = crowded_beats.player_id
        and timed.beat = crowded_beats.beat
order by timed.event_date, timed.session_id, timed.beat
