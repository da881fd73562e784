-- Which country brought most revenue in each week? Purchases, net of refunds.
select
    week_start,
    country,
    purchase_amount
from leap_mart.country_weekly_revenue
qualify row_number() over (partition by week_start order by purchase_amount desc, country) = 1
order by week_start;
