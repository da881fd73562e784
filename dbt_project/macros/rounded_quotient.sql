{#-
  The whole number nearest to a quotient of two whole numbers, halves away from zero; null where the denominator is 0
  or null. The numbers may have up to 37 digits: nothing is rounded on the way, so both engines give the same number.
-#}
{% macro rounded_quotient(numerator, denominator) -%}
    {{ return(adapter.dispatch('rounded_quotient')(numerator, denominator)) }}
{%- endmacro %}


{% macro default__rounded_quotient(numerator, denominator) -%}
    {%- set n = 'cast(' ~ numerator ~ ' as hugeint)' -%}
    {%- set d = 'nullif(cast(' ~ denominator ~ ' as hugeint), 0)' -%}
    cast(case when {{ n }} < 0 then -1 else 1 end * ((2 * abs({{ n }}) + {{ d }}) // (2 * {{ d }})) as decimal(38, 0))
{%- endmacro %}


{#- `div` would give a bigint, which is too short. Without its remainder the quotient is whole, and `/` exact. -#}
{% macro spark__rounded_quotient(numerator, denominator) -%}
    {%- set n = 'cast(' ~ numerator ~ ' as decimal(38, 0))' -%}
    {%- set d = 'nullif(cast(' ~ denominator ~ ' as decimal(38, 0)), 0)' -%}
    {%- set doubled = '(2 * abs(' ~ n ~ ') + ' ~ d ~ ')' -%}
    {#- A double, as sign() gives one, would take the digits. -#}
    cast(
        case when {{ n }} < 0 then -1 else 1 end
        * cast(({{ doubled }} - {{ doubled }} % (2 * {{ d }})) / (2 * {{ d }}) as decimal(38, 0)) as decimal(38, 0)
    )
{%- endmacro %}
