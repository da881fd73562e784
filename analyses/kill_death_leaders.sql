-- Who has the best ratio of kills to deaths? Of those with at least three of each, lifetime.
select
    stats.player_id,
    players.display_name,
    stats.kills,
    stats.deaths,
    round(stats.kill_death_ratio, 2) as kill_death_ratio
from leap_mart.player_stats_lifetime as stats
inner join leap_dim.dim_players as players
    on stats.player_id = players.player_id
where
    stats.kills >= 3
    and stats.deaths >= 3
order by stats.kill_death_ratio desc, stats.kills desc, stats.player_id
limit 10;
