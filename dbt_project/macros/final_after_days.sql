{#-
  How many delivery days after a day may still bring lines of it: three, because a line may be delivered up to 72 hours
  late, and as many more as the longest player-session lasts, which is delivered when it ends and counts where it starts.
-#}
{% macro final_after_days() -%}
    {%- set session_max_s = setting('DBT_LEAP_SESSION_MAX_S') | int -%}
    {%- if session_max_s < 1 -%}
        {{ exceptions.raise_compiler_error('DBT_LEAP_SESSION_MAX_S must be above 0, got ' ~ session_max_s) }}
    {%- endif -%}
    {%- do return(3 + [1, (session_max_s + 86399) // 86400] | max) -%}
{%- endmacro %}
