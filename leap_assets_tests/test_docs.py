"""What the documentation says about settings, logs, tasks and files, held against the code.

The tables between `<!-- generated: ... -->` marks are written from the code: `python -m leap_assets_tests.test_docs`
writes them anew. Prose is tried by people, not here.
"""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import dagster as dg
import pytest

from leap_assets.assets.layers import meanings_of
from leap_assets.definitions import build_defs
from leap_assets.landing.contracts import CONTRACTS, Column, Contract, Reason
from leap_assets.landing.files import COMPRESSIONS, FORMATS
from leap_assets.settings import PROJECT_DIR, SIMULATION_PREFIX, Settings, describe_settings
from leap_assets.warehouse.proving import TABLE
from leap_assets.warehouse.publication import REJECTED_PER_DAY, STAGE_TABLES

README = PROJECT_DIR / "README.md"
DOCS = PROJECT_DIR / "docs"
LOGS = DOCS / "logs.md"
PAGES = sorted(
    [README, PROJECT_DIR / "CHANGELOG.md", PROJECT_DIR / "data" / "README.md", *DOCS.rglob("*.md")]
)
TYPE_WORDS = {
    "id": "id",
    "text": "text",
    "integer": "whole number",
    "decimal": "amount",
    "double": "number",
    "boolean": "true or false",
    "timestamp": "time",
    "date": "day",
    "micros": "amount",
    "duration": "seconds",
    "object": "object",
}


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def settings_table(*, simulation: bool) -> str:
    """The settings of the simulated world, or all others."""
    rows = [
        (f"`{name}`", f"`{default}`" if default else "", meaning)
        for name, default, meaning in describe_settings()
        if name.startswith(SIMULATION_PREFIX) == simulation
    ]
    return table(("variable", "default", "meaning"), rows)


def logs_table() -> str:
    """One row a log: what a line is and which columns it must and may have."""
    rows = []
    for contract in CONTRACTS.values():
        required = [f"`{column.name}`" for column in contract.columns if column.required]
        optional = [f"`{column.name}`" for column in contract.columns if not column.required]
        rows.append((f"`{contract.log}`", contract.line, ", ".join(required), ", ".join(optional)))
    return table(("log", "one line is", "required columns", "optional columns"), rows)


def contract_tables() -> str:
    """The contract of every log, column by column."""
    return "\n\n".join(_contract_section(contract) for contract in CONTRACTS.values())


def _contract_section(contract: Contract) -> str:
    key = ", ".join(f"`{name}`" for name in contract.key)
    when = f"Happened at `{contract.time}`" if contract.time else "Happened on its delivery day"
    if contract.length_s:
        when += f", and started `{contract.length_s}` before"
    rows = [
        (
            f"`{column.name}`",
            TYPE_WORDS[column.type],
            "yes" if column.required else "",
            _allowed_values(contract, column),
            column.meaning,
        )
        for column in contract.columns
    ]
    columns = table(("column", "type", "required", "values", "meaning"), rows)
    if contract.properties:
        columns += f"\n\nProperties, by the event types that have them:\n\n{_properties_table(contract)}"
    return (
        f"### {contract.log}\n\nOne line is {contract.line}. Identified by {key}. {when}.\n"
        f"The simulator writes it as `.{contract.simulator_writes}`.\n\n{columns}"
    )


def _properties_table(contract: Contract) -> str:
    rows = []
    for column in contract.properties:
        events = [f"`{name}`{' (required)' * (name in column.required_for)}" for name in column.events]
        values = _allowed_values(contract, column)
        rows.append((f"`{column.name}`", TYPE_WORDS[column.type], ", ".join(events), values, column.meaning))
    return table(("property", "type", "event types", "values", "meaning"), rows)


def _allowed_values(contract: Contract, column: Column) -> str:
    allowed = contract.event_types if column.name == contract.event_type else column.allowed
    values = [", ".join(f"`{value}`" for value in allowed)] if allowed else []
    if column.pattern:
        values.append(f"the form `{column.pattern}`")
    if column.minimum is not None and column.maximum is not None:
        values.append(f"{column.minimum:,} to {column.maximum:,}")
    elif column.minimum is not None:
        values.append(f"from {column.minimum}")
    if column.name == contract.rated:
        values.append("with an exchange rate on that day")
    return "; ".join(values)


@functools.cache
def _specs() -> list[dg.AssetSpec]:
    defs = build_defs(Settings(data_dir=Path("never-written")))
    return [
        spec
        for assets in defs.assets or []
        if isinstance(assets, dg.AssetsDefinition)
        for spec in assets.specs
    ]


def layer_tables(schema: str) -> str:
    """Each table of a schema with its description and those of its columns, in the words of the graph."""
    specs = {spec.key.path[1]: spec for spec in _specs() if spec.key.path[0] == schema}
    sections = []
    for name, spec in sorted(specs.items()):
        rows = [(f"`{column}`", _one_line(meaning)) for column, meaning in meanings_of(spec).items()]
        text = (spec.description or "").strip()
        sections.append(f"### {name}\n\n{text}\n\n{table(('column', 'meaning'), rows)}")
    return "\n\n".join(sections)


def _one_line(text: str) -> str:
    return " ".join(text.split())


GENERATED: dict[tuple[Path, str], Callable[[], str]] = {
    (README, "settings"): lambda: settings_table(simulation=False),
    (README, "logs"): logs_table,
    (DOCS / "settings.md", "simulation settings"): lambda: settings_table(simulation=True),
    (LOGS, "contracts"): contract_tables,
    (DOCS / "layers" / "stage.md", "stage"): lambda: layer_tables("leap_stage"),
    (DOCS / "layers" / "dimensions.md", "dimensions"): lambda: layer_tables("leap_dim"),
    (DOCS / "layers" / "marts.md", "marts"): lambda: layer_tables("leap_mart"),
}


def split_at_marks(text: str, name: str) -> tuple[str, str, str]:
    """The text before, between and behind the two marks of a generated section."""
    begin, end = f"<!-- generated: {name} -->\n", "\n<!-- end of generated -->"
    before, found, rest = text.partition(begin)
    section, closed, behind = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the marks of the section {name!r} are missing")
    return before + begin, section, end + behind


@pytest.mark.parametrize(("path", "name"), GENERATED, ids=lambda value: getattr(value, "name", value))
def test_generated_sections_say_what_the_code_says(path, name):
    _, section, _ = split_at_marks(path.read_text(), name)
    assert section == GENERATED[path, name](), "run `python -m leap_assets_tests.test_docs`"


def settings_named_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![A-Z_])LEAP_[A-Z_]*[A-Z](?![A-Z_])", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_DIR)))
def test_every_setting_named_exists(page):
    known = {name for name, _, _ in describe_settings()}
    assert settings_named_in(page.read_text()) - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_DIR)))
def test_every_link_leads_somewhere(page):
    for target, anchor in local_links(page):
        assert target.exists(), f"{page} links to {target}"
        if anchor:
            assert anchor in anchors_of(target), f"{page} links to #{anchor} of {target}"


def local_links(page: Path) -> Iterator[tuple[Path, str]]:
    """Files and headings of this project that a page links to."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match("[a-z]+:", link):
            name, _, anchor = link.partition("#")
            yield (page.parent / name if name else page), anchor


def anchors_of(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_DIR)))
def test_every_make_target_named_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_DIR / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), flags=re.MULTILINE))
    assert named - targets == set()


def test_readme_names_every_make_target_but_the_helpers():
    help_lines = re.findall(r"^([a-z-]+):.*## ", (PROJECT_DIR / "Makefile").read_text(), flags=re.MULTILINE)
    assert [target for target in help_lines if f"make {target}" not in README.read_text()] == []


def test_every_reason_for_rejection_is_explained():
    assert [reason for reason in get_args(Reason) if f"| `{reason}` |" not in LOGS.read_text()] == []


def test_every_file_format_is_named():
    text = LOGS.read_text()
    assert [ending for ending in (*FORMATS, *COMPRESSIONS) if f"`{ending}`" not in text] == []


def test_every_published_stage_table_and_the_cap_are_named():
    text = README.read_text()
    assert [name for name in STAGE_TABLES if name not in text] == []
    assert f"at most {REJECTED_PER_DAY}" in text


def test_every_mart_and_dimension_is_listed_and_no_other():
    models = [
        path
        for layer in ("marts", "dimensions")
        for path in (PROJECT_DIR / "dbt_project/models" / layer).glob("*.sql")
    ]
    listed = re.findall(r"^\| `leap_(?:mart|dim)\.(\w+)` \|", README.read_text(), flags=re.MULTILINE)
    # not a model: written by the step of the proofs
    assert sorted(listed) == sorted([TABLE, *(path.stem for path in models)])


def test_every_decision_is_in_the_index():
    index = (DOCS / "decisions" / "README.md").read_text()
    records = sorted(path for path in (DOCS / "decisions").glob("[0-9]*.md"))
    assert records
    for number, record in enumerate(records, 1):
        title = record.read_text().splitlines()[0]
        assert title.startswith(f"# {number}. ")
        assert f"| {number} | [{title.partition('. ')[2]}]({record.name}) |" in index


def write_generated_sections() -> None:
    """Write the generated sections of all pages anew."""
    for (path, name), render in GENERATED.items():
        before, _, behind = split_at_marks(path.read_text(), name)
        path.write_text(before + render() + behind)


if __name__ == "__main__":
    write_generated_sections()
