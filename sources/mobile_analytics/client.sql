-- One row per event that the contract has a type for; all others (user_engagement, screen_view, ...) are left out, and
-- counted as ignored. Of session_end, feature_used and the like the game's own events of these names are taken.
--
-- player_id is user_pseudo_id, the installation: user_id appears only after a log-in, and would make one player two.
-- Refunds are left out: client events have none, so revenue is before refunds.
--
-- A purchase with a transaction id is known by that and the player. Told again in the same file, by another event or
-- later, it has the time and session of its first telling, so it is a repeat; told again in another file, it is one
-- on the same day, and on another day a check names it (keys_stay_on_one_event_day). Without a transaction id, an event
-- is known by all that it says. A game that logs both in_app_purchase and purchase for one payment, without the same
-- transaction id, tells it twice: take one of them out of event_type.
with opened as (
    select
        source_file,
        line_number,
        record,
        -- Every value as text: an export writes whole numbers now as numbers, now as texts.
        from_json(
            record,
            '{
                "event_id": "VARCHAR", "event_timestamp": "VARCHAR", "event_name": "VARCHAR",
                "user_pseudo_id": "VARCHAR", "event_bundle_sequence_id": "VARCHAR",
                "batch_event_index": "VARCHAR", "event_value_in_usd": "VARCHAR",
                "event_params": [{"key": "VARCHAR", "value": {"string_value": "VARCHAR", "int_value": "VARCHAR",
                    "float_value": "VARCHAR", "double_value": "VARCHAR"}}],
                "items": [{"item_id": "VARCHAR", "item_name": "VARCHAR"}],
                "ecommerce": {"transaction_id": "VARCHAR"}
            }'
        ) as event
    from delivered
),

params as (
    select
        source_file,
        line_number,
        event,
        md5(concat_ws(
            '|',
            event.user_pseudo_id,
            event.event_timestamp,
            event.event_name,
            event.event_bundle_sequence_id,
            event.batch_event_index,
            record->>'$.event_params'
        )) as hashed_id,
        list_transform(
            event.event_params,
            lambda p: {
                'key': p.key,
                'text': coalesce(
                    p.value.string_value, p.value.int_value, p.value.double_value, p.value.float_value
                ),
                'is_whole': p.value.int_value is not null
            }
        ) as given
    from opened
),

named as (
    select
        source_file,
        line_number,
        event,
        hashed_id,
        list_filter(given, lambda p: p.key = 'level')[1].text as level,
        list_filter(given, lambda p: p.key = 'level_name')[1].text as level_name,
        list_filter(given, lambda p: p.key = 'success')[1].text as success,
        list_filter(given, lambda p: p.key = 'score')[1].text as score,
        list_filter(given, lambda p: p.key = 'time_spent')[1].text as time_spent,
        list_filter(given, lambda p: p.key = 'ga_session_id')[1].text as session_number,
        list_filter(given, lambda p: p.key = 'session_length')[1].text as session_length,
        -- Exports write a missing one as a text, too.
        coalesce(
            nullif(nullif(trim(list_filter(given, lambda p: p.key = 'transaction_id')[1].text), ''), '(not set)'),
            nullif(nullif(trim(event.ecommerce.transaction_id), ''), '(not set)')
        ) as transaction_id,
        list_filter(given, lambda p: p.key = 'product_id')[1].text as product_id,
        list_filter(given, lambda p: p.key = 'product_name')[1].text as product_name,
        list_filter(given, lambda p: p.key = 'quantity')[1].text as quantity,
        list_filter(given, lambda p: p.key = 'currency')[1].text as currency,
        list_filter(given, lambda p: p.key = 'value')[1].text as amount,
        list_filter(given, lambda p: p.key = 'price')[1] as price,
        list_filter(given, lambda p: p.key = 'ad_format')[1].text as ad_format,
        coalesce(
            list_filter(given, lambda p: p.key = 'ad_source')[1].text,
            list_filter(given, lambda p: p.key = 'ad_platform')[1].text
        ) as ad_network,
        list_filter(given, lambda p: p.key = 'achievement_id')[1].text as achievement,
        list_filter(given, lambda p: p.key = 'feature')[1].text as feature
    from params
),

typed as (
    select
        *,
        -- What is no number of microseconds goes on as it is, to be rejected with its text.
        coalesce(
            try(make_timestamp(try_cast(event.event_timestamp as bigint))::varchar), event.event_timestamp
        ) as happened_at,
        case
            when event.event_name in ('session_start', 'session_end', 'level_start', 'level_complete', 'level_fail')
                then event.event_name
            -- A level_end that does not say how is neither: the attempt counts as abandoned.
            when event.event_name = 'level_end' and lower(success) in ('true', '1', 'yes') then 'level_complete'
            when event.event_name = 'level_end' and lower(success) in ('false', '0', 'no') then 'level_fail'
            when event.event_name in ('in_app_purchase', 'purchase') then 'purchase'
            when event.event_name = 'ad_impression' then 'ad_watched'
            when event.event_name = 'unlock_achievement' then 'achievement_unlocked'
            when event.event_name = 'feature_used' then 'feature_used'
        end as event_type,
        case
            when event.event_name = 'in_app_purchase' and price.is_whole
                -- The SDK writes the price of a store purchase in millionths. Does your game log whole units: take
                -- out the division.
                then coalesce(
                    try_cast(try_cast(price.text as decimal(28, 6)) * 0.000001 as decimal(18, 6))::varchar,
                    price.text
                )
            else price.text
        end as unit_price
    from named
),

priced as (
    select
        *,
        case
            when event_type = 'purchase' then transaction_id
        end as told_transaction_id,
        case
            when event.event_name = 'purchase' and amount is not null then amount
            else coalesce(
                -- What is too large for a price goes on as it is, too.
                try((try_cast(unit_price as decimal(18, 6)) * coalesce(try_cast(quantity as integer), 1))::varchar),
                unit_price,
                amount
            )
        end as paid
    from typed
)

select
    source_file,
    line_number,
    -- The export has no id: the hash of what the event says is the same however often it is delivered.
    case
        when told_transaction_id is not null
            then md5(concat_ws('|', 'transaction', event.user_pseudo_id, told_transaction_id))
        else coalesce(nullif(trim(event.event_id), ''), hashed_id)
    end as event_id,
    event.user_pseudo_id as player_id,
    -- ga_session_id is unique for a player only.
    nullif(trim(event.user_pseudo_id), '')
    || '-'
    || nullif(trim(if(told_transaction_id is null, session_number, first_value(session_number) over told)), '')
        as session_id,
    event_type,
    if(told_transaction_id is null, happened_at, first_value(happened_at) over told) as timestamp,
    case
        when event_type in ('level_start', 'level_complete', 'level_fail')
            then json_object(
                -- level_12 is level 12.
                'level', coalesce(level, nullif(regexp_extract(level_name, '\d+'), ''), level_name),
                'success', if(event_type = 'level_start', null, event_type = 'level_complete'),
                'score', score,
                'time_spent', time_spent
            )
        when event_type = 'purchase'
            then json_object(
                'product',
                coalesce(product_id, event.items[1].item_id, product_name, event.items[1].item_name, 'unknown'),
                -- The export's own conversion, where it has one: paid in the store's currency, counted in USD.
                'price', coalesce(event.event_value_in_usd, paid),
                'currency', if(event.event_value_in_usd is not null, 'USD', currency)
            )
        when event_type = 'ad_watched'
            then json_object(
                'ad_type', ad_format,
                'network', ad_network,
                'revenue', coalesce(event.event_value_in_usd, amount),
                'currency', if(event.event_value_in_usd is not null, 'USD', currency)
            )
        when event_type = 'achievement_unlocked' then json_object('achievement', achievement)
        when event_type = 'feature_used' then json_object('feature', feature)
        when event_type = 'session_end' then json_object('session_length', session_length)
    end as properties
from priced
where event_type is not null
window told as (
    partition by event.user_pseudo_id, told_transaction_id
    order by try_cast(event.event_timestamp as bigint) nulls last, line_number
)
