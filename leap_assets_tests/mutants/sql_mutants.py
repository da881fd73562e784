"""Which changes of which models are tried: some of each model, spread over the kinds of change, always the same.

The changes themselves are made in `operators.py`.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator

import duckdb

from . import operators
from .projects import Model
from .worlds import World

LEAST, MOST = 4, 9
SITES_PER_MUTANT = 25
# of a model: one for so many places where it can be changed, within these bounds


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of one model; `sites` is the number of places that its operator has in the model."""

    model: str
    operator: str
    site: int
    sites: int
    said: str

    @property
    def name(self) -> str:
        """Name for reports and for the list of survivors."""
        return f"{self.model}/{self.operator}-{self.site}"

    def sql_of(self, sql: str) -> str:
        """The model's SQL with the change."""
        return operators.change(operators.parse(sql), self.operator, self.site).sql(operators.DIALECT)


def list_mutants(world: World) -> list[Mutant]:
    """The mutants of all models of a world, model by model."""
    with duckdb.connect(str(world.path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return [mutant for model in world.project.models.values() for mutant in _chosen(connection, model)]


def _chosen(connection: duckdb.DuckDBPyConnection, model: Model) -> Iterator[Mutant]:
    tree = operators.parse(model.sql)
    by_operator: dict[str, list[operators.Change]] = {}
    for change in operators.list_changes(tree):
        by_operator.setdefault(change.operator, []).append(change)
    sites = {operator: len(changes) for operator, changes in by_operator.items()}
    wanted = min(MOST, max(LEAST, sum(sites.values()) // SITES_PER_MUTANT))
    shuffled = functools.partial(_rank, model.name)
    queues = [
        sorted(by_operator[name], key=lambda c: shuffled(f"{c.operator} {c.site}"))
        for name in sorted(by_operator, key=shuffled)
    ]
    columns = connection.execute(f"describe select * from ({model.sql})").fetchall()
    before = tree.sql(operators.DIALECT)
    found = 0
    while any(queues) and found < wanted:
        for queue in queues:
            if found == wanted:
                return
            while queue:
                change = queue.pop(0)
                mutant = Mutant(model.name, change.operator, change.site, sites[change.operator], change.said)
                if _is_possible(connection, mutant, model, before, columns):
                    found += 1
                    yield mutant
                    break


def _rank(model: str, what: str) -> str:
    """A fixed order that differs from model to model."""
    return hashlib.sha256(f"{model} {what}".encode()).hexdigest()


def _is_possible(
    connection: duckdb.DuckDBPyConnection, mutant: Mutant, model: Model, before: str, columns: list[object]
) -> bool:
    """Whether the change is SQL that could have been meant: it binds, and swapped columns have one type."""
    sql = mutant.sql_of(model.sql)
    if sql == before:
        return False
    try:
        described = connection.execute(f"describe select * from ({sql})").fetchall()
    except duckdb.Error:
        return False
    return mutant.operator != "columns" or described == columns
