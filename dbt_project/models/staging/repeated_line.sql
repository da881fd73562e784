{{ config(post_hook="{{ keep_conflicting_duplicates() }}") }}
{%- set places = ['delivery_date', 'source_file', 'line_number'] -%}
with
{% for log in log_contract() %}
{%- set contract = log_contract(log) %}
{%- set hash_of_key = key_hash(contract['key'] + ['event_date']) %}
{%- set key_texts = [] %}
{%- for column in contract['key'] %}
{%- do key_texts.append('cast(later.' ~ column ~ ' as ' ~ dbt.type_string() ~ ')') %}
{%- endfor %}
{%- set compared = contract['measures'] | reject('in', contract.get('ignored', [])) | list %}
-- Few lines have a key that another line has. They are found by a hash of it, which is shorter; the keys decide.
{{ log }}_repeated_hashes as (
    select {{ hash_of_key }} as key_hash
    from (
        {{ lines_of_log(log) }}
    ) as lines
    group by {{ hash_of_key }}
    having count(*) > 1
),

{{ log }}_copies as (
    select
        lines.*,
        row_number() over (
            partition by
                {% for column in contract['key'] -%}
                lines.{{ column }},
                {% endfor -%}
                lines.event_date
            order by lines.delivery_date, lines.source_file, lines.line_number
        ) as copy_number
    from (
        {{ lines_of_log(log) }}
    ) as lines
    where
        {{ hash_of_key }} in (
            select repeated_hashes.key_hash from {{ log }}_repeated_hashes as repeated_hashes
        )
),

{{ log }}_repeats as (
    select
        '{{ log }}' as log,
        {% for column in places -%}
        later.{{ column }},
        {% endfor -%}
        {{ key_texts | join(" || '|' || ") }} as key,
        first_line.source_file as first_source_file,
        first_line.line_number as first_line_number,
        -- The columns that differ, each with a comma and a space in front.
        concat(
            {% for column in compared -%}
            case when {{ differs(column, contract) }} then ', {{ column }}' else '' end,
            {% endfor -%}
            ''
        ) as differing_columns,
        {{ row_as_json('later', contract['key'] + contract['measures']) }} as raw_line,
        later.event_date
    from {{ log }}_copies as later
    inner join {{ log }}_copies as first_line
        on
            {% for column in contract['key'] -%}
            later.{{ column }} = first_line.{{ column }}
            and {% endfor -%}
            later.event_date = first_line.event_date
    where
        later.copy_number > 1
        and first_line.copy_number = 1
),
{% endfor %}
final as (
    {% for log in log_contract() -%}
    select * from {{ log }}_repeats
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
)

select
    log,
    delivery_date,
    source_file,
    line_number,
    key,
    case when differing_columns = '' then 'duplicate' else 'conflicting_duplicate' end as kind,
    event_date,
    first_source_file,
    first_line_number,
    -- From the third character on: without the first comma and space.
    case when differing_columns <> '' then substring(differing_columns, 3) end as differing_columns,
    case when differing_columns <> '' then raw_line end as raw_line
from final
