with transaction_lines as (
    {{ first_lines('transaction') }}
),

lines as (
    select
        transaction_id,
        player_id,
        event_date_time,
        purchase_item,
        purchase_price,
        currency,
        is_recurring,
        cycle,
        transaction_type,
        refunded_transaction_id,
        event_date
    from transaction_lines
    where {{ declares('transaction') | lower }}
    union all
    select
        events.event_id as transaction_id,
        events.player_id,
        events.timestamp as event_date_time,
        events.product as purchase_item,
        events.price as purchase_price,
        events.currency,
        cast(null as boolean) as is_recurring,
        cast(null as {{ dbt.type_string() }}) as cycle,
        cast(null as {{ dbt.type_string() }}) as transaction_type,
        cast(null as {{ dbt.type_string() }}) as refunded_transaction_id,
        events.event_date
    from {{ ref('event_client') }} as events
    where
        -- Where there is a transaction log, it has what the client tells of a purchase, and more.
        not {{ declares('transaction') | lower }}
        and events.event_type = 'purchase'
        and {{ in_window('events.event_date') }}
),

priced as (
    {{ with_rates('lines') }}
)

select
    transaction_id,
    player_id,
    event_date_time,
    purchase_item,
    purchase_price,
    currency,
    is_recurring,
    cycle,
    transaction_type,
    refunded_transaction_id,
    event_date,
    -- Rounded per line: sums of amounts agree to the cent wherever they are taken.
    {{ exchanged('purchase_price', 4, 2) }} as amount
from priced
