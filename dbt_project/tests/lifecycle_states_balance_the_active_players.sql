{#-
  dau(d) - dau(d-1) = new + resurrected - dormant, on days whose day before is loaded. Players who were active the
  day before their registration are new the day after they were first active: those are taken off.
-#}
{{ config(meta={'dagster': {'ref': {'name': 'lifecycle_daily'}}}) }}

with changes as (
    select
        event_date,
        sum(case when state = 'dormant' then -players when state <> 'returning' then players end) as net,
        sum(case when state = 'dormant' then 0 else players end) as active
    from {{ ref('lifecycle_daily') }}
    group by event_date
    having count(players) = 4
),

seen_before as (
    select
        players.acquired_on as event_date,
        count(*) as players
    from {{ ref('dim_players') }} as players
    inner join {{ ref('fact_player_day') }} as days
        on
            players.player_id = days.player_id
            and players.acquired_on = days.event_date
    inner join {{ ref('fact_player_day') }} as days_before
        on
            players.player_id = days_before.player_id
            and players.acquired_on = days_before.event_date + 1
    where
        not players.is_internal
        and days.player_sessions > 0
        and days_before.player_sessions > 0
    group by players.acquired_on
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
left join seen_before
    on changes.event_date = seen_before.event_date
where
    changes.net - coalesce(seen_before.players, 0) is distinct from days.dau - days_before.dau
    or changes.active is distinct from days.dau
