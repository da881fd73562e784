{#-
  A key stands on one event day only. Deduplication works within an event day, so that days stay functions of
  their own lines; a session, transaction or registration that comes back on another day counts twice. (The
  catalogue repeats its items by design; the keys of sign-ons and heartbeats hold the time itself.)
-#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'repeated_line'}}}) }}

with session_keys as (
    select
        player_id || '|' || session_id as key,
        event_date
    from {{ ref('fact_session') }}
),

registrations as (
    {{ first_lines('player', all_days=true) }}
)

select
    'session' as log,
    here.key,
    here.event_date,
    elsewhere.event_date as other_event_date
from session_keys as here
inner join session_keys as elsewhere
    on
        here.key = elsewhere.key
        and here.event_date <> elsewhere.event_date
where {{ in_window('here.event_date') }}
union all
select
    'transaction' as log,
    here.transaction_id as key,
    here.event_date,
    elsewhere.event_date as other_event_date
from {{ ref('fact_transaction') }} as here
inner join {{ ref('fact_transaction') }} as elsewhere
    on
        here.transaction_id = elsewhere.transaction_id
        and here.event_date <> elsewhere.event_date
where {{ in_window('here.event_date') }}
union all
select
    'client' as log,
    here.event_id as key,
    here.event_date,
    elsewhere.event_date as other_event_date
from {{ ref('event_client') }} as here
inner join {{ ref('event_client') }} as elsewhere
    on
        here.event_id = elsewhere.event_id
        and here.event_date <> elsewhere.event_date
where
    {{ in_window('here.event_date') }}
    -- There are too many of them to look at all days in every run.
    and {{ in_window('elsewhere.event_date') }}
union all
select
    'player' as log,
    here.player_id as key,
    here.event_date,
    elsewhere.event_date as other_event_date
from registrations as here
inner join registrations as elsewhere
    on
        here.player_id = elsewhere.player_id
        and here.event_date <> elsewhere.event_date
where {{ in_window('here.event_date') }}
