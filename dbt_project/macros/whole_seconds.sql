{#- The length of an interval to the nearest second, halves up. -#}
{% macro whole_seconds(started_at, ended_at) -%}
    {{ floor_division(dbt.datediff(started_at, ended_at, 'microsecond') ~ ' + 500000', 1000000) }}
{%- endmacro %}
