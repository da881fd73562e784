{#-
  The one incremental strategy: delete the window's days, insert what the model gives for them.
  dbt opens a transaction before these statements and commits it after them, so a reader or a killed run
  sees the old days or the new ones. Unlike delete+insert on keys it also clears a day that became empty.
-#}
{% macro get_incremental_replace_window_sql(arg_dict) -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ in_window('event_date') }};

    {{ insert_window(arg_dict['target_relation']) }}
{%- endmacro %}
