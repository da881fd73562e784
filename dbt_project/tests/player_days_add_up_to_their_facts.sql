{#- Player-days of the window add up to its sessions, transactions, heartbeats and client events. -#}
{{ config(meta={'dagster': {'ref': {'name': 'fact_player_day'}}}) }}

with counts as (
    select
        event_date,
        count(*) as player_sessions,
        sum(length_s) as play_s,
        0 as purchase_amount,
        0 as fixes,
        0 as events,
        0 as ad_amount
    from {{ ref('fact_session') }}
    where {{ in_window('event_date') }}
    group by event_date
    union all
    select
        event_date,
        0 as player_sessions,
        0 as play_s,
        sum(amount) as purchase_amount,
        0 as fixes,
        0 as events,
        0 as ad_amount
    from {{ ref('fact_transaction') }}
    where {{ in_window('event_date') }}
    group by event_date
    union all
    select
        cast(event_date_time as date) as event_date,
        0 as player_sessions,
        0 as play_s,
        0 as purchase_amount,
        count(*) as fixes,
        0 as events,
        0 as ad_amount
    from {{ ref('event_heartbeat') }}
    where
        {{ in_window('event_date', days_before=1) }}
        and {{ in_window('cast(event_date_time as date)') }}
    group by cast(event_date_time as date)
    union all
    select
        event_date,
        0 as player_sessions,
        0 as play_s,
        0 as purchase_amount,
        0 as fixes,
        count(*) as events,
        sum(coalesce(ad_amount, 0)) as ad_amount
    from {{ ref('event_client') }}
    where {{ in_window('event_date') }}
    group by event_date
    union all
    select
        event_date,
        -sum(player_sessions) as player_sessions,
        -sum(play_s) as play_s,
        -sum(purchase_amount) as purchase_amount,
        -sum(fixes) as fixes,
        -sum(events) as events,
        -sum(ad_amount) as ad_amount
    from {{ ref('fact_player_day') }}
    where {{ in_window('event_date') }}
    group by event_date
)

select
    event_date,
    sum(player_sessions) as player_sessions_missing,
    sum(play_s) as play_s_missing,
    sum(purchase_amount) as purchase_amount_missing,
    sum(fixes) as fixes_missing,
    sum(events) as events_missing,
    sum(ad_amount) as ad_amount_missing
from counts
group by event_date
having
    sum(player_sessions) <> 0
    or sum(play_s) <> 0
    or sum(purchase_amount) <> 0
    or sum(fixes) <> 0
    or sum(events) <> 0
    or sum(ad_amount) <> 0
