-- One row per player and round: from the first frame alive to the first one dead, or to the last frame.
--
-- Deaths are the steps from alive to dead. Frames do not tell who killed whom: kills are 0, and so is no ratio of them.
-- A session's length is to the microsecond, so that the start, from which heartbeats are counted, is exact.
with frames as (
    select
        source_file,
        line_number,
        record->>'$.player' as player_id,
        record->>'$.round_num' as round_number,
        coalesce(record->>'$.map_name', 'match') as map_name,
        try_cast(record->>'$.tick' as integer)::bigint as tick,
        lower(coalesce(record->>'$.is_alive', 'true')) = 'true' as is_alive,
        coalesce(
            try_strptime(regexp_extract(source_file, '\d{4}-\d{2}-\d{2}T\d{4}'), '%Y-%m-%dT%H%M'),
            timestamp '2025-01-01 18:00:00'
        ) as match_started_at
    from delivered
),

steps as (
    select
        *,
        not is_alive and lag(is_alive) over (
            partition by source_file, player_id, round_number
            order by tick, line_number
        ) as is_death
    from frames
),

rounds as (
    select
        source_file,
        player_id,
        map_name || '@' || strftime(match_started_at, '%Y-%m-%dT%H%M') || '-' || round_number as session_id,
        match_started_at,
        min(tick) filter (is_alive) as first_tick,
        case
            when arg_max(is_alive, tick) then max(tick)
            else max(tick) filter (is_death)
        end as last_tick,
        count(*) filter (is_death) as deaths,
        -- Made of the frames alive. The others are not used as positions, so they stay ignored.
        list(line_number) filter (is_alive) as line_numbers
    from steps
    group by source_file, player_id, map_name, round_number, match_started_at
    having count(*) filter (is_alive) > 0
),

times as (
    select
        *,
        match_started_at + to_microseconds(first_tick * 1000000 // 128) as started_at,
        match_started_at + to_microseconds(last_tick * 1000000 // 128) as ended_at
    from rounds
)

select
    source_file,
    line_numbers,
    player_id,
    session_id,
    ended_at as event_date_time,
    (epoch_us(ended_at) - epoch_us(started_at)) * 0.000001 as event_length_seconds,
    0 as kills,
    deaths
from times
