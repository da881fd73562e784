{#- Every match of a loaded day is there, with conflicts or without, unless test accounts alone played it. -#}
{{ config(meta={'dagster': {'ref': {'name': 'session_close_conflicts_daily'}}}) }}

with matches as (
    select
        match_players.session_id,
        match_players.event_date,
        count(*) - count(internal_accounts.player_id) as counted_players
    from {{ ref('stage_match_players') }} as match_players
    left join {{ ref('internal_accounts') }} as internal_accounts
        on match_players.player_id = internal_accounts.player_id
    where
        {{ in_window('match_players.event_date') }}
        and match_players.event_date in (
            select deliveries.delivery_date from {{ source('leap_raw', 'delivery') }} as deliveries
        )
    group by match_players.session_id, match_players.event_date
),

mart as (
    select
        session_id,
        event_date
    from {{ ref('session_close_conflicts_daily') }}
    where {{ in_window('event_date') }}
)

select
    coalesce(matches.session_id, mart.session_id) as session_id,
    coalesce(matches.event_date, mart.event_date) as event_date
from matches
full outer join mart
    on
        matches.session_id = mart.session_id
        and matches.event_date = mart.event_date
where
    (mart.session_id is null and matches.counted_players > 0)
    or (mart.session_id is not null and coalesce(matches.counted_players, 0) = 0)
