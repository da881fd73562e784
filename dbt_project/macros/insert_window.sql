{#-
  Insert what the model gives for the window's days, a piece of the window at a time: a day's rows follow from the days
  around it alone, so the rows are the same, and the memory for a year is that for a piece. Rows of other days are left
  out, should a model give any: they are there already, and no test of the window would see them.
-#}
{% macro insert_window(relation) -%}
    {%- for piece in window_pieces() %}
    {#- in_window and its like speak of the piece while the model's code is rendered -#}
    {%- do model.update({'window_piece': piece}) %}
    insert into {{ relation }} by name
    select * from (
        {{ render(model.raw_code) }}
    ) as rows_of_the_piece
    where {{ in_window('event_date') }};
    {%- endfor %}
    {%- do model.pop('window_piece') -%}
{%- endmacro %}


{#-
  The window cut into (first day, day after the last), each of as many days as brought DBT_LEAP_PIECE_LINES together;
  a day is never cut.
-#}
{% macro window_pieces() -%}
    {%- set most_lines = setting('DBT_LEAP_PIECE_LINES') | int -%}
    {%- set first_day, end_day = window_bounds() -%}
    {%- set received -%}
        select
            delivery_date,
            sum(received) as lines
        from {{ source('leap_raw', 'delivery') }}
        where {{ in_window('delivery_date') }}
        group by delivery_date
        order by delivery_date
    {%- endset -%}
    {%- set pieces = [] -%}
    {%- set open = namespace(first_day=first_day, lines=0) -%}
    {%- for row in run_query(received) -%}
        {%- if open.lines and open.lines + row['lines'] > most_lines -%}
            {%- do pieces.append((open.first_day, row['delivery_date'])) -%}
            {%- set open.first_day = row['delivery_date'] -%}
            {%- set open.lines = 0 -%}
        {%- endif -%}
        {%- set open.lines = open.lines + row['lines'] -%}
    {%- endfor -%}
    {%- do pieces.append((open.first_day, end_day)) -%}
    {%- do return(pieces) -%}
{%- endmacro %}
