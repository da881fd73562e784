{#- Whether a column of the line `later` says something else than that of `first_line`; see log_contract. -#}
{% macro differs(column, contract) -%}
    {%- set later, first_line = 'later.' ~ column, 'first_line.' ~ column -%}
    {%- if column in contract.get('json', []) -%}
        (
            case
                when {{ later }} is distinct from {{ first_line }}
                    then {{ json_value(later) }} is distinct from {{ json_value(first_line) }}
                else false
            end
        )
    {%- elif column in contract.get('optional', []) -%}
        coalesce({{ later }} <> {{ first_line }}, false)
    {%- else -%}
        ({{ later }} is distinct from {{ first_line }})
    {%- endif -%}
{%- endmacro %}
