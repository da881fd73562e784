"""Which fields of a record the SELECTs of a mapped source name, found in their syntax trees.

A name that no record has makes values null without a word: a misspelt name, or a file without the header that the names
should come from. What is done about it is decided in `mapping.py` and shown by `check.py`.
"""

import dataclasses
import datetime as dt
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

RECORD = "record"
FieldPath = tuple[str, ...]
_EXTRACTIONS = ("->", "->>", "json_extract", "json_extract_string", "json_value", "json_exists", "json_type")
_SHAPES = ("from_json", "from_json_strict", "json_transform", "json_transform_strict")
_WHOLE = ("json", "md5", "sha1", "sha256", "hash", "json_valid", "length", "strlen")
# what reads a record as a whole, and so names no field of it
_STEP = re.compile(r'\.(?:"([^"]*)"|([^."\[\]*]+))')
# of a path such as $.character."Player Id"
SHOWN_NAMES = 12
CLOSE = 0.75
# of 1: with difflib's own 0.6, `at` would be meant by `plat`


@dataclasses.dataclass(frozen=True)
class NamedFields:
    """Paths of the fields that a SELECT names, and whether it may read others, whose names are no constants."""

    paths: frozenset[FieldPath] = frozenset()
    is_open: bool = True


def syntax_nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a syntax tree."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left += node.values()
        elif isinstance(node, list):
            left += node


def find_named_fields(tree: Mapping[str, Any]) -> NamedFields:
    """The fields of `record` that the SELECT of a syntax tree names."""
    paths: set[FieldPath] = set()
    explained: set[int] = set()
    for node in syntax_nodes(tree):
        if node.get("class") == "LAMBDA":
            # to the parser, record->'$.x' may be a function of one parameter
            subject, argument = node["lhs"], node["expr"]
        elif node.get("class") == "FUNCTION" and node["function_name"].lower() in (*_EXTRACTIONS, *_SHAPES):
            subject, argument = (*node["children"], None, None)[:2]
        else:
            continue
        reference = _record_in(subject)
        text = _constant_text(argument)
        if reference is None or text is None:
            continue
        found = (
            _shape_paths(text) if str(node.get("function_name", "")).lower() in _SHAPES else _json_path(text)
        )
        if found:
            paths |= set(found)
            explained.add(id(reference))
    for node in syntax_nodes(tree):
        is_passed_on = [
            child
            for child in node.get("select_list", [])
            if _is_record(child) and child["alias"] in ("", RECORD)
        ]
        if str(node.get("function_name", "")).lower() in _WHOLE:
            is_passed_on += [child for child in node["children"] if _is_record(child)]
        explained |= {id(child) for child in is_passed_on}
    is_open = any(_is_record(node) and id(node) not in explained for node in syntax_nodes(tree))
    return NamedFields(frozenset(paths), is_open)


def _is_record(node: Any) -> bool:
    """Whether a node is the column `record`, or a member of it by a dot."""
    return isinstance(node, dict) and node.get("class") == "COLUMN_REF" and RECORD in node["column_names"]


def _record_in(node: Any) -> dict[str, Any] | None:
    """The column `record` that a node is, also behind a cast or json()."""
    while isinstance(node, dict):
        if node.get("class") == "CAST":
            node = node["child"]
        elif node.get("class") == "FUNCTION" and node["function_name"].lower() == "json" and node["children"]:
            node = node["children"][0]
        else:
            break
    return node if _is_record(node) and node["column_names"][-1] == RECORD else None


def _constant_text(node: Any) -> str | None:
    if not isinstance(node, dict) or node.get("class") != "CONSTANT":
        return None
    value = node["value"]
    return value["value"] if not value["is_null"] and isinstance(value.get("value"), str) else None


def _json_path(text: str) -> list[FieldPath]:
    """The path that a text names up to its first index, as a list of one; [] when its first step is none by name."""
    if not text.startswith(("$", "/")):
        return [(text,)]
    steps: list[str] = []
    place = 1
    while text[0] == "$" and (step := _STEP.match(text, place)):
        steps.append(step[1] if step[1] is not None else step[2])
        place = step.end()
    return [tuple(steps)] if steps else []


def _shape_paths(text: str) -> list[FieldPath]:
    """Paths of the members of a shape such as {"id": "VARCHAR", "who": {"name": "VARCHAR"}}."""
    try:
        shape = json.loads(text)
    except ValueError:
        return []

    def inside(value: Any, path: FieldPath) -> Iterator[FieldPath]:
        if isinstance(value, dict) and value:
            for name, member in value.items():
                yield from inside(member, (*path, name))
        elif path:
            yield path

    return list(inside(shape, ()))


def path_sql(path: Iterable[str]) -> str:
    """A path as DuckDB's JSON functions read it."""
    return "$" + "".join(f'."{step}"' for step in path)


def shown_path(path: Iterable[str]) -> str:
    """A path as a SELECT names it."""
    return ".".join(step if re.fullmatch(r"\w+", step) else f'"{step}"' for step in path)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of some names that is most like another, whatever their case; None when none is."""
    names = {other.lower().strip(): other for other in known}
    short = {re.sub(r"[^0-9a-z]", "", lowered): other for lowered, other in names.items()}
    if exact := short.get(re.sub(r"[^0-9a-z]", "", name.lower())):
        return exact
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=CLOSE)
    return (
        names[near[0]]
        if near
        else next((o for n, o in names.items() if len(name) > 2 and n.startswith(name.lower())), None)
    )


def looks_like_record(header: Sequence[str]) -> bool:
    """Whether the first line of a CSV file looks like a record, not like names of columns."""
    return any(not name or _NUMBER.fullmatch(name) or _is_time(name) for name in header)


_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?")


def _is_time(text: str) -> bool:
    if re.match(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}", text):
        return True
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def listed(names: Iterable[str]) -> str:
    """Some names, and how many others there are."""
    names = list(names)
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(name[:80] for name in names[:SHOWN_NAMES]) + more
