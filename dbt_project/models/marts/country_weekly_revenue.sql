with paid as (
    select
        players.country,
        {{ week_start('days.event_date') }} as week_start,
        days.purchase_amount
    from {{ ref('fact_player_day') }} as days
    inner join {{ ref('dim_players') }} as players
        on days.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on days.event_date = dates.date
    where
        not players.is_internal
        and dates.is_loaded
        and days.transactions > 0
),

totals as (
    select
        country,
        week_start,
        cast(sum(purchase_amount) as decimal(38, 2)) as purchase_amount
    from paid
    group by country, week_start
)

select
    totals.country,
    totals.week_start,
    {{ iso_year('totals.week_start') }} as iso_year,
    cast(extract(week from totals.week_start) as bigint) as iso_week,
    coalesce(last_days.is_final, false) as is_final,
    totals.purchase_amount
from totals
left join {{ ref('dim_dates') }} as last_days
    on totals.week_start + 6 = last_days.date
