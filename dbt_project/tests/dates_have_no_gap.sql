{#- From the first to the last date there is one row a day, loaded or not. -#}
select
    min(date) as first_date,
    max(date) as last_date,
    count(*) as dates
from {{ ref('dim_dates') }}
having count(*) <> {{ dbt.datediff('min(date)', 'max(date)', 'day') }} + 1
