-- How many of a week's new players came back after 1, 7 and 30 days? Null until the whole week is old enough.
with cohorts as (
    select
        date_trunc('week', cohort_date)::date as cohort_week,
        age,
        sum(cohort_size) as players,
        sum(active_players) as active_players,
        bool_and(active_players is not null) as is_known
    from leap_mart.cohort_retention
    group by cohort_week, age
)

select
    cohort_week,
    max(players) as players,
    round(max(active_players / nullif(players, 0)) filter (age = 1 and is_known), 3) as d1,
    round(max(active_players / nullif(players, 0)) filter (age = 7 and is_known), 3) as d7,
    round(max(active_players / nullif(players, 0)) filter (age = 30 and is_known), 3) as d30
from cohorts
group by cohort_week
order by cohort_week;
