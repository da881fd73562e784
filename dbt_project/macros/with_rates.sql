{#-
  The rows of a CTE with `line_rate` and `report_rate`: the values in USD of one unit of the row's currency and of the
  reporting currency on the row's event day. A row without a currency is in the reporting currency, both are 1; a
  currency without a rate has none.

  The rates of both currencies meet before the rows do: one join of rows, on equal currencies, which an engine can
  hash. An `or` in it, or a second join on days alone, would compare each row with each rate.
-#}
{% macro with_rates(lines) -%}
    {%- set rates -%}
        select
            currency,
            rate,
            valid_from,
            lead(valid_from, 1, cast('9999-12-31' as date)) over (
                partition by currency
                order by valid_from
            ) as valid_until
        from {{ ref('exchange_rates') }}
    {%- endset -%}
    select
        {{ lines }}.*,
        case when {{ lines }}.currency is null then cast(1 as decimal(18, 10)) else rates.line_rate end as line_rate,
        case when {{ lines }}.currency is null then cast(1 as decimal(18, 10)) else rates.report_rate end as report_rate
    from {{ lines }}
    left join (
        select
            line_rates.currency,
            greatest(line_rates.valid_from, report_rates.valid_from) as valid_from,
            least(line_rates.valid_until, report_rates.valid_until) as valid_until,
            line_rates.rate as line_rate,
            report_rates.rate as report_rate
        from ({{ rates }}) as line_rates
        inner join ({{ rates }}) as report_rates
            on
                report_rates.currency = '{{ setting('DBT_LEAP_CURRENCY') }}'
                and line_rates.valid_from < report_rates.valid_until
                and report_rates.valid_from < line_rates.valid_until
    ) as rates
        on
            {{ lines }}.currency = rates.currency
            and {{ lines }}.event_date >= rates.valid_from
            and {{ lines }}.event_date < rates.valid_until
{%- endmacro %}
