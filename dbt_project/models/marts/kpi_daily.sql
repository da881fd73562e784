with players as (
    select player_id
    from {{ ref('dim_players') }}
    where not is_internal
),

-- A player is in one segment, so players add up over segments like sums do.
segments as (
    select
        event_date,
        sum(dau) as dau,
        sum(wau) as wau,
        sum(mau) as mau,
        sum(new_players) as new_players,
        sum(player_sessions) as player_sessions,
        sum(play_s) as play_s,
        sum(events) as events,
        sum(payers) as payers,
        sum(absent_payers) as absent_payers,
        sum(purchase_amount) as purchase_amount,
        sum(absent_purchase_amount) as absent_purchase_amount,
        sum(ad_amount) as ad_amount,
        sum(registered_to_date) as registered_to_date,
        sum(purchase_amount_to_date) as purchase_amount_to_date
    from {{ ref('kpi_daily_by_segment') }}
    group by event_date
),

-- A loaded day has a row even before there is any player.
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
        percentile_cont(0.5) within group (order by sessions.length_s) as median_session_length_s,
        percentile_cont(0.9) within group (order by sessions.length_s) as p90_session_length_s
    from {{ ref('fact_session') }} as sessions
    inner join players
        on sessions.player_id = players.player_id
    group by sessions.event_date
),

final as (
    select
        days.event_date,
        true as is_loaded,
        days.is_final,
        cast(coalesce(segments.dau, 0) as bigint) as dau,
        cast(coalesce(segments.wau, 0) as bigint) as wau,
        windows.wau_days_in_window,
        cast(coalesce(segments.mau, 0) as bigint) as mau,
        windows.mau_days_in_window,
        cast(coalesce(segments.new_players, 0) as bigint) as new_players,
        cast(coalesce(segments.dau - segments.new_players, 0) as bigint) as existing_players,
        cast(coalesce(segments.player_sessions, 0) as bigint) as player_sessions,
        cast(coalesce(segments.play_s, 0) as bigint) as play_s,
        session_lengths.median_session_length_s,
        session_lengths.p90_session_length_s,
        cast(coalesce(segments.events, 0) as bigint) as events,
        cast(coalesce(segments.payers, 0) as bigint) as payers,
        cast(coalesce(segments.absent_payers, 0) as bigint) as absent_payers,
        cast(coalesce(segments.purchase_amount, 0) as decimal(38, 2)) as purchase_amount,
        cast(coalesce(segments.absent_purchase_amount, 0) as decimal(38, 2)) as absent_purchase_amount,
        cast(coalesce(segments.ad_amount, 0) as decimal(38, 6)) as ad_amount,
        cast(coalesce(segments.registered_to_date, 0) as bigint) as registered_to_date,
        cast(coalesce(segments.purchase_amount_to_date, 0) as decimal(38, 2)) as purchase_amount_to_date
    from days
    inner join windows
        on days.event_date = windows.event_date
    left join segments
        on days.event_date = segments.event_date
    left join session_lengths
        on days.event_date = session_lengths.event_date
)

select
    final.*,
    {{ kpi_ratios() }}
from final
