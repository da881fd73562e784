{#- The Monday of a date's ISO week. -#}
{% macro week_start(date) -%}
    cast({{ dbt.date_trunc('week', date) }} as date)
{%- endmacro %}
