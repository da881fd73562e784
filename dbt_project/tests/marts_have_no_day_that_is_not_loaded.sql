{#- No mart has a row of a day of which no delivery is loaded; of months and weeks, none without a loaded day. -#}
{{ config(meta={'dagster': {'ref': {'name': 'kpi_daily'}}}) }}

{%- set spans = {
    'ad_revenue_daily': ('event_date', 'event_date'),
    'cohort_retention': ('cohort_date', 'cohort_date'),
    'cohort_revenue': ('cohort_date', 'cohort_date'),
    'concurrency_hourly': ('cast(hour_start as date)', 'cast(hour_start as date)'),
    'conflict_summary_daily': ('event_date', 'event_date'),
    'conversion_funnel': ('entry_date', 'entry_date'),
    'country_monthly_playtime': ('month_start', dbt.last_day('month_start', 'month')),
    'country_weekly_revenue': ('week_start', 'week_start + 6'),
    'event_counts_daily': ('event_date', 'event_date'),
    'feature_adoption_daily': ('event_date', 'event_date'),
    'kpi_daily': ('event_date', 'event_date'),
    'kpi_daily_by_segment': ('event_date', 'event_date'),
    'level_funnel_daily': ('event_date', 'event_date'),
    'lifecycle_daily': ('event_date', 'event_date'),
    'player_activity_daily': ('event_date', 'event_date'),
    'player_consecutive_days_monthly': ('month_start', dbt.last_day('month_start', 'month')),
    'session_close_conflicts_daily': ('event_date', 'event_date'),
    'session_metrics_daily': ('event_date', 'event_date'),
} %}

with deliveries as (
    select distinct delivery_date
    from {{ source('leap_raw', 'delivery') }}
),

spans as (
    {% for mart, (first_day, last_day) in spans.items() -%}
    select distinct
        '{{ mart }}' as mart,
        {{ first_day }} as first_day,
        {{ last_day }} as last_day
    from {{ ref(mart) }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
)

select
    spans.mart,
    spans.first_day,
    spans.last_day
from spans
left join deliveries
    on
        spans.first_day <= deliveries.delivery_date
        and spans.last_day >= deliveries.delivery_date
where deliveries.delivery_date is null
