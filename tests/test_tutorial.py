"""The tutorial notebook runs from its first cell to its last, and shows what it showed when it was stored."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from ipykernel.kernelspec import install
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"

RICH = 5  # cells that end in images, an outcome or results


def shown(cell: Any) -> list[tuple[str, ...]]:
    """The kinds of what a cell printed and showed."""
    return [(one.output_type, *sorted(one.get("data", ()))) for one in cell.outputs]


def test_the_tutorial_runs_and_shows_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    install(prefix=str(tmp_path))  # a kernel of this Python, wherever it is
    held = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in held.cells if cell.cell_type == "code"]
    expected = [shown(cell) for cell in code]
    assert sum("text/html" in kinds for cell in expected for kinds in cell) == RICH
    folder = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(held, timeout=300, kernel_name="python3", resources=folder).execute()
    assert [shown(cell) for cell in code] == expected
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
