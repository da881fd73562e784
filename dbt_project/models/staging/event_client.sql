with lines as (
    {{ first_lines('client') }}
),

rated as (
    {{ with_rates('lines') }}
)

select
    rated.event_id,
    rated.player_id,
    rated.session_id,
    rated.event_type,
    rated.timestamp,
    rated.properties,
    rated.level,
    rated.time_spent,
    rated.success,
    rated.score,
    rated.product,
    rated.price,
    rated.currency,
    rated.ad_type,
    rated.network,
    rated.revenue,
    rated.achievement,
    rated.feature,
    rated.session_length,
    -- Rounded per event, like the amount of a transaction: every sum of it is the same.
    case
        when rated.event_type = 'ad_watched'
            then {{ exchanged('coalesce(rated.revenue, 0)', 6, 6) }}
    end as ad_amount,
    rated.event_date,
    rated.delivery_date
from rated
