{#- None of the columns is ever below zero. Nulls pass. -#}
{% test never_negative(model, columns) %}

select {{ columns | join(', ') }}
from {{ model }}
where
    {% for column in columns -%}
    {{ 'or ' if not loop.first }}{{ column }} < 0
    {% endfor %}

{% endtest %}
