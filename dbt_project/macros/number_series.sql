{#- One row per whole number from the first to the last, both included: a select with one column, number. -#}
{% macro number_series(first_number, last_number) -%}
    {{ return(adapter.dispatch('number_series')(first_number, last_number)) }}
{%- endmacro %}


{% macro default__number_series(first_number, last_number) -%}
    select cast(unnest(generate_series({{ first_number }}, {{ last_number }})) as bigint) as number
{%- endmacro %}


{% macro spark__number_series(first_number, last_number) -%}
    select cast(number as bigint) as number
    from (select explode(sequence({{ first_number }}, {{ last_number }})) as number)
{%- endmacro %}
