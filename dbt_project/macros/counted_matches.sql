{#- The window's matches that marts show: those with a player who is not a test account of ours. -#}
{% macro counted_matches() -%}
    select distinct
        match_players.session_id,
        match_players.event_date
    from {{ ref('stage_match_players') }} as match_players
    left join {{ ref('internal_accounts') }} as internal_accounts
        on match_players.player_id = internal_accounts.player_id
    where
        internal_accounts.player_id is null
        and {{ in_window('match_players.event_date') }}
{%- endmacro %}
