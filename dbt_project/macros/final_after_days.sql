{#-
  How many delivery days after a day may still bring lines of it: three, because a line may be delivered up to 72 hours
  late, and as many more as the longest player-session lasts, which is delivered when it ends and counts where it starts.
-#}
{% macro final_after_days() -%}
    {%- do return(3 + session_max_days()) -%}
{%- endmacro %}
