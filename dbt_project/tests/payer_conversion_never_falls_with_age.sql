{#- Whoever has paid once is a payer at every later age of the cohort. -#}
{{ config(meta={'dagster': {'ref': {'name': 'cohort_revenue'}}}) }}

with known as (
    select
        cohort_date,
        country,
        platform,
        experiment_group,
        age,
        payer_conversion,
        lag(payer_conversion) over (
            partition by cohort_date, country, platform, experiment_group
            order by age
        ) as younger_conversion
    from {{ ref('cohort_revenue') }}
    where payer_conversion is not null
)

select
    cohort_date,
    country,
    platform,
    experiment_group,
    age,
    payer_conversion,
    younger_conversion
from known
where payer_conversion < younger_conversion
