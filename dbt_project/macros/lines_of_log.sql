{#-
  The valid lines of a log, repeats included, with the event day they count on: their own, or that of their
  match. Of the window's days; for logs without matches also of neighbour days (days_before, days_after) or, with
  all_days, of every day loaded.
-#}
{% macro lines_of_log(log, all_days=false, days_before=0, days_after=0) -%}
    {%- set contract = log_contract(log) -%}
    {%- set columns = (
        contract['key'] + contract['measures'] + contract.get('derived', [])
        + ['delivery_date', 'source_file', 'line_number']
    ) -%}
    {%- if contract['is_of_match'] and (all_days or days_before or days_after) -%}
        {{ exceptions.raise_compiler_error(
            "lines_of_log: only the window's days are for '" ~ log ~ "', whose days are its matches'"
        ) }}
    {%- endif -%}
    select
        {% for column in columns -%}
        lines.{{ column }},
        {% endfor -%}
        {%- if contract['is_of_match'] -%}
        match_days.event_date
    from {{ source('leap_raw', 'event_' ~ log) }} as lines
    inner join {{ ref('match_days') }} as match_days
        on
            lines.session_id = match_days.session_id
            and lines.event_date = match_days.line_date
    where
        {{ in_window('lines.event_date', days_after=1) }}
        and {{ in_window('match_days.event_date') }}
        {%- else -%}
        lines.event_date
    from {{ source('leap_raw', 'event_' ~ log) }} as lines
        {%- if not all_days %}
    where {{ in_window('lines.event_date', days_before, days_after) }}
        {%- endif -%}
        {%- endif -%}
{%- endmacro %}
