{#-
  Behind repeated_line: brings leap_raw.rejected_line to where it holds each conflicting duplicate, so that everything
  that was rejected is in one table. Which line of a key came first is known only with the other deliveries, so the
  loader cannot write them. A line is delivered two days before its event day at the earliest.
-#}
{% macro keep_conflicting_duplicates() -%}
    {{ return(adapter.dispatch('keep_conflicting_duplicates')()) }}
{%- endmacro %}


{% macro default__keep_conflicting_duplicates() -%}
    {%- set rejected_line = source('leap_raw', 'rejected_line') -%}
    {%- set place = 'log, delivery_date, source_file, line_number' -%}
    {#- Anew, not only those that are missing: which line came first, and so what differs, may have changed. -#}
    delete from {{ rejected_line }}
    where reason = 'conflicting_duplicate' and delivery_date >= {{ window_start(-2) }};

    insert into {{ rejected_line }} ({{ place }}, reason, message, raw_line)
    select
        {{ place }},
        kind as reason,
        concat(
            '''', key, ''' came before, with other values of ', differing_columns, ', in line ', first_line_number,
            ' of ', first_source_file
        ) as message,
        raw_line
    from {{ this }}
    where kind = 'conflicting_duplicate' and delivery_date >= {{ window_start(-2) }}
{%- endmacro %}


{#- A table of files cannot delete rows: the copy that is published gets them, see leap_assets.spark.mirror. -#}
{% macro spark__keep_conflicting_duplicates() -%}
    select 1
{%- endmacro %}
