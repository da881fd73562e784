"""Small wrong changes to one SQL statement: where they are possible, and the statement with one of them made.

A change is an operator (what kind) and a site (the how-manieth place of that kind in the statement). The same
operator and site mean the same change in every statement of the same shape, whatever tables it reads: that is how a
mutant of a model is also one of the model's unit tests. Which mutants are tried is decided in `sql_mutants.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

DIALECT = "duckdb"
Edit = Callable[[], None]
# makes one change in the statement it was found in

_OPPOSITES: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
}
_AGGREGATES: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.Sum: exp.Count,
    exp.Min: exp.Max,
    exp.Max: exp.Min,
    exp.Least: exp.Greatest,
    exp.Greatest: exp.Least,
    exp.Lag: exp.Lead,
    exp.Lead: exp.Lag,
}


@dataclass(frozen=True)
class Change:
    """One place where an operator can change a statement, and what it changes in words."""

    operator: str
    site: int
    said: str


def parse(sql: str) -> exp.Expression:
    """A statement as a tree."""
    return sqlglot.parse_one(sql, dialect=DIALECT)


def list_changes(tree: exp.Expression) -> list[Change]:
    """All changes of a statement, operator by operator, in the order of the text."""
    return [
        Change(operator, site, said)
        for operator, find in OPERATORS.items()
        for site, (said, _) in enumerate(find(tree))
    ]


def count_sites(tree: exp.Expression, operator: str) -> int:
    """How many places an operator has in a statement."""
    return sum(1 for _ in OPERATORS[operator](tree))


def change(tree: exp.Expression, operator: str, site: int) -> exp.Expression:
    """A copy of a statement with one change."""
    # held by a parent, so that the statement itself can be replaced too
    holder = exp.Paren(this=tree.copy())
    edit = list(OPERATORS[operator](holder.this))[site][1]
    edit()
    return holder.this


def _text(node: exp.Expression) -> str:
    text = " ".join(node.sql(DIALECT).split())
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-25:]}"


def _swap(node: exp.Expression, new: exp.Expression) -> tuple[str, Edit]:
    return f"{_text(node)} -> {_text(new)}", lambda: _replace(node, new)


def _replace(node: exp.Expression, new: exp.Expression) -> None:
    node.replace(new)


def _of(tree: exp.Expression, *kinds: type[exp.Expression]) -> Iterator[exp.Expression]:
    """Nodes of some kinds in the order of the text."""
    yield from list(tree.find_all(*kinds, bfs=False))


def _is_window_edge(node: exp.Expression) -> bool:
    """Whether a comparison is with a day that was written into the SQL: an edge of the run's window."""
    right = node.args.get("expression")
    return (
        isinstance(right, exp.Cast) and isinstance(right.this, exp.Literal) and right.to.this.name == "DATE"
    )


def _compare(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, *_OPPOSITES):
        if not _is_window_edge(node):
            yield _swap(
                node, _OPPOSITES[type(node)](this=node.this.copy(), expression=node.expression.copy())
            )


def _window(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, *_OPPOSITES):
        if _is_window_edge(node):
            yield _swap(
                node, _OPPOSITES[type(node)](this=node.this.copy(), expression=node.expression.copy())
            )


def _join(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Join):
        side, kind = node.args.get("side") or "", node.args.get("kind") or ""
        if kind.upper() == "CROSS" or not node.args.get("on"):
            continue
        joined = _text(node.this)
        if side:

            def to_inner(node: exp.Expression = node) -> None:
                node.set("side", None)
                node.set("kind", "INNER")

            yield f"{side.lower()} join {joined} -> inner join", to_inner
        else:

            def to_left(node: exp.Expression = node) -> None:
                node.set("side", "LEFT")
                node.set("kind", None)

            yield f"inner join {joined} -> left join", to_left


def _distinct(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Distinct):
        if isinstance(node.parent, exp.Select):
            said = f"select distinct {_text(node.parent.expressions[0])} ... -> select"
            yield said, lambda node=node: node.parent.set("distinct", None)
        elif node.expressions:
            yield _swap(node, node.expressions[0].copy())


def _number(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Literal):
        if node.is_string or isinstance(node.parent, exp.DataTypeParam | exp.Round):
            continue
        if isinstance(node.parent, exp.Ordered | exp.Group):
            continue
        value = node.this
        if value.isdigit():
            new = exp.Literal.number(int(value) + 1)
            parent = node.parent
            yield (
                f"{value} -> {int(value) + 1} in {_text(parent)}",
                lambda node=node, new=new: _replace(node, new),
            )
    for node in _of(tree, exp.Interval):
        if isinstance(node.this, exp.Literal) and node.this.is_string and node.this.this.isdigit():
            new = exp.Literal.string(str(int(node.this.this) + 1))
            yield f"{_text(node)} one longer", lambda node=node, new=new: node.set("this", new)


def _filter(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.And):
        for kept, dropped in ((node.this, node.expression), (node.expression, node.this)):
            if _is_chain(dropped):
                continue
            yield f"dropped: and {_text(dropped)}", lambda node=node, kept=kept: _replace(node, kept.copy())
    for node in _of(tree, exp.Where, exp.Having):
        if not isinstance(node.this, exp.And):
            said = f"dropped: {_text(node)}"
            yield said, lambda node=node: node.parent.set(node.arg_key, None)


def _is_chain(node: exp.Expression) -> bool:
    return isinstance(node, exp.And)


def _aggregate(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, *_AGGREGATES):
        other = _AGGREGATES[type(node)]
        args = {key: _copied(value) for key, value in node.args.items()}
        if other is exp.Count:
            args = {"this": node.this.copy(), "big_int": True}
        yield _swap(node, other(**args))


def _copied(value: object) -> object:
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value.copy() if isinstance(value, exp.Expression) else value


def _columns(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    """Two neighbours of a select list that change places but keep their names."""
    for select in _of(tree, exp.Select):
        for left, right in zip(select.expressions, select.expressions[1:], strict=False):
            if not (left.alias_or_name and right.alias_or_name):
                continue
            if not all(isinstance(side, exp.Column | exp.Alias) for side in (left, right)):
                continue

            def edit(left: exp.Expression = left, right: exp.Expression = right) -> None:
                new_left = exp.alias_(right.unalias().copy(), left.alias_or_name)
                new_right = exp.alias_(left.unalias().copy(), right.alias_or_name)
                left.replace(new_left)
                right.replace(new_right)

            yield f"{left.alias_or_name} and {right.alias_or_name} swapped", edit


def _cast(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Cast, exp.TryCast):
        # dbt's macros cast every time that they are given to a timestamp, also what is one
        is_of_macro = isinstance(node.parent, exp.DateDiff | exp.TimestampTrunc | exp.DateTrunc | exp.DateAdd)
        if not isinstance(node.this, exp.Literal | exp.Null) and not is_of_macro:
            yield _swap(node, node.this.copy())


def _union(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Union):
        was = bool(node.args.get("distinct"))
        said = "union -> union all" if was else "union all -> union"
        said += f" before {_text(node.expression)}"
        yield said, lambda node=node, was=was: node.set("distinct", not was)


def _coalesce(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Coalesce, exp.Nullif, exp.Round):
        yield _swap(node, node.this.copy())


def _branch(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Case):
        branches = node.args["ifs"]
        for branch in branches:
            if len(branches) > 1:
                yield f"dropped: {_text(branch)}", lambda branch=branch: branch.pop()
            elif node.args.get("default"):
                yield _swap(node, node.args["default"].copy())
                yield _swap(node, branch.args["true"].copy())
            else:
                yield _swap(node, branch.args["true"].copy())


def _order(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Window):
        partition = node.args.get("partition_by") or []
        for column in partition:
            if len(partition) > 1:
                said = f"partition by without {_text(column)} in {_text(node)}"
                yield said, lambda column=column: column.pop()
        order = node.args.get("order")
        for ordered in order.expressions if order else []:
            flipped = not ordered.args.get("desc")
            said = (
                f"order by {_text(ordered.this)} {'descending' if flipped else 'ascending'} in {_text(node)}"
            )
            yield said, lambda ordered=ordered, flipped=flipped: ordered.set("desc", flipped)
        if node.args.get("spec"):
            yield f"no frame in {_text(node)}", lambda node=node: node.set("spec", None)


def _division(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Div, exp.IntDiv):
        turned = type(node)(this=node.expression.copy(), expression=node.this.copy())
        yield _swap(node, turned)
    for node in _of(tree, exp.Add, exp.Sub):
        other = exp.Sub if isinstance(node, exp.Add) else exp.Add
        yield _swap(node, other(this=node.this.copy(), expression=node.expression.copy()))


def _logic(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Not, exp.Or):
        if isinstance(node, exp.Not):
            yield _swap(node, node.this.copy())
        else:
            yield _swap(node, exp.And(this=node.this.copy(), expression=node.expression.copy()))


def _text_value(tree: exp.Expression) -> Iterator[tuple[str, Edit]]:
    for node in _of(tree, exp.Literal):
        parent = node.parent
        is_value = isinstance(
            parent, exp.EQ | exp.NEQ | exp.Coalesce | exp.In | exp.Alias | exp.If | exp.Case
        )
        if node.is_string and is_value:
            new = exp.Literal.string("mutant")
            yield (
                f"{_text(node)} -> 'mutant' in {_text(parent)}",
                lambda node=node, new=new: _replace(node, new),
            )


OPERATORS: dict[str, Callable[[exp.Expression], Iterator[tuple[str, Edit]]]] = {
    "compare": _compare,
    "join": _join,
    "filter": _filter,
    "aggregate": _aggregate,
    "distinct": _distinct,
    "number": _number,
    "columns": _columns,
    "cast": _cast,
    "union": _union,
    "coalesce": _coalesce,
    "branch": _branch,
    "order": _order,
    "division": _division,
    "logic": _logic,
    "text": _text_value,
    "window": _window,
}
