{#- The days of a CTE (column event_date) with the loaded ones among the 7 and the 30 days that end with each. -#}
{% macro days_in_windows(days) -%}
    select
        {{ days }}.event_date,
        count(case when dates.date > {{ days }}.event_date - 7 then 1 end) as wau_days_in_window,
        count(dates.date) as mau_days_in_window
    from {{ days }}
    left join {{ ref('dim_dates') }} as dates
        on
            dates.is_loaded
            and dates.date > {{ days }}.event_date - 30
            and dates.date <= {{ days }}.event_date
    group by {{ days }}.event_date
{%- endmacro %}
