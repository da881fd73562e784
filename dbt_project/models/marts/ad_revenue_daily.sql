{{ config(materialized='incremental') }}

with loaded_days as (
    {{ loaded_days() }}
)

select
    events.event_date,
    loaded_days.is_final,
    coalesce(events.ad_type, 'unknown') as ad_type,
    count(*) as impressions,
    count(distinct events.player_id) as viewers,
    cast(sum(cast(events.ad_amount as decimal(38, 6))) as decimal(38, 6)) as ad_amount,
    {{ money_quotient('1000 * sum(cast(events.ad_amount as decimal(38, 6)))', 'count(*)') }} as ecpm
from {{ ref('event_client') }} as events
inner join loaded_days
    on events.event_date = loaded_days.event_date
left join {{ ref('internal_accounts') }} as internal_accounts
    on events.player_id = internal_accounts.player_id
where
    events.event_type = 'ad_watched'
    and internal_accounts.player_id is null
    and {{ in_window('events.event_date') }}
group by events.event_date, loaded_days.is_final, coalesce(events.ad_type, 'unknown')
