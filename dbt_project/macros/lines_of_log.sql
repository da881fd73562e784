{#-
  The valid lines of a log, repeats included, with the event day they count on: their own, or that of their
  match. Of the window's days; with all_days of every day loaded (logs without matches only).
-#}
{% macro lines_of_log(log, all_days=false) -%}
    {%- set contract = log_contract(log) -%}
    {%- set columns = contract['key'] + contract['measures'] + ['delivery_date', 'source_file', 'line_number'] -%}
    {%- if all_days and contract['is_of_match'] -%}
        {{ exceptions.raise_compiler_error(
            "lines_of_log: all_days is not for '" ~ log ~ "', whose days are its matches'"
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
    where {{ in_window('lines.event_date') }}
        {%- endif -%}
        {%- endif -%}
{%- endmacro %}
