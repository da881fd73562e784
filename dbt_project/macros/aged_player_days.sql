{#-
  Player-days of counted players on loaded days, from their acquisition on, with the player's cohort and age; of cohorts
  whose own day is loaded.
-#}
{% macro aged_player_days() -%}
    select
        days.player_id,
        players.acquired_on as cohort_date,
        players.country,
        players.platform,
        players.experiment_group,
        {{ dbt.datediff('players.acquired_on', 'days.event_date', 'day') }} as age,
        days.player_sessions,
        days.purchases,
        days.purchase_amount,
        days.ad_amount
    from {{ ref('fact_player_day') }} as days
    inner join {{ ref('dim_players') }} as players
        on days.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on days.event_date = dates.date
    inner join {{ ref('dim_dates') }} as cohort_dates
        on players.acquired_on = cohort_dates.date
    where
        dates.is_loaded
        and cohort_dates.is_loaded
        and not players.is_internal
        and days.event_date >= players.acquired_on
{%- endmacro %}
