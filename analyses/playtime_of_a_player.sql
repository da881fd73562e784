-- How long did a player play on a date? Here: the player with the longest day, on that day.
select
    player_id,
    event_date,
    player_sessions,
    round(play_s / 60, 1) as play_minutes
from leap_mart.player_activity_daily
-- put your own here: where player_id = '...' and event_date = date '2025-01-15'
order by play_s desc, player_id, event_date
limit 1;
