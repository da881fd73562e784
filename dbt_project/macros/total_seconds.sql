{#- The summed length of intervals in seconds, 0 for none: whole microseconds first, divided once. -#}
{% macro total_seconds(started_at, ended_at) -%}
    cast(coalesce(sum({{ dbt.datediff(started_at, ended_at, 'microsecond') }}), 0) as double) / 1000000
{%- endmacro %}
