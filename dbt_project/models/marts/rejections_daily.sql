select
    delivery_date,
    log,
    reason,
    count(*) as lines
from {{ source('leap_raw', 'rejected_line') }}
-- Those are repeats.
where reason <> 'conflicting_duplicate'
group by delivery_date, log, reason
union all
select
    delivery_date,
    log,
    kind as reason,
    count(*) as lines
from {{ ref('repeated_line') }}
where kind = 'conflicting_duplicate'
group by delivery_date, log, kind
