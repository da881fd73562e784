with catalogue_lines as (
    {{ first_lines('product', all_days=true) }}
),

with_previous as (
    select
        lines.*,
        lag(lines.price) over (partition by lines.purchase_item order by lines.event_date) as previous_price,
        lag(lines.currency) over (partition by lines.purchase_item order by lines.event_date) as previous_currency
    from catalogue_lines as lines
),

-- A validity begins where the price or its currency differs from the item's catalogue day before.
marked as (
    select
        with_previous.*,
        case
            when
                (with_previous.price is distinct from with_previous.previous_price)
                or (with_previous.currency is distinct from with_previous.previous_currency)
                then 1
            else 0
        end as is_new_price
    from with_previous
),

numbered as (
    select
        marked.*,
        sum(marked.is_new_price) over (
            partition by marked.purchase_item
            order by marked.event_date
            rows between unbounded preceding and current row
        ) as validity_number
    from marked
),

ranked as (
    select
        numbered.*,
        min(numbered.event_date) over (
            partition by numbered.purchase_item, numbered.validity_number
        ) as valid_from,
        row_number() over (
            partition by numbered.purchase_item, numbered.validity_number
            order by numbered.event_date desc
        ) as days_to_last
    from numbered
),

-- What is not the price is taken as the last catalogue day of the validity has it.
catalogued as (
    select
        purchase_item,
        product_name,
        transaction_type,
        tier,
        price,
        currency,
        cycle,
        available_from,
        valid_from,
        lead(valid_from) over (partition by purchase_item order by valid_from) as valid_to,
        false as is_inferred
    from ranked
    where days_to_last = 1
),

inferred as (
    select
        transactions.purchase_item,
        transactions.purchase_item as product_name,
        -- An arbitrary but fixed one, should the lines of an unknown item disagree.
        min(transactions.transaction_type) as transaction_type,
        cast(null as {{ dbt.type_string() }}) as tier,
        cast(null as decimal(18, 4)) as price,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as {{ dbt.type_string() }}) as cycle,
        cast(null as date) as available_from,
        min(transactions.event_date) as valid_from,
        cast(null as date) as valid_to,
        true as is_inferred
    from {{ ref('fact_transaction') }} as transactions
    left join catalogued
        on transactions.purchase_item = catalogued.purchase_item
    where catalogued.purchase_item is null
    group by transactions.purchase_item
)

select * from catalogued
union all
select * from inferred
