{%- set attributes = ['country', 'platform', 'experiment_group', 'display_name'] -%}
-- Repeats too: of two exports of the same registrations, each may have columns that the other has not.
with lines as (
    select
        registrations.*,
        row_number() over (
            partition by registrations.player_id
            order by
                registrations.event_date,
                registrations.delivery_date,
                registrations.source_file,
                registrations.line_number
        ) as number
    from (
        {{ lines_of_log('player', all_days=true) }}
    ) as registrations
),

-- For each attribute the first line that has it.
first_lines_of_attributes as (
    select
        {% for attribute in attributes -%}
        min(case when {{ attribute }} is not null then number end) as {{ attribute }}_number,
        {% endfor -%}
        player_id
    from lines
    group by player_id
),

-- A player id registered again on another day keeps its first registration; a warning test shows it.
registrations as (
    select
        {% for attribute in attributes -%}
        max(case when lines.number = firsts.{{ attribute }}_number then lines.{{ attribute }} end) as {{ attribute }},
        {% endfor -%}
        lines.player_id,
        min(lines.event_date) as event_date
    from lines
    inner join first_lines_of_attributes as firsts
        on lines.player_id = firsts.player_id
    group by lines.player_id
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
        coalesce(countries.code, 'unknown') as country,
        coalesce(registrations.platform, 'unknown') as platform,
        coalesce(registrations.experiment_group, 'unknown') as experiment_group,
        registrations.display_name,
        registrations.player_id is null as is_inferred,
        internal_accounts.player_id is not null as is_internal
    from players
    left join registrations
        on players.player_id = registrations.player_id
    left join {{ ref('countries') }} as countries
        on {{ country_code('registrations.country') }} = countries.code
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
