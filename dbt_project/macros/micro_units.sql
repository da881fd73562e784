{#-
  A coordinate in whole millionths, so that a sum of them is exact and the same in every order of execution
  (a sum of floats is not). Beyond 10^12 units a coordinate is cut, or it would not fit.
-#}
{% macro micro_units(coordinate) -%}
    cast(round(least(greatest({{ coordinate }}, -1e12), 1e12) * 1000000) as bigint)
{%- endmacro %}
