{#-
  Whether the lines of an id on one day (line_date, first_at, last_at) belong to the day before: they begin at most 6 hours
  after the last of that day, and neither day comes within 6 hours of its other midnight. One that does may go on
  over that one, too; an id that lives over more than one midnight is cut at each. So a day's rows depend on the lines
  of the days beside it alone, in any order of loading.
-#}
{% macro continues(day, day_before) -%}
    {%- set start_of_day_before = 'cast(' ~ day_before ~ '.line_date as timestamp)' -%}
    coalesce(
        {{ day }}.first_at <= {{ dbt.dateadd('hour', 6, day_before ~ '.last_at') }}
        and {{ day_before }}.first_at > {{ dbt.dateadd('hour', 6, start_of_day_before) }}
        and {{ day }}.last_at < {{ dbt.dateadd('hour', 42, start_of_day_before) }},
        false
    )
{%- endmacro %}
