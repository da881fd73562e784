-- One row per frame of a living player. Dead players keep sending the position they died at: those frames are left
-- out, and counted as ignored.
--
-- There is no clock, only ticks, 128 a second from the start of the match. The start is taken from the file's name
-- (overpass_2025-03-01T1830.parquet: 18:30 UTC), and is 2025-01-01 18:00 where the name has none. `seconds` is no
-- clock: it starts again when the bomb is planted.
--
-- `team` is the team, which keeps its name when the sides swap at half time. x, y and z stay as delivered: what is no
-- number is rejected with its value.
select
    source_file,
    line_number,
    record->>'$.player' as player_id,
    coalesce(
        try_strptime(regexp_extract(source_file, '\d{4}-\d{2}-\d{2}T\d{4}'), '%Y-%m-%dT%H%M'),
        timestamp '2025-01-01 18:00:00'
    ) + to_microseconds(try_cast(record->>'$.tick' as integer)::bigint * 1000000 // 128) as event_date_time,
    record->>'$.team' as team_id,
    -- The same match has the same name whatever its file is called: delivered twice, it is a duplicate.
    coalesce(record->>'$.map_name', 'match') || '@' || strftime(
        coalesce(
            try_strptime(regexp_extract(source_file, '\d{4}-\d{2}-\d{2}T\d{4}'), '%Y-%m-%dT%H%M'),
            timestamp '2025-01-01 18:00:00'
        ),
        '%Y-%m-%dT%H%M'
    ) || '-' || (record->>'$.round_num') as session_id,
    record->>'$.x' as position_x,
    record->>'$.y' as position_y,
    record->>'$.z' as position_z
from delivered
where lower(coalesce(record->>'$.is_alive', 'true')) = 'true'
