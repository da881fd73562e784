with catalogue_lines as (
    {{ first_lines('product', all_days=true) }}
),

-- A validity begins where the price or its currency differs from the item's catalogue day before.
marked as (
    select
        catalogue_lines.*,
        case
            when
                price is not distinct from lag(price) over (partition by purchase_item order by event_date)
                and currency is not distinct from lag(currency) over (partition by purchase_item order by event_date)
                then 0
            else 1
        end as is_new_price
    from catalogue_lines
),

numbered as (
    select
        marked.*,
        sum(is_new_price) over (
            partition by purchase_item
            order by event_date
            rows between unbounded preceding and current row
        ) as validity_number
    from marked
),

ranked as (
    select
        numbered.*,
        min(event_date) over (partition by purchase_item, validity_number) as valid_from,
        row_number() over (partition by purchase_item, validity_number order by event_date desc) as days_to_last
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
