{%- set ages = [1, 3, 7, 14, 30, 60, 90] -%}
with cohorts as (
    select *
    from {{ ref('cohort_retention') }}
    where age in ({{ ages | join(', ') }})
),

known as (
    select
        age,
        cast(sum(case when active_players is not null then cohort_size else 0 end) as bigint) as cohort_size,
        cast(coalesce(sum(active_players), 0) as bigint) as active_players
    from cohorts
    group by age
),

-- The longest of the ages up to which any cohort was followed.
horizon as (
    select max(case when age <= followed_days then age end) as rolling_followed_days
    from cohorts
),

-- Who was followed for less had less time to come back: only cohorts followed up to that age are pooled.
followed as (
    select
        horizon.rolling_followed_days,
        max(cohorts.cohort_date) as last_cohort_date,
        cast(sum(cohorts.cohort_size) as bigint) as cohort_size
    from horizon
    inner join cohorts
        on
            horizon.rolling_followed_days = cohorts.age
            and horizon.rolling_followed_days <= cohorts.followed_days
    group by horizon.rolling_followed_days
),

-- And of none is counted what came behind that age.
last_ages as (
    select
        days.player_id,
        max(days.age) as last_age
    from (
        {{ aged_player_days() }}
    ) as days
    inner join followed
        on
            days.cohort_date <= followed.last_cohort_date
            and days.age <= followed.rolling_followed_days
    where days.player_sessions > 0
    group by days.player_id
),

counts as (
    select
        last_age,
        count(*) as players
    from last_ages
    group by last_age
),

rolling as (
    select
        known.age,
        followed.cohort_size,
        cast(coalesce(sum(counts.players), 0) as bigint) as players
    from known
    inner join followed
        on known.age <= followed.rolling_followed_days
    left join counts
        on known.age <= counts.last_age
    group by known.age, followed.cohort_size
),

shares as (
    select
        known.age,
        known.cohort_size,
        known.active_players,
        cast(known.active_players as double) / nullif(known.cohort_size, 0) as retention,
        horizon.rolling_followed_days,
        rolling.cohort_size as rolling_cohort_size,
        rolling.players as rolling_players,
        cast(rolling.players as double) / nullif(rolling.cohort_size, 0) as rolling_retention
    from known
    cross join horizon
    left join rolling
        on known.age = rolling.age
)

select
    age,
    cohort_size,
    active_players,
    retention,
    {{ wilson_limit('retention', 'cohort_size', '-') }} as retention_low,
    {{ wilson_limit('retention', 'cohort_size', '+') }} as retention_high,
    rolling_followed_days,
    rolling_cohort_size,
    rolling_players,
    rolling_retention,
    {{ wilson_limit('rolling_retention', 'rolling_cohort_size', '-') }} as rolling_retention_low,
    {{ wilson_limit('rolling_retention', 'rolling_cohort_size', '+') }} as rolling_retention_high
from shares
