with loaded_days as (
    {{ loaded_days() }}
),

bounds as (
    select
        min(event_date) as first_day,
        max(event_date) as last_day
    from loaded_days
),

days as (
    select series.date
    from (
        {{ day_series('first_day', 'last_day') }}
        from bounds
        where first_day is not null
    ) as series
),

weeks as (
    select
        days.date,
        {{ week_start('days.date') }} as week_start,
        {{ month_start('days.date') }} as month_start,
        loaded_days.event_date is not null as is_loaded,
        coalesce(loaded_days.is_final, false) as is_final
    from days
    left join loaded_days
        on days.date = loaded_days.event_date
)

select
    date,
    {{ iso_year('week_start') }} as iso_year,
    cast(extract(week from date) as bigint) as iso_week,
    week_start,
    month_start,
    is_loaded,
    is_final
from weeks
