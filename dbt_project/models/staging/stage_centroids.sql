with fixes as (
    select
        session_id,
        event_date,
        team_id,
        beat,
        position_x,
        position_y,
        position_z
    from {{ ref('event_heartbeat') }}
    where
        is_last_of_beat
        and {{ in_window('event_date') }}
),

placed as (
    select
        {% for axis in ['x', 'y', 'z'] -%}
        -- Divided once, by an exact number: bit for bit the same on every run.
        cast(sum({{ micro_units('position_' ~ axis) }}) over team as double)
        / (count(*) over team * 1000000) as centroid_{{ axis }},
        {% endfor -%}
        *
    from fixes
    window team as (partition by session_id, event_date, team_id, beat)
)

select
    session_id,
    team_id,
    beat,
    centroid_x,
    centroid_y,
    centroid_z,
    count(*) as players_present,
    max(
        sqrt(
            (position_x - centroid_x) * (position_x - centroid_x)
            + (position_y - centroid_y) * (position_y - centroid_y)
            + (position_z - centroid_z) * (position_z - centroid_z)
        )
    ) as spread,
    event_date
from placed
group by session_id, event_date, team_id, beat, centroid_x, centroid_y, centroid_z
order by event_date, session_id, beat
