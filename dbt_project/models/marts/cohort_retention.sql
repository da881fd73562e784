{%- set cohort = ['cohort_date', 'country', 'platform', 'experiment_group'] -%}
with active_days as (
    select *
    from (
        {{ aged_player_days() }}
    ) as days
    where player_sessions > 0
),

last_ages as (
    select
        player_id,
        {{ cohort | join(', ') }},
        max(age) as last_age
    from active_days
    group by player_id, {{ cohort | join(', ') }}
),

parts as (
    select
        {{ cohort | join(', ') }},
        age,
        1 as active_players,
        0 as last_players
    from active_days
    union all
    select
        {{ cohort | join(', ') }},
        -- Whoever came after the last age of this table came on it or later.
        least(last_age, 90) as age,
        0 as active_players,
        1 as last_players
    from last_ages
),

counts as (
    select
        {{ cohort | join(', ') }},
        age,
        sum(active_players) as active_players,
        sum(last_players) as last_players
    from parts
    group by {{ cohort | join(', ') }}, age
),

cells as (
    {{ cohort_cells(90) }}
),

followed as (
    select max(date) as last_loaded_day
    from {{ ref('dim_dates') }}
    where is_loaded
),

filled as (
    select
        cells.*,
        coalesce(counts.active_players, 0) as active_players,
        sum(coalesce(counts.last_players, 0)) over (
            partition by cells.cohort_date, cells.country, cells.platform, cells.experiment_group
            order by cells.age desc
            rows between unbounded preceding and current row
        ) as rolling_players
    from cells
    left join counts
        on
            {% for column in cohort -%}
            cells.{{ column }} = counts.{{ column }}
            and {% endfor -%}
            cells.age = counts.age
),

final as (
    select
        {% for column in cohort -%}
        filled.{{ column }},
        {% endfor -%}
        filled.age,
        filled.cohort_size,
        cast(
            {{ dbt.datediff('filled.cohort_date', 'followed.last_loaded_day', 'day') }} as bigint
        ) as followed_days,
        filled.is_final,
        cast(case when filled.is_known then filled.active_players end as bigint) as active_players,
        cast(case when filled.is_known then filled.rolling_players end as bigint) as rolling_players
    from filled
    cross join followed
)

select
    {{ cohort | join(', ') }},
    age,
    cohort_size,
    followed_days,
    is_final,
    active_players,
    rolling_players,
    cast(active_players as double) / nullif(cohort_size, 0) as retention,
    cast(rolling_players as double) / nullif(cohort_size, 0) as rolling_retention
from final
