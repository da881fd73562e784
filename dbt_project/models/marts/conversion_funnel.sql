{%- set steps = ['installed', 'first_session', 'first_level_completed', 'level_5_completed', 'first_purchase'] -%}
with installed as (
    select
        player_id,
        acquired_on,
        country,
        platform,
        cast(acquired_on as timestamp) as happened_at,
        {{ dbt.dateadd('day', 14, 'cast(acquired_on as timestamp)') }} as closed_at
    from {{ ref('dim_players') }}
    where not is_internal
),

sessions as (
    select
        player_id,
        started_at as happened_at
    from {{ ref('fact_session') }}
),

levels_completed as (
    select
        events.player_id,
        events.level,
        events.timestamp as happened_at
    from {{ ref('event_client') }} as events
    where events.event_type = 'level_complete'
),

fifth_levels_completed as (
    select
        player_id,
        happened_at
    from levels_completed
    where level = 5
),

purchases as (
    select
        player_id,
        event_date_time as happened_at
    from {{ ref('fact_transaction') }}
    where purchase_price > 0
),

{% for step, previous, candidates in [
    ('first_session', 'installed', 'sessions'),
    ('first_level_completed', 'first_session', 'levels_completed'),
    ('level_5_completed', 'first_level_completed', 'fifth_levels_completed'),
    ('first_purchase', 'level_5_completed', 'purchases'),
] %}
-- The earliest that comes not before the step it follows.
{{ step }} as (
    select
        earlier.player_id,
        earlier.closed_at,
        min(candidates.happened_at) as happened_at
    from {{ previous }} as earlier
    inner join {{ candidates }} as candidates
        on
            earlier.player_id = candidates.player_id
            and earlier.happened_at <= candidates.happened_at
            and earlier.closed_at > candidates.happened_at
    group by earlier.player_id, earlier.closed_at
),
{% endfor %}
reached as (
    select
        installed.acquired_on as entry_date,
        installed.country,
        installed.platform,
        count(installed.player_id) as installed,
        count(first_session.player_id) as first_session,
        count(first_level_completed.player_id) as first_level_completed,
        count(level_5_completed.player_id) as level_5_completed,
        count(first_purchase.player_id) as first_purchase
    from installed
    left join first_session
        on installed.player_id = first_session.player_id
    left join first_level_completed
        on installed.player_id = first_level_completed.player_id
    left join level_5_completed
        on installed.player_id = level_5_completed.player_id
    left join first_purchase
        on installed.player_id = first_purchase.player_id
    group by installed.acquired_on, installed.country, installed.platform
),

counts as (
    {% for step in steps -%}
    select
        entry_date,
        country,
        platform,
        cast({{ loop.index }} as bigint) as step_number,
        '{{ step }}' as step,
        {{ step }} as players,
        installed,
        {{ 'cast(null as bigint)' if loop.first else loop.previtem }} as previous_players
    from reached
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

entries as (
    select distinct entry_date
    from reached
),

complete_days as (
    select
        entries.entry_date,
        count(dates.date) = 14 as is_complete
    from entries
    left join {{ ref('dim_dates') }} as dates
        on
            dates.is_loaded
            and entries.entry_date <= dates.date
            and entries.entry_date > dates.date - 14
    group by entries.entry_date
)

select
    counts.entry_date,
    counts.country,
    counts.platform,
    counts.step_number,
    counts.step,
    counts.players,
    cast(counts.players as double) / nullif(counts.installed, 0) as share_of_installed,
    cast(counts.players as double) / nullif(counts.previous_players, 0) as share_of_previous,
    complete_days.is_complete
from counts
inner join complete_days
    on counts.entry_date = complete_days.entry_date
