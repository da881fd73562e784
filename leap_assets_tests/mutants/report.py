"""The result of a run as Markdown: a table by model or module, and the survivors with their reasons."""

from collections.abc import Mapping, Sequence

from .checks import DATA_TEST, HOSTILE, PROOF, WARNING
from .trials import CONTRACT, RUN, UNIT_TEST, Outcome

KINDS = {
    PROOF: "proofs",
    DATA_TEST: "data tests",
    WARNING: "warnings",
    UNIT_TEST: "unit tests",
    CONTRACT: "contract",
    RUN: "error",
    HOSTILE: "hostile worlds",
}


def detail(outcome: Outcome) -> str:
    """One line on one mutant."""
    said = "; ".join(
        f"{kind}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        for kind, names in outcome.caught_by.items()
    )
    same = f" (same tables in {', '.join(outcome.same_in)})" if outcome.same_in else ""
    return f"{outcome.name} [{outcome.said}] {said or 'SURVIVED'}{same} {outcome.seconds:.1f} s"


def report(outcomes: Sequence[Outcome], reasons: Mapping[tuple[str, str], str], seconds: float) -> str:
    """Table and list; a mutant is counted under everything that noticed it."""
    caught = sum(bool(outcome.caught_by) for outcome in outcomes)
    lines = [
        f"{len(outcomes)} mutants, {caught} caught, {len(outcomes) - caught} survivors; {seconds / 60:.1f} minutes.",
        "",
        f"| changed | mutants | {' | '.join(KINDS.values())} | survivors |",
        f"|---|---|{'---|' * len(KINDS)}---|",
    ]
    for model in dict.fromkeys(outcome.model for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.model == model]
        lines.append(_row(model, own))
    lines.append(_row("all", outcomes))
    alive = [outcome for outcome in outcomes if not outcome.caught_by]
    if alive:
        lines += ["", "| survivor | change | why it is harmless |", "|---|---|---|"]
        for outcome in alive:
            reason = reasons.get((outcome.name, outcome.said), "**not known**")
            change = outcome.said.replace("|", "\\|")
            lines.append(f"| {outcome.name} | `{change}` | {' '.join(reason.split())} |")
    return "\n".join(lines) + "\n"


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    counts = [sum(kind in outcome.caught_by for outcome in outcomes) for kind in KINDS]
    alive = sum(not outcome.caught_by for outcome in outcomes)
    return f"| {name} | {len(outcomes)} | {' | '.join(str(n or '') for n in counts)} | {alive or ''} |"
