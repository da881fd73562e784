{#-
  An amount in the reporting currency: amount x line_rate / report_rate, of `with_rates`, rounded half away from zero to
  some digits. Worked out in whole numbers, so that no digit is lost on the way: a ratio rounded to ten digits would be
  wrong by cents from some millions of yen on.

  amount: SQL of a decimal with `amount_digits` digits behind the point, at least as many as `digits`.
-#}
{% macro exchanged(amount, amount_digits, digits) -%}
    {%- if amount_digits < digits -%}
        {{ exceptions.raise_compiler_error(
            'exchanged: amount_digits must be at least digits, got ' ~ amount_digits ~ ' and ' ~ digits
        ) }}
    {%- endif -%}
    {%- set units = whole_units(amount, amount_digits) -%}
    {%- set quotient = rounded_quotient(
        units ~ ' * ' ~ whole_units('line_rate', 10),
        whole_units('report_rate', 10) ~ ' * ' ~ 10 ** (amount_digits - digits)
    ) -%}
    cast({{ quotient }} * cast({{ '%.*f' | format(digits, 0.1 ** digits) }} as decimal({{ digits }}, {{ digits }})) as decimal(38, {{ digits }}))
{%- endmacro %}


{#- A decimal as a whole number of its last digit. -#}
{% macro whole_units(amount, digits) -%}
    cast(cast({{ amount }} as decimal(38, {{ digits }})) * {{ 10 ** digits }} as decimal(38, 0))
{%- endmacro %}
