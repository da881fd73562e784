{#- The most midnights that a player-session of the longest length goes over: its seconds in days, rounded up. -#}
{% macro session_max_days() -%}
    {%- set seconds = setting('DBT_LEAP_SESSION_MAX_S') | int -%}
    {%- if seconds < 1 -%}
        {{ exceptions.raise_compiler_error('DBT_LEAP_SESSION_MAX_S must be above 0, got ' ~ seconds) }}
    {%- endif -%}
    {%- do return((seconds + 86399) // 86400) -%}
{%- endmacro %}
