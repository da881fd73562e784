{#-
  Overrides dbt-duckdb's for the rows that an incremental model is about to insert: a temporary view in place of a
  temporary table, as dbt does on Spark. The rows of the window are then written once, not twice, and not held in
  memory between. No model reads itself, so the view says the same after the window was deleted. A unit test keeps
  its table: dbt drops it as one.
-#}
{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) -%}
    {%- if not temporary or language != 'sql' or model.resource_type != 'model' -%}
        {%- do return(dbt.duckdb__create_table_as(
            temporary, relation, compiled_code, language, partitioned_by, sorted_by
        )) -%}
    {%- endif -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
    {%- endif %}
    create temporary view {{ relation.include(database=false, schema=false) }} as (
        {{ compiled_code }}
    );
{%- endmacro %}
