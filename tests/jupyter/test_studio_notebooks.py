"""The notebooks of `examples/` run from the first cell to the last, smaller than a reader would run them."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
BOOKS = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))
SMALL = {
    "first_steps": "SIDE, STEPS = 64, 3",
    "textures": "SIDE, STEPS = 64, 3",
    "sweeps": "SIDE, STEPS = 64, 3",
    "depth_and_animation": "SIDE, STEPS, FRAMES = 64, 3, 3",
    "how_stable_diffusion_works": "SIDE, STEPS, TRAINING_STEPS = 64, 4, 30",
}


def test_every_notebook_is_run_here_and_stored_without_outputs() -> None:
    assert set(BOOKS) == set(SMALL)
    for name in BOOKS:
        book = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
        assert all(not cell.get("outputs") for cell in book.cells)


@pytest.mark.slow
@pytest.mark.parametrize("name", BOOKS)
def test_a_notebook_runs_to_its_end(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]))
    book = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    parameters = next(cell for cell in book.cells if "parameters" in cell.metadata.get("tags", []))
    parameters.source = SMALL[name]
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    last = [cell for cell in book.cells if cell.cell_type == "code"][-1]
    assert last.execution_count is not None
