{#-
  The window: the event days that this run rewrites, its end exclusive. It comes from
  --event-time-start and --event-time-end, or, where a command does not take them (dbt test), from
  DBT_LEAP_WINDOW_START and DBT_LEAP_WINDOW_END. The caller has already put the safety days in.
  Nothing else in the project knows a date.
-#}

{#- (first day, day after the last) as dates. While parsing there is no window: a stand-in. -#}
{% macro window_bounds() -%}
    {%- set date = modules.datetime.date -%}
    {%- if not execute -%}
        {%- do return((date(1970, 1, 1), date(1970, 1, 2))) -%}
    {%- endif -%}
    {%- if model is defined and model.get('window_piece') -%}
        {#- see insert_window -#}
        {%- do return(model['window_piece']) -%}
    {%- endif -%}
    {%- set start = invocation_args_dict.get('event_time_start') or env_var('DBT_LEAP_WINDOW_START', '') -%}
    {%- set end = invocation_args_dict.get('event_time_end') or env_var('DBT_LEAP_WINDOW_END', '') -%}
    {%- if not start or not end -%}
        {{ exceptions.raise_compiler_error(
            'No window: pass --event-time-start and --event-time-end (end exclusive), '
            ~ 'or set DBT_LEAP_WINDOW_START and DBT_LEAP_WINDOW_END.'
        ) }}
    {%- endif -%}
    {#- dbt hands over datetimes from the command line and strings from elsewhere. -#}
    {%- set first_day = date.fromisoformat((start | string)[:10]) -%}
    {%- set end_day = date.fromisoformat((end | string)[:10]) -%}
    {%- if first_day >= end_day -%}
        {{ exceptions.raise_compiler_error('Empty window: ' ~ first_day ~ ' to ' ~ end_day ~ ' (end exclusive).') }}
    {%- endif -%}
    {%- do return((first_day, end_day)) -%}
{%- endmacro %}


{#- First day of the window, moved by some days, as a date literal. -#}
{% macro window_start(days=0) -%}
    cast('{{ window_bounds()[0] + modules.datetime.timedelta(days=days) }}' as date)
{%- endmacro %}


{#- The day after the window, moved by some days, as a date literal. -#}
{% macro window_end(days=0) -%}
    cast('{{ window_bounds()[1] + modules.datetime.timedelta(days=days) }}' as date)
{%- endmacro %}


{#- Whether a date column lies in the window, widened by days_before and days_after. -#}
{% macro in_window(column='event_date', days_before=0, days_after=0) -%}
    ({{ column }} >= {{ window_start(-days_before) }} and {{ column }} < {{ window_end(days_after) }})
{%- endmacro %}
