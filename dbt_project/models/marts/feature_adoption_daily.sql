with uses as (
    select distinct
        coalesce(events.feature, 'unknown') as feature,
        events.event_date,
        events.player_id
    from {{ ref('event_client') }} as events
    inner join {{ ref('dim_players') }} as players
        on events.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on events.event_date = dates.date
    where
        events.event_type = 'feature_used'
        and not players.is_internal
        and dates.is_loaded
),

first_uses as (
    select
        feature,
        player_id,
        min(event_date) as event_date
    from uses
    group by feature, player_id
),

users as (
    select
        uses.feature,
        uses.event_date,
        count(*) as users,
        count(first_uses.player_id) as first_time_users
    from uses
    left join first_uses
        on
            uses.feature = first_uses.feature
            and uses.player_id = first_uses.player_id
            and uses.event_date = first_uses.event_date
    group by uses.feature, uses.event_date
),

features as (
    select
        feature,
        min(event_date) as first_on
    from users
    group by feature
),

final as (
    select
        features.feature,
        days.event_date,
        days.is_final,
        coalesce(users.users, 0) as users,
        coalesce(users.first_time_users, 0) as first_time_users,
        cast(
            sum(coalesce(users.first_time_users, 0)) over (
                partition by features.feature
                order by days.event_date
                rows between unbounded preceding and current row
            ) as bigint
        ) as users_to_date,
        days.dau,
        days.registered_to_date
    from features
    inner join {{ ref('kpi_daily') }} as days
        on features.first_on <= days.event_date
    left join users
        on
            features.feature = users.feature
            and days.event_date = users.event_date
)

select
    feature,
    event_date,
    is_final,
    users,
    first_time_users,
    users_to_date,
    dau,
    registered_to_date,
    cast(users as double) / nullif(dau, 0) as share_of_dau,
    cast(users_to_date as double) / nullif(registered_to_date, 0) as share_of_registered
from final
