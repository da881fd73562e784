{#-
  An amount of money by a count, as decimal(38, 6) rounded half away from zero; null where the count is 0. Counted in
  whole millionths, because DuckDB would divide decimals as doubles and Spark as decimals with as many digits as are
  left: so both give the same digit, for amounts up to 10^20 and beyond.
-#}
{% macro money_quotient(amount, count) -%}
    {%- set millionths -%}
        cast({{ amount }} as decimal(38, 6)) * 1000000
    {%- endset -%}
    {%- set size = adapter.dispatch('whole_quotient')(
        '2 * abs(' ~ millionths ~ ') + nullif(' ~ count ~ ', 0)', '2 * nullif(' ~ count ~ ', 0)'
    ) -%}
    cast(
        case when {{ amount }} < 0 then -1 else 1 end * {{ size }} * cast(0.000001 as decimal(6, 6)) as decimal(38, 6)
    )
{%- endmacro %}


{#- The whole part of a quotient of whole numbers, neither of them negative, of up to 38 digits. -#}
{% macro default__whole_quotient(numerator, denominator) -%}
    cast(cast({{ numerator }} as hugeint) // cast({{ denominator }} as hugeint) as decimal(38, 0))
{%- endmacro %}


{#- Spark's div gives a bigint; without the remainder, its division of decimals is exact. -#}
{% macro spark__whole_quotient(numerator, denominator) -%}
    {%- set whole = 'cast(' ~ numerator ~ ' as decimal(38, 0))' -%}
    {%- set by = 'cast(' ~ denominator ~ ' as decimal(20, 0))' -%}
    cast(({{ whole }} - {{ whole }} % {{ by }}) / {{ by }} as decimal(38, 0))
{%- endmacro %}
