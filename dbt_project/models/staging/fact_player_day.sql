with sign_ons as (
    {{ first_lines('signons') }}
),

sessions_of_day as (
    select
        player_id,
        event_date,
        count(*) as player_sessions,
        sum(length_s) as play_s,
        sum(kills) as kills,
        sum(deaths) as deaths
    from {{ ref('fact_session') }}
    where {{ in_window('event_date') }}
    group by player_id, event_date
),

transactions_of_day as (
    select
        player_id,
        event_date,
        count(*) as transactions,
        sum(cast(amount as decimal(38, 2))) as purchase_amount,
        sum(case when purchase_price > 0 then 1 else 0 end) as purchases,
        sum(case when purchase_price < 0 then 1 else 0 end) as refunds
    from {{ ref('fact_transaction') }}
    where {{ in_window('event_date') }}
    group by player_id, event_date
),

sign_ons_of_day as (
    select
        player_id,
        event_date,
        count(*) as signons
    from sign_ons
    group by player_id, event_date
),

fixes_of_day as (
    -- On their own day, not that of their match: a player who joins after midnight is not seen before.
    select
        player_id,
        cast(event_date_time as date) as event_date,
        count(*) as fixes
    from {{ ref('event_heartbeat') }}
    where
        {{ in_window('event_date', days_before=1) }}
        and {{ in_window('cast(event_date_time as date)') }}
    group by player_id, cast(event_date_time as date)
),

events_of_day as (
    select
        player_id,
        event_date,
        count(*) as events,
        sum(cast(ad_amount as decimal(38, 6))) as ad_amount
    from {{ ref('event_client') }}
    where {{ in_window('event_date') }}
    group by player_id, event_date
),

player_days as (
    select
        player_id,
        event_date
    from sessions_of_day
    union
    select
        player_id,
        event_date
    from transactions_of_day
    union
    select
        player_id,
        event_date
    from sign_ons_of_day
    union
    select
        player_id,
        event_date
    from fixes_of_day
    union
    select
        player_id,
        event_date
    from events_of_day
)

select
    player_days.player_id,
    player_days.event_date,
    cast(coalesce(sessions_of_day.player_sessions, 0) as bigint) as player_sessions,
    cast(coalesce(sessions_of_day.play_s, 0) as bigint) as play_s,
    cast(coalesce(sessions_of_day.kills, 0) as bigint) as kills,
    cast(coalesce(sessions_of_day.deaths, 0) as bigint) as deaths,
    cast(coalesce(transactions_of_day.transactions, 0) as bigint) as transactions,
    cast(coalesce(transactions_of_day.purchase_amount, 0) as decimal(38, 2)) as purchase_amount,
    cast(coalesce(events_of_day.ad_amount, 0) as decimal(38, 6)) as ad_amount,
    cast(coalesce(transactions_of_day.purchases, 0) as bigint) as purchases,
    cast(coalesce(transactions_of_day.refunds, 0) as bigint) as refunds,
    cast(coalesce(sign_ons_of_day.signons, 0) as bigint) as signons,
    cast(coalesce(fixes_of_day.fixes, 0) as bigint) as fixes,
    cast(coalesce(events_of_day.events, 0) as bigint) as events
from player_days
left join sessions_of_day
    on
        player_days.player_id = sessions_of_day.player_id
        and player_days.event_date = sessions_of_day.event_date
left join transactions_of_day
    on
        player_days.player_id = transactions_of_day.player_id
        and player_days.event_date = transactions_of_day.event_date
left join sign_ons_of_day
    on
        player_days.player_id = sign_ons_of_day.player_id
        and player_days.event_date = sign_ons_of_day.event_date
left join fixes_of_day
    on
        player_days.player_id = fixes_of_day.player_id
        and player_days.event_date = fixes_of_day.event_date
left join events_of_day
    on
        player_days.player_id = events_of_day.player_id
        and player_days.event_date = events_of_day.event_date
