{%- set to_date -%}
over (
            partition by by_day.country, by_day.platform
            order by by_day.event_date
            rows between unbounded preceding and current row
        )
{%- endset -%}
with players as (
    select
        player_id,
        acquired_on,
        country,
        platform
    from {{ ref('dim_players') }}
    where not is_internal
),

player_days as (
    select
        days.*,
        players.acquired_on,
        players.country,
        players.platform
    from {{ ref('fact_player_day') }} as days
    inner join players
        on days.player_id = players.player_id
    inner join {{ ref('dim_dates') }} as dates
        on days.event_date = dates.date
    where dates.is_loaded
),

days as (
    select
        date as event_date,
        is_final
    from {{ ref('dim_dates') }}
    where is_loaded
),

windows as (
    {{ days_in_windows('days') }}
),

session_lengths as (
    select
        sessions.event_date,
        players.country,
        players.platform,
        percentile_cont(0.5) within group (order by sessions.length_s) as median_session_length_s,
        percentile_cont(0.9) within group (order by sessions.length_s) as p90_session_length_s
    from {{ ref('fact_session') }} as sessions
    inner join players
        on sessions.player_id = players.player_id
    group by sessions.event_date, players.country, players.platform
),

active_days as (
    select
        country,
        platform,
        event_date,
        lead(event_date) over (partition by player_id order by event_date) as next_date
    from player_days
    where player_sessions > 0
),

-- What changes on a day. An active day puts its player among the weekly (monthly) active until the 7th (30th) day
-- after it, or until the next active day, which then does the same: running sums count every player once.
changes as (
    select
        country,
        platform,
        event_date,
        1 as wau,
        1 as mau,
        0 as registered
    from active_days
    union all
    select
        country,
        platform,
        least(event_date + 7, coalesce(next_date, event_date + 7)) as event_date,
        -1 as wau,
        0 as mau,
        0 as registered
    from active_days
    union all
    select
        country,
        platform,
        least(event_date + 30, coalesce(next_date, event_date + 30)) as event_date,
        0 as wau,
        -1 as mau,
        0 as registered
    from active_days
    union all
    select
        country,
        platform,
        acquired_on as event_date,
        0 as wau,
        0 as mau,
        1 as registered
    from players
),

segments as (
    select
        country,
        platform,
        min(first_on) as first_on
    from (
        select
            country,
            platform,
            acquired_on as first_on
        from players
        union all
        select
            country,
            platform,
            event_date as first_on
        from player_days
    ) as appearances
    group by country, platform
),

parts as (
    select
        country,
        platform,
        event_date,
        false as is_row,
        wau,
        mau,
        registered,
        0 as dau,
        0 as new_players,
        0 as player_sessions,
        0 as play_s,
        0 as events,
        0 as payers,
        0 as absent_payers,
        cast(0 as decimal(38, 2)) as purchase_amount,
        cast(0 as decimal(38, 2)) as absent_purchase_amount,
        cast(0 as decimal(38, 6)) as ad_amount
    from changes
    union all
    select
        country,
        platform,
        event_date,
        false as is_row,
        0 as wau,
        0 as mau,
        0 as registered,
        case when player_sessions > 0 then 1 else 0 end as dau,
        case when player_sessions > 0 and acquired_on = event_date then 1 else 0 end as new_players,
        player_sessions,
        play_s,
        events,
        case when player_sessions > 0 and purchases > 0 then 1 else 0 end as payers,
        case when player_sessions = 0 and purchases > 0 then 1 else 0 end as absent_payers,
        purchase_amount,
        case when player_sessions = 0 then purchase_amount else cast(0 as decimal(38, 2)) end
            as absent_purchase_amount,
        ad_amount
    from player_days
    union all
    select
        segments.country,
        segments.platform,
        days.event_date,
        true as is_row,
        0 as wau,
        0 as mau,
        0 as registered,
        0 as dau,
        0 as new_players,
        0 as player_sessions,
        0 as play_s,
        0 as events,
        0 as payers,
        0 as absent_payers,
        cast(0 as decimal(38, 2)) as purchase_amount,
        cast(0 as decimal(38, 2)) as absent_purchase_amount,
        cast(0 as decimal(38, 6)) as ad_amount
    from segments
    inner join days
        on segments.first_on <= days.event_date
),

by_day as (
    select
        country,
        platform,
        event_date,
        max(case when is_row then 1 else 0 end) as is_row,
        sum(wau) as wau_change,
        sum(mau) as mau_change,
        sum(registered) as registered,
        sum(dau) as dau,
        sum(new_players) as new_players,
        sum(player_sessions) as player_sessions,
        sum(play_s) as play_s,
        sum(events) as events,
        sum(payers) as payers,
        sum(absent_payers) as absent_payers,
        sum(purchase_amount) as purchase_amount,
        sum(absent_purchase_amount) as absent_purchase_amount,
        sum(ad_amount) as ad_amount
    from parts
    group by country, platform, event_date
),

running as (
    select
        by_day.*,
        sum(by_day.wau_change) {{ to_date }} as wau,
        sum(by_day.mau_change) {{ to_date }} as mau,
        sum(by_day.registered) {{ to_date }} as registered_to_date,
        sum(by_day.purchase_amount) {{ to_date }} as purchase_amount_to_date
    from by_day
),

final as (
    select
        running.event_date,
        running.country,
        running.platform,
        true as is_loaded,
        days.is_final,
        cast(running.dau as bigint) as dau,
        cast(running.wau as bigint) as wau,
        windows.wau_days_in_window,
        cast(running.mau as bigint) as mau,
        windows.mau_days_in_window,
        cast(running.new_players as bigint) as new_players,
        cast(running.dau - running.new_players as bigint) as existing_players,
        cast(running.player_sessions as bigint) as player_sessions,
        cast(running.play_s as bigint) as play_s,
        session_lengths.median_session_length_s,
        session_lengths.p90_session_length_s,
        cast(running.events as bigint) as events,
        cast(running.payers as bigint) as payers,
        cast(running.absent_payers as bigint) as absent_payers,
        cast(running.purchase_amount as decimal(38, 2)) as purchase_amount,
        cast(running.absent_purchase_amount as decimal(38, 2)) as absent_purchase_amount,
        cast(running.ad_amount as decimal(38, 6)) as ad_amount,
        cast(running.registered_to_date as bigint) as registered_to_date,
        cast(running.purchase_amount_to_date as decimal(38, 2)) as purchase_amount_to_date
    from running
    inner join days
        on running.event_date = days.event_date
    inner join windows
        on running.event_date = windows.event_date
    left join session_lengths
        on
            running.event_date = session_lengths.event_date
            and running.country = session_lengths.country
            and running.platform = session_lengths.platform
    where running.is_row = 1
)

select
    final.*,
    {{ kpi_ratios() }}
from final
