{#-
  A country as the logs name it, in the form of the seed countries: without spaces around it, in capitals. Whether it is
  the code of a country says a left join of the seed on it; whoever joins takes the seed's code, null for anything else.
-#}
{% macro country_code(country) -%}
    upper(trim({{ country }}))
{%- endmacro %}
