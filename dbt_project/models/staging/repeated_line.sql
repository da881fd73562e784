{%- set places = ['delivery_date', 'source_file', 'line_number'] -%}
with
{% for log in log_contract() %}
{%- set contract = log_contract(log) %}
{%- set hash_of_key = key_hash(contract['key'] + ['event_date']) %}
{%- set key_texts = [] %}
{%- for column in contract['key'] %}
{%- do key_texts.append('cast(later.' ~ column ~ ' as ' ~ dbt.type_string() ~ ')') %}
{%- endfor %}
{%- set differences = [] %}
{%- for column in contract['measures'] %}
{%- do differences.append('(later.' ~ column ~ ' is distinct from first_line.' ~ column ~ ')') %}
{%- endfor %}
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
        case
            when {{ differences | join(' or ') }} then 'conflicting_duplicate'
            else 'duplicate'
        end as kind,
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

select * from final
