{#-
  A player-day with a session of the session log has a heartbeat on that day or the next, since a session may start
  just before midnight. Only days that are final, and only where heartbeats are logged.
-#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fact_player_day'}}}) }}

with heartbeat_days as (
    select
        delivery_date,
        received
    from {{ source('leap_raw', 'delivery') }}
    where log = 'heartbeat'
),

played as (
    select distinct
        player_id,
        event_date
    from {{ ref('fact_session') }}
    where
        not is_from_events
        and {{ in_window('event_date') }}
),

player_days as (
    select
        played.player_id,
        played.event_date,
        sum(days.fixes) as fixes
    from {{ ref('fact_player_day') }} as days
    inner join played
        on
            days.player_id = played.player_id
            and days.event_date >= played.event_date
            and days.event_date <= played.event_date + 1
    where {{ in_window('days.event_date', days_after=1) }}
    group by played.player_id, played.event_date
),

-- A day is final once its own delivery and the three after it are loaded: no line of it can still come.
final_days as (
    select days.event_date
    from (select distinct event_date from player_days) as days
    inner join heartbeat_days
        on
            days.event_date <= heartbeat_days.delivery_date
            and days.event_date >= heartbeat_days.delivery_date - 3
    group by days.event_date
    having count(distinct heartbeat_days.delivery_date) = 4
)

select
    player_days.player_id,
    player_days.event_date
from player_days
inner join final_days
    on player_days.event_date = final_days.event_date
where
    player_days.fixes = 0
    and (select sum(heartbeat_days.received) from heartbeat_days) > 0
