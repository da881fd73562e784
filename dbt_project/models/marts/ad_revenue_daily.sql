{{ config(materialized='incremental') }}

select
    events.event_date,
    coalesce(events.ad_type, 'unknown') as ad_type,
    count(*) as impressions,
    count(distinct events.player_id) as viewers,
    cast(sum(events.ad_amount) as decimal(18, 6)) as ad_amount,
    {{ money_quotient('1000 * sum(events.ad_amount)', 'count(*)') }} as ecpm
from {{ ref('event_client') }} as events
left join {{ ref('internal_accounts') }} as internal_accounts
    on events.player_id = internal_accounts.player_id
where
    events.event_type = 'ad_watched'
    and internal_accounts.player_id is null
    and {{ in_window('events.event_date') }}
group by events.event_date, coalesce(events.ad_type, 'unknown')
