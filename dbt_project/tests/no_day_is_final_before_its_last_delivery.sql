{#-
  A row is final in no mart unless the delivery of its day and all those are loaded that may still bring lines of it, and
  in every mart where they are. Counted from the deliveries, delivery by delivery.
-#}
{{ config(meta={'dagster': {'ref': {'name': 'kpi_daily'}}}) }}

{%- set days = {
    'ad_revenue_daily': 'event_date',
    'cohort_retention': 'cohort_date + cast(age as integer)',
    'cohort_revenue': 'cohort_date + cast(age as integer)',
    'concurrency_hourly': 'cast(hour_start as date)',
    'conflict_summary_daily': 'event_date',
    'conversion_funnel': 'entry_date + 13',
    'country_monthly_playtime': dbt.last_day('month_start', 'month'),
    'country_weekly_revenue': 'week_start + 6',
    'event_counts_daily': 'event_date',
    'feature_adoption_daily': 'event_date',
    'kpi_daily': 'event_date',
    'kpi_daily_by_segment': 'event_date',
    'level_funnel_daily': 'event_date',
    'lifecycle_daily': 'event_date',
    'player_activity_daily': 'event_date',
    'player_consecutive_days_monthly': dbt.last_day('month_start', 'month'),
    'session_close_conflicts_daily': 'event_date',
    'session_metrics_daily': 'event_date',
} -%}

with deliveries as (
    select distinct delivery_date
    from {{ source('leap_raw', 'delivery') }}
),

marked as (
    {% for mart, day in days.items() -%}
    select
        '{{ mart }}' as mart,
        {{ day }} as final_date,
        is_final
    from {{ ref(mart) }}
    where is_final is not null
    group by {{ day }}, is_final
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
)

select
    marked.mart,
    marked.final_date,
    marked.is_final,
    count(deliveries.delivery_date) as deliveries_loaded
from marked
left join deliveries
    on
        marked.final_date <= deliveries.delivery_date
        and marked.final_date + {{ final_after_days() }} >= deliveries.delivery_date
group by marked.mart, marked.final_date, marked.is_final
having marked.is_final <> (count(deliveries.delivery_date) = {{ final_after_days() + 1 }})
