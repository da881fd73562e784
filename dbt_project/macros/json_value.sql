{#-
  What a JSON text says, as something that is equal for texts that say the same: in any order of keys, with any white
  space, a number in any of its forms. Slow: for few rows.
-#}
{% macro json_value(text) -%}
    {{ return(adapter.dispatch('json_value')(text)) }}
{%- endmacro %}


{#- A list of (place, type, value). A whole number is its digits, as a double would lose those behind the 15th. -#}
{% macro default__json_value(text) -%}
    {%- set number = 'try_cast(cast(nodes.atom as varchar) as double)' -%}
    (
        select
            list(
                concat_ws(
                    chr(31),
                    nodes.fullkey,
                    case when nodes.type in ('BIGINT', 'UBIGINT', 'DOUBLE') then 'NUMBER' else nodes.type end,
                    case
                        when nodes.type = 'VARCHAR' then json_extract_string(nodes.atom, '$')
                        when nodes.type <> 'DOUBLE' then cast(nodes.atom as varchar)
                        when try_cast({{ number }} as hugeint) = {{ number }}
                            then cast(try_cast({{ number }} as hugeint) as varchar)
                        else cast({{ number }} as varchar)
                    end
                )
                order by nodes.fullkey
            )
        from json_tree({{ text }}) as nodes
    )
{%- endmacro %}


{#- A variant keeps the keys of an object in order, and a decimal without trailing zeros. -#}
{% macro spark__json_value(text) -%}
    to_json(parse_json({{ text }}))
{%- endmacro %}
