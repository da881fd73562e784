{#- No valid line counts on a day before the start date: no window reaches there, so it would be in no table. -#}
{{ config(meta={'dagster': {'ref': {'name': 'ingestion_daily'}}}) }}

with early_lines as (
    {% for log in log_contract() -%}
    select
        '{{ log }}' as log,
        delivery_date,
        count(*) as early
    from {{ source('leap_raw', 'event_' ~ log) }}
    where event_date < cast('{{ setting('DBT_LEAP_START_DATE') }}' as date)
    group by delivery_date
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
)

select
    ingestion.log,
    ingestion.delivery_date,
    ingestion.accepted,
    early_lines.early
from {{ ref('ingestion_daily') }} as ingestion
inner join early_lines
    on
        ingestion.log = early_lines.log
        and ingestion.delivery_date = early_lines.delivery_date
