{#-
  The days (event_date) of which a delivery is loaded, of any log: the days that marts count. is_final: so are all those
  that may still bring lines of the day, and its rows do not change any more.

  Read by day tables, which must not read the history table dim_dates.
-#}
{% macro loaded_days() -%}
    {%- set days_after = final_after_days() -%}
    select
        deliveries.event_date,
        -- Where none is missing, the n-th next loaded day is the n-th next day.
        coalesce(
            lead(deliveries.event_date, {{ days_after }}) over (order by deliveries.event_date)
            = deliveries.event_date + {{ days_after }},
            false
        ) as is_final
    from (
        select distinct delivery_date as event_date
        from {{ source('leap_raw', 'delivery') }}
    ) as deliveries
{%- endmacro %}
