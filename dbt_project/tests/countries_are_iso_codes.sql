{#-
  Every country in the logs is an ISO 3166-1 alpha-2 code, whatever its case: one row per log and value that is none,
  with the lines of the window that have it. Their players and player-sessions count under 'unknown'.
-#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'dim_countries'}}}) }}

with logged as (
    {% for log in ['player', 'session'] -%}
    select
        '{{ log }}' as log,
        country,
        count(*) as lines
    from {{ source('leap_raw', 'event_' ~ log) }}
    where
        country is not null
        and {{ in_window('event_date') }}
    group by country
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
)

select
    logged.log,
    logged.country,
    logged.lines
from logged
left join {{ ref('dim_countries') }} as countries
    on
        {{ country_code('logged.country') }} = countries.code
        and not countries.is_inferred
where countries.code is null
