{#-
  The floor of an integer division, also for a negative numerator (DuckDB and Spark truncate towards zero,
  and a plain slash is a floating-point division on both). The denominator is positive.
-#}
{% macro floor_division(numerator, denominator) -%}
    {%- set remainder = '(((' ~ numerator ~ ') % ' ~ denominator ~ ') + ' ~ denominator ~ ') % ' ~ denominator -%}
    {{ return('(' ~ adapter.dispatch('integer_division')('(' ~ numerator ~ ') - (' ~ remainder ~ ')', denominator) ~ ')') }}
{%- endmacro %}


{% macro default__integer_division(numerator, denominator) -%}
    ({{ numerator }}) // {{ denominator }}
{%- endmacro %}


{% macro spark__integer_division(numerator, denominator) -%}
    ({{ numerator }}) div {{ denominator }}
{%- endmacro %}
