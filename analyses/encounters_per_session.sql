-- How often do teams come close to each other in a match, day by day?
select
    event_date,
    count(*) as sessions,
    sum(conflict_count) as encounters,
    round(avg(conflict_count), 2) as encounters_per_session,
    round(sum(total_conflict_seconds) / nullif(sum(conflict_count), 0), 1) as seconds_per_encounter
from leap_mart.session_close_conflicts_daily
group by event_date
order by event_date;
