with weekly as (
    select
        players.country,
        {{ week_start('days.event_date') }} as week_start,
        days.purchase_amount
    from {{ ref('fact_player_day') }} as days
    inner join {{ ref('dim_players') }} as players
        on days.player_id = players.player_id
    where
        not players.is_internal
        and days.transactions > 0
)

select
    country,
    week_start,
    {{ iso_year('week_start') }} as iso_year,
    cast(extract(week from week_start) as bigint) as iso_week,
    cast(sum(purchase_amount) as decimal(18, 2)) as purchase_amount
from weekly
group by country, week_start
