{#-
  Weekly revenue is fact_transaction on loaded days to the cent, per country and week. A full outer join, so that a row lost
  on either side shows.
-#}
{{ config(meta={'dagster': {'ref': {'name': 'country_weekly_revenue'}}}) }}

with facts as (
    select
        players.country,
        {{ week_start('transactions.event_date') }} as week_start,
        sum(transactions.amount) as purchase_amount
    from {{ ref('fact_transaction') }} as transactions
    left join {{ ref('dim_players') }} as players
        on transactions.player_id = players.player_id
    where
        not coalesce(players.is_internal, false)
        and transactions.event_date in (
            select deliveries.delivery_date from {{ source('leap_raw', 'delivery') }} as deliveries
        )
    group by players.country, {{ week_start('transactions.event_date') }}
),

mart as (
    select
        country,
        week_start,
        purchase_amount
    from {{ ref('country_weekly_revenue') }}
)

select
    coalesce(facts.country, mart.country) as country,
    coalesce(facts.week_start, mart.week_start) as week_start,
    facts.purchase_amount as fact_amount,
    mart.purchase_amount as mart_amount
from facts
full outer join mart
    on
        facts.country = mart.country
        and facts.week_start = mart.week_start
where facts.purchase_amount is distinct from mart.purchase_amount
