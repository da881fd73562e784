{%- set cohort = ['cohort_date', 'country', 'platform', 'experiment_group'] -%}
{%- set over_ages -%}
over (
            partition by cells.cohort_date, cells.country, cells.platform, cells.experiment_group
            order by cells.age
            rows between unbounded preceding and current row
        )
{%- endset -%}
with player_days as (
    {{ aged_player_days() }}
),

conversions as (
    select
        player_id,
        {{ cohort | join(', ') }},
        min(age) as age
    from player_days
    where purchases > 0
    group by player_id, {{ cohort | join(', ') }}
),

parts as (
    select
        {{ cohort | join(', ') }},
        age,
        purchase_amount,
        ad_amount,
        0 as converted_players
    from player_days
    union all
    select
        {{ cohort | join(', ') }},
        age,
        cast(0 as decimal(38, 2)) as purchase_amount,
        cast(0 as decimal(38, 6)) as ad_amount,
        1 as converted_players
    from conversions
),

sums as (
    select
        {{ cohort | join(', ') }},
        age,
        sum(purchase_amount) as purchase_amount,
        sum(ad_amount) as ad_amount,
        sum(converted_players) as converted_players
    from parts
    group by {{ cohort | join(', ') }}, age
),

cells as (
    {{ cohort_cells(180) }}
),

filled as (
    select
        cells.*,
        coalesce(sums.purchase_amount, 0) as purchase_amount,
        coalesce(sums.ad_amount, 0) as ad_amount,
        coalesce(sums.converted_players, 0) as converted_players,
        sum(coalesce(sums.purchase_amount, 0)) {{ over_ages }} as purchase_amount_to_age,
        sum(coalesce(sums.ad_amount, 0)) {{ over_ages }} as ad_amount_to_age,
        sum(coalesce(sums.converted_players, 0)) {{ over_ages }} as converted_players_to_age
    from cells
    left join sums
        on
            {% for column in cohort -%}
            cells.{{ column }} = sums.{{ column }}
            and {% endfor -%}
            cells.age = sums.age
),

final as (
    select
        {{ cohort | join(', ') }},
        age,
        cohort_size,
        is_final,
        cast(case when is_known then purchase_amount end as decimal(38, 2)) as purchase_amount,
        cast(case when is_known then ad_amount end as decimal(38, 6)) as ad_amount,
        cast(case when is_known then converted_players end as bigint) as converted_players,
        cast(case when is_known then purchase_amount_to_age end as decimal(38, 2)) as purchase_amount_to_age,
        cast(case when is_known then ad_amount_to_age end as decimal(38, 6)) as ad_amount_to_age,
        cast(case when is_known then converted_players_to_age end as bigint) as converted_players_to_age
    from filled
)

select
    {{ cohort | join(', ') }},
    age,
    cohort_size,
    is_final,
    purchase_amount,
    ad_amount,
    converted_players,
    purchase_amount_to_age,
    ad_amount_to_age,
    converted_players_to_age,
    {{ money_quotient('(purchase_amount_to_age + ad_amount_to_age)', 'cohort_size') }} as ltv,
    cast(converted_players_to_age as double) / nullif(cohort_size, 0) as payer_conversion
from final
