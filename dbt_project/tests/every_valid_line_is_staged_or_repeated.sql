{#-
  Every valid line of the window is in its stage table or in repeated_line: a join that drops or doubles lines
  shows here. (Rows made from client events are left out of their tables' counts.)
-#}
{{ config(meta={'dagster': {'ref': {'name': 'event_heartbeat'}}}) }}

with counts as (
    {% for log, table, condition in [
        ('session', 'fact_session', 'not is_from_events'),
        ('transaction', 'fact_transaction', declares('transaction') | lower),
        ('heartbeat', 'event_heartbeat', 'true'),
        ('client', 'event_client', 'true'),
    ] -%}
    select
        '{{ log }}' as log,
        lines.event_date,
        count(*) as valid,
        0 as staged,
        0 as repeated
    from (
        {{ lines_of_log(log) }}
    ) as lines
    group by lines.event_date
    union all
    select
        '{{ log }}' as log,
        event_date,
        0 as valid,
        count(*) as staged,
        0 as repeated
    from {{ ref(table) }}
    where
        {{ condition }}
        and {{ in_window('event_date') }}
    group by event_date
    union all
    {% endfor -%}
    select
        log,
        event_date,
        0 as valid,
        0 as staged,
        count(*) as repeated
    from {{ ref('repeated_line') }}
    where
        {{ in_window('event_date') }}
        and log in ('session', 'transaction', 'heartbeat', 'client')
    group by log, event_date
)

select
    log,
    event_date,
    sum(valid) as valid,
    sum(staged) as staged,
    sum(repeated) as repeated
from counts
group by log, event_date
having sum(valid) <> sum(staged) + sum(repeated)
