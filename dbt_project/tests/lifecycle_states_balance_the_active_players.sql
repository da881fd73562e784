{#- dau(d) - dau(d-1) = new + resurrected - dormant, on days whose day before is loaded. -#}
{{ config(meta={'dagster': {'ref': {'name': 'lifecycle_daily'}}}) }}

with changes as (
    select
        event_date,
        sum(case when state = 'dormant' then -players when state <> 'returning' then players end) as net,
        sum(case when state = 'dormant' then 0 else players end) as active
    from {{ ref('lifecycle_daily') }}
    group by event_date
    having count(players) = 4
)

select
    changes.event_date,
    changes.net,
    changes.active,
    days.dau,
    days_before.dau as dau_before
from changes
left join {{ ref('kpi_daily') }} as days
    on changes.event_date = days.event_date
left join {{ ref('kpi_daily') }} as days_before
    on changes.event_date = days_before.event_date + 1
where
    changes.net is distinct from days.dau - days_before.dau
    or changes.active is distinct from days.dau
