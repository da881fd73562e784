{#-
  Purchases in kpi_daily are those of country_weekly_revenue, to the cent and in every week; its ad revenue is that
  of ad_revenue_daily. (A day mart takes a new test account up with its next window, so that one is compared there.)
-#}
{{ config(meta={'dagster': {'ref': {'name': 'kpi_daily'}}}) }}

-- Of one type: a union of decimals with two and with six digits would round to two.
with amounts as (
    select
        {{ week_start('event_date') }} as first_day,
        'purchases of a week' as kind,
        cast(purchase_amount as decimal(38, 6)) as kpi_amount,
        cast(0 as decimal(38, 6)) as other_amount
    from {{ ref('kpi_daily') }}
    union all
    select
        week_start as first_day,
        'purchases of a week' as kind,
        0 as kpi_amount,
        cast(purchase_amount as decimal(38, 6)) as other_amount
    from {{ ref('country_weekly_revenue') }}
    union all
    select
        event_date as first_day,
        'ads of a day' as kind,
        ad_amount as kpi_amount,
        0 as other_amount
    from {{ ref('kpi_daily') }}
    where {{ in_window('event_date') }}
    union all
    select
        event_date as first_day,
        'ads of a day' as kind,
        0 as kpi_amount,
        ad_amount as other_amount
    from {{ ref('ad_revenue_daily') }}
    where {{ in_window('event_date') }}
)

select
    first_day,
    kind,
    sum(kpi_amount) as kpi_amount,
    sum(other_amount) as other_amount
from amounts
group by first_day, kind
having sum(kpi_amount) <> sum(other_amount)
