-- In which month was the longest run of play days, how long was it, and how many had it?
select
    month_start,
    longest_run_days,
    count(*) as players
from leap_mart.player_consecutive_days_monthly
group by month_start, longest_run_days
order by longest_run_days desc, month_start
limit 1;
