{#-
  A country as the logs name it, in the form of the seed countries: without spaces around it, in capitals. A left join
  of the seed on it gives the seed's code, or null for anything that is no country's code.
-#}
{% macro country_code(country) -%}
    upper(trim({{ country }}))
{%- endmacro %}
