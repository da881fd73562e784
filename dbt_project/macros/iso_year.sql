{#- The ISO year of a week: the year its Thursday lies in. Takes the week's Monday. -#}
{% macro iso_year(week_start) -%}
    cast(extract(year from {{ week_start }} + 3) as bigint)
{%- endmacro %}
