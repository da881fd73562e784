{#-
  An amount of money by a count, as decimal(18, 6) rounded half away from zero; null where the count is 0. Counted in
  whole millionths, because DuckDB would divide decimals as doubles and Spark as decimals: so both give the same digit.
-#}
{% macro money_quotient(amount, count) -%}
    {%- set millionths -%}
        cast(cast({{ amount }} as decimal(24, 6)) * 1000000 as bigint)
    {%- endset -%}
    {%- set doubled = '2 * nullif(' ~ count ~ ', 0)' -%}
    {%- set size = adapter.dispatch('integer_division')(
        '2 * abs(' ~ millionths ~ ') + nullif(' ~ count ~ ', 0)', '(' ~ doubled ~ ')'
    ) -%}
    cast(
        cast(sign({{ amount }}) * ({{ size }}) as decimal(18, 0)) * cast(0.000001 as decimal(6, 6)) as decimal(18, 6)
    )
{%- endmacro %}
