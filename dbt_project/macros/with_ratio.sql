{#-
  The rows of a CTE with `ratio`: units of the reporting currency for one unit of the row's, on its event day. A
  row without a currency is in the reporting currency; a currency without a rate has a null ratio.

  The rates of both currencies meet before the rows do: one join of rows, on equal currencies, which an engine can
  hash. An `or` in it, or a second join on days alone, would compare each row with each rate.
-#}
{% macro with_ratio(lines) -%}
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
        case
            when {{ lines }}.currency is null then cast(1 as decimal(18, 10))
            else ratios.ratio
        end as ratio
    from {{ lines }}
    left join (
        select
            line_rates.currency,
            greatest(line_rates.valid_from, report_rates.valid_from) as valid_from,
            least(line_rates.valid_until, report_rates.valid_until) as valid_until,
            cast(line_rates.rate / nullif(report_rates.rate, 0) as decimal(18, 10)) as ratio
        from ({{ rates }}) as line_rates
        inner join ({{ rates }}) as report_rates
            on
                report_rates.currency = '{{ setting('DBT_LEAP_CURRENCY') }}'
                and line_rates.valid_from < report_rates.valid_until
                and report_rates.valid_from < line_rates.valid_until
    ) as ratios
        on
            {{ lines }}.currency = ratios.currency
            and {{ lines }}.event_date >= ratios.valid_from
            and {{ lines }}.event_date < ratios.valid_until
{%- endmacro %}
