"""The notebooks of examples/ run from their first cell to their last."""

import os
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("name", ["hidden_layers", "grouped_labels"])
def test_a_notebook_runs(name, monkeypatch):
    if name != "hidden_layers" and os.environ.get("LAYERLENS_SLOW") != "1":
        pytest.skip("trains three networks: LAYERLENS_SLOW=1 runs it")
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for package in ("keras", "jax", "pandas", "matplotlib", "ipykernel"):
        pytest.importorskip(package)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "saved without outputs"
    nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/png" in kinds
    pages = [
        output["data"]["text/html"]
        for output in outputs
        if "<iframe srcdoc=" in "".join(output.get("data", {}).get("text/html", ""))
    ]
    assert len(pages) == 1
    kept = os.environ.get("LAYERLENS_KEEP_NOTEBOOKS")
    if kept:
        nbformat.write(notebook, Path(kept) / f"{name}.ipynb")
