{#-
  Overrides dbt's: a generic test of a day table looks at the run's window, where this run wrote; a test of
  a history table, a seed or a source looks at all of it. A `where` of the test itself still applies.
  With an alias, because Spark takes `where (is_x)` right behind a name for one.
-#}
{% macro get_where_subquery(relation) -%}
    {%- set conditions = [] -%}
    {%- if execute and model.attached_node and graph.nodes[model.attached_node].config.materialized == 'incremental' -%}
        {%- do conditions.append(in_window('event_date')) -%}
    {%- endif -%}
    {%- if config.get('where') -%}
        {%- do conditions.append('(' ~ config.get('where') ~ ')') -%}
    {%- endif -%}
    {%- if conditions -%}
        {%- do return('(select * from ' ~ relation ~ ' as all_rows where ' ~ conditions | join(' and ') ~ ') dbt_subquery') -%}
    {%- endif -%}
    {%- do return(relation) -%}
{%- endmacro %}
