{#-
  The floor of an integer division, also for a negative numerator (DuckDB and Spark truncate towards zero,
  and a plain slash is a floating-point division on both). The denominator is positive.
-#}
{% macro floor_division(numerator, denominator) -%}
    {{ return(adapter.dispatch('floor_division')(numerator, denominator)) }}
{%- endmacro %}


{% macro default__floor_division(numerator, denominator) -%}
    {%- set remainder = '(((' ~ numerator ~ ') % ' ~ denominator ~ ') + ' ~ denominator ~ ') % ' ~ denominator -%}
    ((({{ numerator }}) - ({{ remainder }})) // {{ denominator }})
{%- endmacro %}


{% macro spark__floor_division(numerator, denominator) -%}
    {%- set remainder = '(((' ~ numerator ~ ') % ' ~ denominator ~ ') + ' ~ denominator ~ ') % ' ~ denominator -%}
    ((({{ numerator }}) - ({{ remainder }})) div {{ denominator }})
{%- endmacro %}
