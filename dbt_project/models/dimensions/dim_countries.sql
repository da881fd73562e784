select
    code,
    name,
    false as is_inferred
from {{ ref('countries') }}
union all
select
    'unknown' as code,
    'Unknown' as name,
    true as is_inferred
