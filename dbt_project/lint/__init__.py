"""What sqlfluff sees in place of dbt when it renders the models.

In here: stand-ins for dbt's cross-database macros and context, each giving SQL of the right shape.
Not in here: the project's own macros, which sqlfluff loads as they are; nothing of this runs in a build.
"""

import datetime as _datetime
from collections.abc import Callable
from types import SimpleNamespace

execute = False
modules = SimpleNamespace(datetime=_datetime)


def _dispatch(name: str) -> Callable[..., str]:
    """Return a stand-in for a dispatched macro: a column, or a select where the macro gives rows."""
    rows = {"day_series": "select date", "number_series": "select number"}
    return lambda *arguments: rows.get(name) or f"cast({arguments[0]} as bigint)"


adapter = SimpleNamespace(dispatch=_dispatch)

dbt = SimpleNamespace(
    date_trunc=lambda part, date: f"date_trunc('{part}', {date})",
    dateadd=lambda part, interval, time: f"{time} + interval ({interval}) {part}",
    datediff=lambda first, second, part: f"date_diff('{part}', {first}, {second})",
    last_day=lambda date, part: f"last_day({date})",
    type_string=lambda: "varchar",
)
