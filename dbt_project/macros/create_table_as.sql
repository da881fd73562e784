{#-
  Overrides dbt-duckdb's for the incremental models. In place of the temporary table that rows would pass through, a
  temporary view, as dbt does on Spark: it tells dbt the columns, and insert_window writes the rows, once. A table that
  is not there yet is made empty and filled in the same way. A unit test keeps its table: dbt drops it as one.
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
