{#- The lines of a log without those in repeated_line: what every model but repeated_line reads. -#}
{% macro first_lines(log, all_days=false, days_before=0, days_after=0) -%}
    select lines.*
    from (
        {{ lines_of_log(log, all_days, days_before, days_after) }}
    ) as lines
    left join {{ ref('repeated_line') }} as repeats
        on
            repeats.log = '{{ log }}'
            and lines.event_date = repeats.event_date
            and lines.delivery_date = repeats.delivery_date
            and lines.source_file = repeats.source_file
            and lines.line_number = repeats.line_number
    where repeats.line_number is null
{%- endmacro %}
