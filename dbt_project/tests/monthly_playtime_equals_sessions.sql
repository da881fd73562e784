{#- Country playtime and the sessions of loaded days add up to the same seconds in every month. -#}
{{ config(meta={'dagster': {'ref': {'name': 'country_monthly_playtime'}}}) }}

with facts as (
    select
        {{ month_start('sessions.event_date') }} as month_start,
        sum(sessions.length_s) as play_s
    from {{ ref('fact_session') }} as sessions
    left join {{ ref('internal_accounts') }} as internal_accounts
        on sessions.player_id = internal_accounts.player_id
    where
        internal_accounts.player_id is null
        and sessions.event_date in (
            select deliveries.delivery_date from {{ source('leap_raw', 'delivery') }} as deliveries
        )
    group by {{ month_start('sessions.event_date') }}
),

mart as (
    select
        month_start,
        sum(play_s) as play_s
    from {{ ref('country_monthly_playtime') }}
    group by month_start
)

select
    coalesce(facts.month_start, mart.month_start) as month_start,
    facts.play_s as fact_play_s,
    mart.play_s as mart_play_s
from facts
full outer join mart
    on facts.month_start = mart.month_start
where facts.play_s is distinct from mart.play_s
