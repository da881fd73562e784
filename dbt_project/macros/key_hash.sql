{#-
  64 bits that are equal where all of some columns are, and seldom elsewhere: few bytes to group by, where the columns
  themselves are long. Whoever needs to be right compares the columns of what was found.
-#}
{% macro key_hash(columns) -%}
    {{ return(adapter.dispatch('key_hash')(columns)) }}
{%- endmacro %}


{% macro default__key_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}


{% macro spark__key_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}
