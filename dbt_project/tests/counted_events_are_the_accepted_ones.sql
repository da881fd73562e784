{#- Event counts are the valid lines of loaded days that are no repeats, day by day; test accounts of ours apart. -#}
{{ config(meta={'dagster': {'ref': {'name': 'event_counts_daily'}}}) }}

with loaded_days as (
    select distinct delivery_date
    from {{ source('leap_raw', 'delivery') }}
),

accepted as (
    select
        lines.event_date,
        count(*) as events
    from (
        {{ first_lines('client', all_days=true) }}
    ) as lines
    left join {{ ref('internal_accounts') }} as internal_accounts
        on lines.player_id = internal_accounts.player_id
    inner join loaded_days
        on lines.event_date = loaded_days.delivery_date
    where internal_accounts.player_id is null
    group by lines.event_date
),

counted as (
    select
        event_date,
        sum(events) as events
    from {{ ref('event_counts_daily') }}
    group by event_date
)

select
    coalesce(accepted.event_date, counted.event_date) as event_date,
    accepted.events as accepted_events,
    counted.events as counted_events
from accepted
full outer join counted
    on accepted.event_date = counted.event_date
where accepted.events is distinct from counted.events
