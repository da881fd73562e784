{#-
  The dense grid of the cohort marts: every cohort whose day is loaded at every age from 0 to max_age. is_known: the day
  of the cell, cohort_date + age, is loaded; all others stay null. is_final: that day is final.
-#}
{% macro cohort_cells(max_age) -%}
    select
        cohorts.cohort_date,
        cohorts.country,
        cohorts.platform,
        cohorts.experiment_group,
        ages.number as age,
        cohorts.cohort_size,
        coalesce(dates.is_loaded, false) as is_known,
        case when dates.is_loaded then dates.is_final end as is_final
    from (
        select
            players.acquired_on as cohort_date,
            players.country,
            players.platform,
            players.experiment_group,
            count(*) as cohort_size
        from {{ ref('dim_players') }} as players
        inner join {{ ref('dim_dates') }} as cohort_dates
            on players.acquired_on = cohort_dates.date
        where
            not players.is_internal
            and cohort_dates.is_loaded
        group by players.acquired_on, players.country, players.platform, players.experiment_group
    ) as cohorts
    cross join (
        {{ number_series(0, max_age) }}
    ) as ages
    left join {{ ref('dim_dates') }} as dates
        on cohorts.cohort_date + cast(ages.number as integer) = dates.date
{%- endmacro %}
