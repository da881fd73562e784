{#- Whether the source declares a log. Of a model's code it decides values alone: its parents are read at parsing. -#}
{% macro declares(log) -%}
    {%- set declared = setting('DBT_LEAP_LOGS').split(',') | map('trim') | list -%}
    {%- set unknown = declared | reject('in', log_contract()) | list -%}
    {%- if unknown -%}
        {{ exceptions.raise_compiler_error(
            'DBT_LEAP_LOGS: unknown ' ~ unknown | join(', ') ~ '; known: ' ~ log_contract() | join(', ')
        ) }}
    {%- endif -%}
    {%- do return(log in declared) -%}
{%- endmacro %}
