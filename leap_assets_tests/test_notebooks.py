"""Notebooks and analyses run over a small world, and notebooks are kept without output."""

import json
import os

import duckdb
import nbclient
import nbformat
import pytest

from leap_assets.settings import PROJECT_DIR

NOTEBOOKS = sorted((PROJECT_DIR / "notebooks").glob("*.ipynb"))
ANALYSES = sorted((PROJECT_DIR / "analyses").glob("*.sql"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_output(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [(cell["outputs"], cell["execution_count"]) for cell in cells] == [([], None)] * len(cells)


def test_every_analysis_is_asked_in_the_notebook():
    text = (PROJECT_DIR / "notebooks" / "product_metrics.ipynb").read_text()
    assert [path.stem for path in ANALYSES if f'ask(\\"{path.stem}\\")' not in text] == []


@pytest.mark.slow
def test_every_analysis_has_an_answer(clean):
    with duckdb.connect(str(clean.settings.published_path), read_only=True) as connection:
        empty = [path.stem for path in ANALYSES if not connection.execute(path.read_text()).fetchall()]
    # five days hold no whole week, and nobody with three kills in this small world
    assert empty == ["busiest_week", "kill_death_leaders"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(clean, monkeypatch, path):
    monkeypatch.setenv("LEAP_DATA_DIR", str(clean.settings.data_dir))
    monkeypatch.setitem(os.environ, "PYTHONPATH", str(PROJECT_DIR))
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len(outputs) >= 5
