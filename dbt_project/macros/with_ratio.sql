{#-
  The rows of a CTE with `ratio`: units of the reporting currency for one unit of the row's, on its event day. A
  row without a currency is in the reporting currency; a currency without a rate has a null ratio.
-#}
{% macro with_ratio(lines) -%}
    {%- set rates -%}
        select
            currency,
            rate,
            valid_from,
            lead(valid_from) over (partition by currency order by valid_from) as valid_until
        from {{ ref('exchange_rates') }}
    {%- endset -%}
    select
        {{ lines }}.*,
        case
            when {{ lines }}.currency is null then cast(1 as decimal(18, 10))
            else cast(line_rates.rate / nullif(report_rates.rate, 0) as decimal(18, 10))
        end as ratio
    from {{ lines }}
    left join ({{ rates }}) as line_rates
        on
            {{ lines }}.currency = line_rates.currency
            and {{ lines }}.event_date >= line_rates.valid_from
            and (line_rates.valid_until is null or {{ lines }}.event_date < line_rates.valid_until)
    left join ({{ rates }}) as report_rates
        on
            report_rates.currency = '{{ setting('DBT_LEAP_CURRENCY') }}'
            and {{ lines }}.event_date >= report_rates.valid_from
            and (report_rates.valid_until is null or {{ lines }}.event_date < report_rates.valid_until)
{%- endmacro %}
