with registration_lines as (
    {{ first_lines('player', all_days=true) }}
),

-- A player id registered again on another day keeps its first registration; a warning test shows it.
registrations as (
    select numbered.*
    from (
        select
            lines.*,
            row_number() over (
                partition by lines.player_id
                order by lines.event_date, lines.delivery_date, lines.source_file, lines.line_number
            ) as registration_number
        from registration_lines as lines
    ) as numbered
    where numbered.registration_number = 1
),

appearances as (
    select
        player_id,
        min(event_date) as first_seen_on
    from {{ ref('fact_player_day') }}
    group by player_id
),

players as (
    select player_id from registrations
    union
    select player_id from appearances
),

final as (
    select
        players.player_id,
        coalesce(registrations.event_date, appearances.first_seen_on) as acquired_on,
        coalesce(registrations.country, 'unknown') as country,
        coalesce(registrations.platform, 'unknown') as platform,
        coalesce(registrations.experiment_group, 'unknown') as experiment_group,
        registrations.display_name,
        registrations.player_id is null as is_inferred,
        internal_accounts.player_id is not null as is_internal
    from players
    left join registrations
        on players.player_id = registrations.player_id
    left join appearances
        on players.player_id = appearances.player_id
    left join {{ ref('internal_accounts') }} as internal_accounts
        on players.player_id = internal_accounts.player_id
)

select
    player_id,
    acquired_on,
    {{ week_start('acquired_on') }} as cohort_week,
    country,
    platform,
    experiment_group,
    display_name,
    is_inferred,
    is_internal
from final
