"""The list of survivors in `survivors.toml`: mutants that nothing notices, each with the reason why that is harmless.

A reason holds for one change of one text: when the model changes and the mutant with it, the entry no longer fits
and is asked for again.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path

PATH = Path(__file__).with_name("survivors.toml")


def read_reasons(path: Path = PATH) -> dict[tuple[str, str], str]:
    """Reasons by (mutant, change)."""
    entries = tomllib.loads(path.read_text()).get("survivor", []) if path.exists() else []
    reasons = {(entry["mutant"], entry["change"]): entry["reason"].strip() for entry in entries}
    for (mutant, _), reason in reasons.items():
        if not reason:
            raise ValueError(f"{path.name}: {mutant} has no reason")
    if len(reasons) != len(entries):
        raise ValueError(f"{path.name}: a mutant is listed twice")
    return reasons


def unexplained(survivors: Iterable[tuple[str, str]], reasons: dict[tuple[str, str], str]) -> list[str]:
    """Survivors (mutant, change) without a reason, as entries that only lack one."""
    return [
        f'[[survivor]]\nmutant = "{mutant}"\nchange = {_literal(change)}\nreason = ""\n'
        for mutant, change in survivors
        if (mutant, change) not in reasons
    ]


def _literal(text: str) -> str:
    return f"'{text}'" if "'" not in text else f"'''{text}'''"
