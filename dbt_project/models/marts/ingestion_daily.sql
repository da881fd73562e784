with counts as (
    select
        delivery_date,
        log,
        received,
        0 as valid,
        0 as duplicate,
        0 as rejected
    from {{ source('leap_raw', 'delivery') }}
    {% for log in log_contract() -%}
    union all
    select
        delivery_date,
        '{{ log }}' as log,
        0 as received,
        count(*) as valid,
        0 as duplicate,
        0 as rejected
    from {{ source('leap_raw', 'event_' ~ log) }}
    group by delivery_date
    {% endfor -%}
    union all
    select
        delivery_date,
        log,
        0 as received,
        -- A repeat is among the valid lines: it moves from there.
        -count(*) as valid,
        sum(case when kind = 'duplicate' then 1 else 0 end) as duplicate,
        sum(case when kind = 'conflicting_duplicate' then 1 else 0 end) as rejected
    from {{ ref('repeated_line') }}
    group by delivery_date, log
    union all
    select
        delivery_date,
        log,
        0 as received,
        0 as valid,
        0 as duplicate,
        count(*) as rejected
    from {{ source('leap_raw', 'rejected_line') }}
    -- Those are repeats.
    where reason <> 'conflicting_duplicate'
    group by delivery_date, log
)

select
    delivery_date,
    log,
    cast(sum(received) as bigint) as received,
    cast(sum(valid) as bigint) as accepted,
    cast(sum(duplicate) as bigint) as duplicate,
    cast(sum(rejected) as bigint) as rejected
from counts
group by delivery_date, log
