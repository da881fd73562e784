with seen as (
    select country as code from {{ ref('dim_players') }}
    union
    select coalesce(country, 'unknown') as code from {{ ref('fact_session') }}
    union
    select 'unknown' as code
)

select
    code,
    name,
    false as is_inferred
from {{ ref('countries') }}
union all
select
    seen.code,
    case when seen.code = 'unknown' then 'Unknown' else seen.code end as name,
    true as is_inferred
from seen
left join {{ ref('countries') }} as countries
    on seen.code = countries.code
where countries.code is null
