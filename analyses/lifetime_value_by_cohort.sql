-- What has a player of each cohort week brought after 7 and 28 days, and how many have paid? Null until the whole
-- week is old enough.
with cohorts as (
    select
        date_trunc('week', cohort_date)::date as cohort_week,
        age,
        sum(cohort_size) as players,
        sum(purchase_amount_to_age + ad_amount_to_age) as amount,
        sum(converted_players_to_age) as payers,
        bool_and(purchase_amount_to_age is not null) as is_known
    from leap_mart.cohort_revenue
    group by cohort_week, age
)

select
    cohort_week,
    max(players) as players,
    round(max(amount / nullif(players, 0)) filter (age = 7 and is_known), 2) as ltv_7,
    round(max(amount / nullif(players, 0)) filter (age = 28 and is_known), 2) as ltv_28,
    round(max(payers / nullif(players, 0)) filter (age = 28 and is_known), 4) as payer_conversion_28
from cohorts
group by cohort_week
order by cohort_week;
