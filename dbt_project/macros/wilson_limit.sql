{#-
  Lower ('-') or upper ('+') limit of the Wilson 95 % interval of a share p out of n; null for a null p.
  (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), z the 97.5 % point of the normal distribution.
-#}
{% macro wilson_limit(p, n, sign) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set z_squared = 3.841458820694124 -%}
    {%- set limit -%}
        (
            {{ p }} + {{ z_squared / 2 }} / {{ n }}
            {{ sign }} {{ z }} * sqrt({{ p }} * (1 - {{ p }}) / {{ n }} + {{ z_squared / 4 }} / {{ n }} / {{ n }})
        ) / (1 + {{ z_squared }} / {{ n }})
    {%- endset -%}
    {#- Where nobody or everybody came, rounding would leave the limit a hair beside its share. -#}
    case when {{ p }} = {{ 0 if sign == '-' else 1 }} then {{ p }} when {{ p }} is not null then {{ limit }} end
{%- endmacro %}
