{#-
  What deduplication needs to know of a log: its key, its other contract columns, and whether its lines belong to their
  own day or to the day of their match. Columns that are compared in their own way are named once more: `json` by what
  their text says, `optional` only where both lines have a value; `derived` are read from another column, and columns
  in `ignored` may differ, so neither is compared. (Two files may each know a part of a player, at times of their
  own: such lines complement each other.) Without a name: the names of all logs.
-#}
{% macro log_contract(log=none) -%}
    {%- set contracts = {
        'player': {
            'key': ['player_id'],
            'measures': ['event_date_time', 'country', 'platform', 'experiment_group', 'display_name'],
            'optional': ['country', 'platform', 'experiment_group', 'display_name'],
            'ignored': ['event_date_time'],
            'is_of_match': false,
        },
        'product': {
            'key': ['purchase_item'],
            'measures': ['product_name', 'transaction_type', 'tier', 'price', 'currency', 'cycle', 'available_from'],
            'is_of_match': false,
        },
        'signons': {
            'key': ['player_id', 'event_date_time'],
            'measures': ['platform'],
            'is_of_match': false,
        },
        'session': {
            'key': ['player_id', 'session_id'],
            'measures': ['event_date_time', 'country', 'event_length_seconds', 'kills', 'deaths'],
            'is_of_match': false,
        },
        'transaction': {
            'key': ['transaction_id'],
            'measures': [
                'player_id', 'event_date_time', 'purchase_item', 'purchase_price', 'currency', 'is_recurring',
                'cycle', 'transaction_type', 'refunded_transaction_id',
            ],
            'is_of_match': false,
        },
        'heartbeat': {
            'key': ['player_id', 'session_id', 'event_date_time'],
            'measures': ['team_id', 'position_x', 'position_y', 'position_z'],
            'is_of_match': true,
        },
        'client': {
            'key': ['event_id'],
            'measures': ['player_id', 'session_id', 'event_type', 'timestamp', 'properties'],
            'json': ['properties'],
            'derived': [
                'level', 'time_spent', 'success', 'score', 'product', 'price', 'currency', 'ad_type', 'network',
                'revenue', 'achievement', 'feature', 'session_length',
            ],
            'is_of_match': false,
        },
    } -%}
    {%- if log is none -%}
        {%- do return(contracts.keys() | list) -%}
    {%- endif -%}
    {%- if log not in contracts -%}
        {{ exceptions.raise_compiler_error(
            "log_contract: unknown log '" ~ log ~ "'; known: " ~ contracts | join(', ')
        ) }}
    {%- endif -%}
    {%- do return(contracts[log]) -%}
{%- endmacro %}
