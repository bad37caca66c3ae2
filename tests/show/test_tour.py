"""The tour through the Python door, studies/tour.ipynb: it ends without an error, and was run."""

import os
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "studies/tour.ipynb"
DOOR = ("read", "plan", "run", "answer", "load", "runs", "fit", "exponent", "dimension")


def cells():
    return [c for c in nbformat.read(FILE, as_version=4).cells if c.cell_type == "code"]


def test_it_was_run_from_top_to_bottom_and_goes_through_the_whole_door():
    found = cells()
    assert [c.execution_count for c in found] == list(range(1, len(found) + 1))
    assert not [o for c in found for o in c.outputs if o.output_type == "error"]
    code = "\n".join(c.source for c in found)
    assert all(f"lab.{name}" in code for name in DOOR)
    assert any("agrees" in str(o) for c in found for o in c.outputs)


def test_it_is_small_and_names_no_place_of_a_machine():
    text = FILE.read_text()
    assert len(text) < 150_000
    assert not re.search(r"[\"' ](/(tmp|home|root|usr|var|mnt|work)\b|[A-Z]:\\\\)", text)


def test_it_ends_without_an_error():
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.read(FILE, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=500, kernel_name="python3",
        resources={"metadata": {"path": str(FILE.parent)}},
    )  # fmt: skip
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert "agrees" in str(notebook.cells)
