{#-
  Overrides dbt-duckdb's for the incremental models. The rows that one is about to insert are a temporary view in place
  of a temporary table, as dbt does on Spark: they are then written once, not twice, and not held in memory between. No
  model reads itself, so the view says the same after the window was deleted. A table that is not there yet is made
  empty and filled as any other. A unit test keeps its table: dbt drops it as one.
-#}
{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) -%}
    {%- set is_day_table = model.resource_type == 'model' and model.config.materialized == 'incremental' -%}
    {%- if language != 'sql' or not is_day_table -%}
        {%- do return(dbt.duckdb__create_table_as(
            temporary, relation, compiled_code, language, partitioned_by, sorted_by
        )) -%}
    {%- endif -%}
    {%- if not temporary -%}
        {%- set nothing = 'select * from (\n' ~ compiled_code ~ '\n) as no_rows\nlimit 0' -%}
        {{ dbt.duckdb__create_table_as(false, relation, nothing, language, partitioned_by, sorted_by) }}
        {{ insert_window(relation) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
        {%- endif %}
        create temporary view {{ relation.include(database=false, schema=false) }} as (
            {{ compiled_code }}
        );
    {%- endif -%}
{%- endmacro %}
