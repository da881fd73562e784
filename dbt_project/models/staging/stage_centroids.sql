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

centroids as (
    select
        session_id,
        event_date,
        team_id,
        beat,
        {% for axis in ['x', 'y', 'z'] -%}
        -- Divided once, by an exact number: bit for bit the same on every run.
        cast(sum({{ micro_units('position_' ~ axis) }}) as double) / (count(*) * 1000000) as centroid_{{ axis }},
        {% endfor -%}
        count(*) as players_present
    from fixes
    group by session_id, event_date, team_id, beat
),

spreads as (
    select
        fixes.session_id,
        fixes.event_date,
        fixes.team_id,
        fixes.beat,
        max(
            sqrt(
                (fixes.position_x - centroids.centroid_x) * (fixes.position_x - centroids.centroid_x)
                + (fixes.position_y - centroids.centroid_y) * (fixes.position_y - centroids.centroid_y)
                + (fixes.position_z - centroids.centroid_z) * (fixes.position_z - centroids.centroid_z)
            )
        ) as spread
    from fixes
    inner join centroids
        on
            fixes.session_id = centroids.session_id
            and fixes.event_date = centroids.event_date
            and fixes.team_id = centroids.team_id
            and fixes.beat = centroids.beat
    group by fixes.session_id, fixes.event_date, fixes.team_id, fixes.beat
)

select
    centroids.session_id,
    centroids.team_id,
    centroids.beat,
    centroids.centroid_x,
    centroids.centroid_y,
    centroids.centroid_z,
    centroids.players_present,
    spreads.spread,
    centroids.event_date
from centroids
inner join spreads
    on
        centroids.session_id = spreads.session_id
        and centroids.event_date = spreads.event_date
        and centroids.team_id = spreads.team_id
        and centroids.beat = spreads.beat
order by centroids.event_date, centroids.session_id, centroids.beat
