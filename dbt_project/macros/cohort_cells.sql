{#-
  The dense grid of the cohort marts: every cohort at every age from 0 to max_age. is_known: the day of the cell,
  cohort_date + age, is loaded; all others stay null.
-#}
{% macro cohort_cells(max_age) -%}
    select
        cohorts.cohort_date,
        cohorts.country,
        cohorts.platform,
        cohorts.experiment_group,
        ages.number as age,
        cohorts.cohort_size,
        coalesce(dates.is_loaded, false) as is_known
    from (
        select
            acquired_on as cohort_date,
            country,
            platform,
            experiment_group,
            count(*) as cohort_size
        from {{ ref('dim_players') }}
        where not is_internal
        group by acquired_on, country, platform, experiment_group
    ) as cohorts
    cross join (
        {{ number_series(0, max_age) }}
    ) as ages
    left join {{ ref('dim_dates') }} as dates
        on cohorts.cohort_date + cast(ages.number as integer) = dates.date
{%- endmacro %}
