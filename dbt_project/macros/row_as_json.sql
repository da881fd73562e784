{#- Some columns of a row as the text of a JSON object. -#}
{% macro row_as_json(relation, columns) -%}
    {{ return(adapter.dispatch('row_as_json')(relation, columns)) }}
{%- endmacro %}


{% macro default__row_as_json(relation, columns) -%}
    {%- set fields = [] -%}
    {%- for column in columns -%}
        {%- do fields.append(adapter.quote(column) ~ ' := ' ~ relation ~ '.' ~ column) -%}
    {%- endfor -%}
    cast(to_json(struct_pack({{ fields | join(', ') }})) as varchar)
{%- endmacro %}


{% macro spark__row_as_json(relation, columns) -%}
    {%- set fields = [] -%}
    {%- for column in columns -%}
        {%- do fields.append(relation ~ '.' ~ column) -%}
    {%- endfor -%}
    to_json(struct({{ fields | join(', ') }}))
{%- endmacro %}
