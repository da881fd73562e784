{#- Schemas are named exactly as configured: leap_stage, not main_leap_stage. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
