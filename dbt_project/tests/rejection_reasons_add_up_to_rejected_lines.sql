{#- The reasons of a delivery day and log add up to its rejected lines. -#}
{{ config(meta={'dagster': {'ref': {'name': 'rejections_daily'}}}) }}

with reasons as (
    select
        delivery_date,
        log,
        sum(lines) as rejected
    from {{ ref('rejections_daily') }}
    group by delivery_date, log
),

ingestion as (
    select
        delivery_date,
        log,
        rejected
    from {{ ref('ingestion_daily') }}
    where rejected > 0
)

select
    coalesce(reasons.delivery_date, ingestion.delivery_date) as delivery_date,
    coalesce(reasons.log, ingestion.log) as log,
    reasons.rejected as rejected_by_reason,
    ingestion.rejected as rejected_in_ingestion
from reasons
full outer join ingestion
    on
        reasons.delivery_date = ingestion.delivery_date
        and reasons.log = ingestion.log
where reasons.rejected is distinct from ingestion.rejected
