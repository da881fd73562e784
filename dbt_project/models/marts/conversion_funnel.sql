{%- set steps = [
    'installed', 'first_session', 'first_level_completed', 'level_5_completed', 'purchase_after_level_5'
] -%}
with loaded_days as (
    select
        date,
        is_final
    from {{ ref('dim_dates') }}
    where is_loaded
),

installed as (
    select
        players.player_id,
        players.acquired_on,
        players.country,
        players.platform,
        cast(players.acquired_on as timestamp) as happened_at,
        {{ dbt.dateadd('day', 14, 'cast(players.acquired_on as timestamp)') }} as closed_at
    from {{ ref('dim_players') }} as players
    inner join loaded_days
        on players.acquired_on = loaded_days.date
    where not players.is_internal
),

sessions as (
    select
        sessions.player_id,
        sessions.started_at as happened_at
    from {{ ref('fact_session') }} as sessions
    inner join loaded_days
        on sessions.event_date = loaded_days.date
),

levels_completed as (
    select
        events.player_id,
        events.level,
        events.timestamp as happened_at
    from {{ ref('event_client') }} as events
    inner join loaded_days
        on events.event_date = loaded_days.date
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
        transactions.player_id,
        transactions.event_date_time as happened_at
    from {{ ref('fact_transaction') }} as transactions
    inner join loaded_days
        on transactions.event_date = loaded_days.date
    where transactions.purchase_price > 0
),

{% for step, previous, candidates in [
    ('first_session', 'installed', 'sessions'),
    ('first_level_completed', 'first_session', 'levels_completed'),
    ('level_5_completed', 'first_level_completed', 'fifth_levels_completed'),
    ('purchase_after_level_5', 'level_5_completed', 'purchases'),
    ('first_purchase', 'installed', 'purchases'),
] %}
-- The earliest that is not before the step that it follows.
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
        count(purchase_after_level_5.player_id) as purchase_after_level_5,
        count(first_purchase.player_id) as first_purchase
    from installed
    left join first_session
        on installed.player_id = first_session.player_id
    left join first_level_completed
        on installed.player_id = first_level_completed.player_id
    left join level_5_completed
        on installed.player_id = level_5_completed.player_id
    left join purchase_after_level_5
        on installed.player_id = purchase_after_level_5.player_id
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
        {{ 'cast(null as bigint)' if loop.first else loop.previtem }} as previous_players,
        first_purchase
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
        count(loaded_days.date) = 14 as is_complete,
        max(case when loaded_days.date = entries.entry_date + 13 and loaded_days.is_final then 1 else 0 end) = 1
            as is_final
    from entries
    left join loaded_days
        on
            entries.entry_date <= loaded_days.date
            and entries.entry_date > loaded_days.date - 14
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
    counts.first_purchase,
    cast(counts.first_purchase as double) / nullif(counts.installed, 0) as first_purchase_conversion,
    complete_days.is_complete,
    complete_days.is_final
from counts
inner join complete_days
    on counts.entry_date = complete_days.entry_date
