-- Which country played most in each month? By the country of the session.
select
    month_start,
    country,
    round(play_s / 3600, 1) as play_hours
from leap_mart.country_monthly_playtime
qualify row_number() over (partition by month_start order by play_s desc, country) = 1
order by month_start;
