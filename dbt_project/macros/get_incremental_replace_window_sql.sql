{#-
  The one incremental strategy: delete the window's days, insert what the model gives for them.
  dbt opens a transaction before these statements and commits it after them, so a reader or a killed run
  sees the old days or the new ones. Unlike delete+insert on keys it also clears a day that became empty. Rows of
  other days are left out, should a model give any: they are there already, and no test of the window would see them.
-#}
{% macro get_incremental_replace_window_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ in_window('event_date') }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
    where {{ in_window('event_date') }}
{%- endmacro %}
