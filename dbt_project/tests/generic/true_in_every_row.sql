{#- The condition holds in every row; null counts as a failure. -#}
{% test true_in_every_row(model, condition) %}

select *
from {{ model }}
where not coalesce({{ condition }}, false)

{% endtest %}
