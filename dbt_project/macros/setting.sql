{#-
  A setting of the run, from the environment. Read at execution only: an environment variable read while
  parsing makes dbt parse again whenever it changes.

  DBT_LEAP_BEAT_S      seconds between two heartbeats of a player; above 0, may be fractional.
                       Changing it renumbers every beat: rebuild.
  DBT_LEAP_CURRENCY    currency of every amount; a currency of the seed exchange_rates. Changing it: rebuild.
  DBT_LEAP_LOGS        the logs that the source declares, separated by commas. A log that is not declared is made
                       up for by client events where that is possible: see fact_transaction. Changing it: rebuild.
  DBT_LEAP_PIECE_LINES lines that bring a piece of the window: see insert_window. Changing it changes memory and time.
  DBT_LEAP_SESSION_MAX_S
                       seconds that a player-session may last; above 0, at most 31 days. Lines are late by as much
                       more: see final_after_days. Changing it: rebuild.
  DBT_LEAP_START_DATE  first day of the world, YYYY-MM-DD. No event is older.
-#}
{% macro setting(name) -%}
    {%- set defaults = {
        'DBT_LEAP_BEAT_S': '30',
        'DBT_LEAP_CURRENCY': 'USD',
        'DBT_LEAP_LOGS': log_contract() | join(','),
        'DBT_LEAP_PIECE_LINES': '2000000',
        'DBT_LEAP_SESSION_MAX_S': '86400',
        'DBT_LEAP_START_DATE': '2025-01-01',
    } -%}
    {%- if name not in defaults -%}
        {{ exceptions.raise_compiler_error("setting: unknown name '" ~ name ~ "'; known: " ~ defaults | join(', ')) }}
    {%- endif -%}
    {%- do return(env_var(name, defaults[name]) if execute else defaults[name]) -%}
{%- endmacro %}
