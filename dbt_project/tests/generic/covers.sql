{#-
  Every value of another table's column is in this column. The mirror of dbt's relationships: it hangs on
  the later table, so it runs once that table is there. Nulls of the other table pass.
-#}
{% test covers(model, column_name, of, field) %}

select distinct facts.{{ field }}
from {{ of }} as facts
left join {{ model }} as dimension
    on facts.{{ field }} = dimension.{{ column_name }}
where
    facts.{{ field }} is not null
    and dimension.{{ column_name }} is null

{% endtest %}
