-- Which ISO weeks were the busiest? By player-sessions; weeks of which all seven days are loaded.
select
    dates.week_start,
    count(*) as loaded_days,
    sum(kpi.player_sessions) as player_sessions,
    max(kpi.wau) as wau,
    round(sum(kpi.play_s) / 3600, 1) as play_hours
from leap_mart.kpi_daily as kpi
inner join leap_dim.dim_dates as dates
    on kpi.event_date = dates.date
group by dates.week_start
having count(*) = 7
order by player_sessions desc, dates.week_start
limit 5;
