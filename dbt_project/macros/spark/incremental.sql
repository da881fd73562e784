{#- Day tables are partitioned by their day; history tables, rebuilt whole, are not partitioned. -#}
{% macro spark__partition_cols(label, required=false) -%}
    {%- if model.config.materialized == 'incremental' %}
    {{ label }} (event_date)
    {%- endif -%}
{%- endmacro %}


{#- A day table that is not there yet is made of the window's days alone: those of others may be without their lines. -#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if not temporary and model.resource_type == 'model' and model.config.materialized == 'incremental' -%}
        {%- set compiled_code -%}
            select * from (
                {{ compiled_code }}
            ) as rows_of_all_days
            where {{ in_window('event_date') }}
        {%- endset -%}
        {{ dbt.spark__create_table_as(temporary, relation, compiled_code, language) }}
    {%- else -%}
        {{ dbt.spark__create_table_as(temporary, relation, compiled_code, language) }}
    {%- endif -%}
{%- endmacro %}


{#- dbt-spark knows its own strategies alone: here is ours among them. -#}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) -%}
    {%- if raw_strategy != 'replace_window' -%}
        {{ exceptions.raise_compiler_error('Day tables are written by replace_window, not by ' ~ raw_strategy ~ '.') }}
    {%- endif -%}
    {%- do return(raw_strategy) -%}
{%- endmacro %}


{#-
  The window's days, written as partitions: a day is replaced at once, whole. A day that became empty is no partition of
  the new rows, which would keep the old one: its partition is dropped.
-#}
{% macro dbt_spark_get_incremental_sql(
    strategy, source, target, existing, unique_key, incremental_predicates
) -%}
    {%- do run_query('set spark.sql.sources.partitionOverwriteMode = dynamic') -%}
    {%- set first_day, end_day = window_bounds() -%}
    {%- set there = [] -%}
    {%- for row in run_query('show partitions ' ~ target) -%}
        {%- set day = row[0].split('=')[1] -%}
        {%- if first_day | string <= day < end_day | string -%}
            {%- do there.append(day) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if there -%}
        {%- set filled = run_query(
            'select distinct cast(event_date as string) from ' ~ source ~ ' where ' ~ in_window('event_date')
        ).columns[0].values() | list -%}
        {%- for day in there if day not in filled -%}
            {%- do run_query('alter table ' ~ target ~ " drop if exists partition (event_date = '" ~ day ~ "')") -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') %}
    insert overwrite table {{ target }} partition (event_date)
    select {{ columns }}
    from {{ source }}
    where {{ in_window('event_date') }}
{%- endmacro %}
