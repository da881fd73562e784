{#-
  Player activity adds up to the facts of the loaded days, day by day: nothing of a counted player is lost or counted
  twice.
-#}
{{ config(meta={'dagster': {'ref': {'name': 'player_activity_daily'}}}) }}

with loaded_days as (
    select distinct delivery_date
    from {{ source('leap_raw', 'delivery') }}
),

session_totals as (
    select
        sessions.event_date,
        count(*) as player_sessions,
        sum(sessions.length_s) as play_s,
        sum(coalesce(sessions.kills, 0)) as kills,
        sum(coalesce(sessions.deaths, 0)) as deaths
    from {{ ref('fact_session') }} as sessions
    left join {{ ref('internal_accounts') }} as internal_accounts
        on sessions.player_id = internal_accounts.player_id
    inner join loaded_days
        on sessions.event_date = loaded_days.delivery_date
    where internal_accounts.player_id is null
    group by sessions.event_date
),

transaction_totals as (
    select
        transactions.event_date,
        sum(transactions.amount) as purchase_amount
    from {{ ref('fact_transaction') }} as transactions
    left join {{ ref('internal_accounts') }} as internal_accounts
        on transactions.player_id = internal_accounts.player_id
    inner join loaded_days
        on transactions.event_date = loaded_days.delivery_date
    where internal_accounts.player_id is null
    group by transactions.event_date
),

facts as (
    select
        coalesce(session_totals.event_date, transaction_totals.event_date) as event_date,
        coalesce(session_totals.player_sessions, 0) as player_sessions,
        coalesce(session_totals.play_s, 0) as play_s,
        coalesce(session_totals.kills, 0) as kills,
        coalesce(session_totals.deaths, 0) as deaths,
        coalesce(transaction_totals.purchase_amount, 0) as purchase_amount
    from session_totals
    full outer join transaction_totals
        on session_totals.event_date = transaction_totals.event_date
),

mart as (
    select
        event_date,
        sum(player_sessions) as player_sessions,
        sum(play_s) as play_s,
        sum(kills) as kills,
        sum(deaths) as deaths,
        sum(purchase_amount) as purchase_amount
    from {{ ref('player_activity_daily') }}
    group by event_date
)

select
    coalesce(facts.event_date, mart.event_date) as event_date,
    facts.play_s as fact_play_s,
    mart.play_s as mart_play_s,
    facts.purchase_amount as fact_amount,
    mart.purchase_amount as mart_amount
from facts
full outer join mart
    on facts.event_date = mart.event_date
where
    facts.player_sessions is distinct from mart.player_sessions
    or facts.play_s is distinct from mart.play_s
    or facts.kills is distinct from mart.kills
    or facts.deaths is distinct from mart.deaths
    or facts.purchase_amount is distinct from mart.purchase_amount
