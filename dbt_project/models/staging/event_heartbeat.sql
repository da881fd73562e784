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
)

select
    player_id,
    event_date_time,
    team_id,
    session_id,
    position_x,
    position_y,
    position_z,
    event_date,
    beat,
    row_number() over (
        partition by event_date, session_id, player_id, beat
        order by event_date_time desc
    ) = 1 as is_last_of_beat,
    delivery_date,
    source_file,
    line_number
from timed
order by event_date, session_id, beat
