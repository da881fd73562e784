with known as (
    select
        age,
        cast(sum(case when active_players is not null then cohort_size else 0 end) as bigint) as cohort_size,
        cast(coalesce(sum(active_players), 0) as bigint) as active_players,
        cast(coalesce(sum(rolling_players), 0) as bigint) as rolling_players
    from {{ ref('cohort_retention') }}
    where age in (1, 3, 7, 14, 30, 60, 90)
    group by age
),

shares as (
    select
        known.*,
        cast(known.active_players as double) / nullif(known.cohort_size, 0) as retention,
        cast(known.rolling_players as double) / nullif(known.cohort_size, 0) as rolling_retention
    from known
)

select
    age,
    cohort_size,
    active_players,
    rolling_players,
    retention,
    {{ wilson_limit('retention', 'cohort_size', '-') }} as retention_low,
    {{ wilson_limit('retention', 'cohort_size', '+') }} as retention_high,
    rolling_retention,
    {{ wilson_limit('rolling_retention', 'cohort_size', '-') }} as rolling_retention_low,
    {{ wilson_limit('rolling_retention', 'cohort_size', '+') }} as rolling_retention_high
from shares
