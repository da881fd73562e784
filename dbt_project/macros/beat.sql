{#-
  The beat of a time: floor((time - match start) / beat length + 1/2), the nearest beat, in whole
  microseconds. (With floor alone, a clock jitter of 0.2 s puts half of the fixes into the wrong beat.)
-#}
{% macro beat(match_started_at, event_date_time) -%}
    {%- set beat_us = (setting('DBT_LEAP_BEAT_S') | float * 1000000) | round | int -%}
    {%- if beat_us < 1 -%}
        {{ exceptions.raise_compiler_error('DBT_LEAP_BEAT_S must be above 0, got ' ~ setting('DBT_LEAP_BEAT_S')) }}
    {%- endif -%}
    {%- set elapsed_us = dbt.datediff(match_started_at, event_date_time, 'microsecond') -%}
    {{ floor_division('2 * ' ~ elapsed_us ~ ' + ' ~ beat_us, 2 * beat_us) }}
{%- endmacro %}
