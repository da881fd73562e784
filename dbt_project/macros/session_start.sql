{#- When a session line's session started: its end less its length, to the microsecond. -#}
{% macro session_start(ended_at='event_date_time', length_s='event_length_seconds') -%}
    {{ return(adapter.dispatch('microseconds_before')(
        ended_at, 'cast(' ~ whole_units(length_s, 6) ~ ' as bigint)'
    )) }}
{%- endmacro %}


{#- dbt's dateadd takes no more microseconds than 32 bits hold, some 36 minutes. -#}
{% macro default__microseconds_before(timestamp, microseconds) -%}
    ({{ timestamp }} - to_microseconds({{ microseconds }}))
{%- endmacro %}


{% macro spark__microseconds_before(timestamp, microseconds) -%}
    timestampadd(microsecond, -{{ microseconds }}, {{ timestamp }})
{%- endmacro %}
