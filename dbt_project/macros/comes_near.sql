{#-
  Whether a player-session known from events is less than half an hour from one of the session log: it is then part of
  that one.
-#}
{% macro comes_near(told, logged) -%}
    {{ told }}.started_at < {{ dbt.dateadd('minute', 30, logged ~ '.ended_at') }}
    and {{ logged }}.started_at < {{ dbt.dateadd('minute', 30, told ~ '.last_event_at') }}
{%- endmacro %}
