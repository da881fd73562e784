with lines as (
    {{ first_lines('transaction') }}
),

rates as (
    select
        currency,
        rate,
        valid_from,
        lead(valid_from) over (partition by currency order by valid_from) as valid_until
    from {{ ref('exchange_rates') }}
),

priced as (
    select
        lines.*,
        -- Units of the reporting currency for one unit of the line's, on the event day.
        cast(line_rates.rate / nullif(report_rates.rate, 0) as decimal(18, 10)) as ratio
    from lines
    left join rates as line_rates
        on
            lines.currency = line_rates.currency
            and lines.event_date >= line_rates.valid_from
            and (line_rates.valid_until is null or lines.event_date < line_rates.valid_until)
    left join rates as report_rates
        on
            report_rates.currency = '{{ setting('DBT_LEAP_CURRENCY') }}'
            and lines.event_date >= report_rates.valid_from
            and (report_rates.valid_until is null or lines.event_date < report_rates.valid_until)
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
    -- Decimal all the way, rounded per line: sums of amounts agree to the cent wherever they are taken.
    cast(round(cast(purchase_price as decimal(18, 4)) * ratio, 2) as decimal(18, 2)) as amount
from priced
