{#-
  Whether a player-session that events tell of comes within less than half an hour of one of the session log: it is then
  part of that one.
-#}
{% macro comes_near(told, logged) -%}
    {{ told }}.started_at < {{ dbt.dateadd('minute', 30, logged ~ '.ended_at') }}
    and {{ logged }}.started_at < {{ dbt.dateadd('minute', 30, told ~ '.last_event_at') }}
{%- endmacro %}
