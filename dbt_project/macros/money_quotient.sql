{#-
  An amount of money by a count, as decimal(38, 6) rounded half away from zero; null where the count is 0. Counted in
  whole millionths, because DuckDB would divide decimals as doubles and Spark as decimals with as many digits as are
  left: so both give the same digit, for amounts up to 10^20 and beyond.
-#}
{% macro money_quotient(amount, count) -%}
    {%- set millionths = 'cast(' ~ amount ~ ' as decimal(38, 6)) * 1000000' -%}
    cast(
        {{ rounded_quotient(millionths, count) }} * cast(0.000001 as decimal(6, 6)) as decimal(38, 6)
    )
{%- endmacro %}
