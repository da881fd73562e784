{#- The ratios of a row of key figures, divided last from its stored sums; null where the denominator is 0. -#}
{% macro kpi_ratios() -%}
    cast(dau as double) / nullif(mau, 0) as stickiness,
    cast(player_sessions as double) / nullif(dau, 0) as sessions_per_user,
    cast(play_s as double) / nullif(player_sessions, 0) as mean_session_length_s,
    cast(events as double) / nullif(player_sessions, 0) as events_per_session,
    {{ money_quotient('(purchase_amount + ad_amount)', 'dau') }} as arpdau,
    {{ money_quotient('purchase_amount', 'payers') }} as arppu,
    cast(payers as double) / nullif(dau, 0) as payer_share,
    {{ money_quotient('purchase_amount_to_date', 'registered_to_date') }} as arpu_to_date
{%- endmacro %}
