"""The tour through the Python door, studies/tour.ipynb: it ends without an error, and was run."""

import ast
import re
from pathlib import Path

import matplotlib
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


def test_it_ends_without_an_error(monkeypatch, two_laws):
    """Cell by cell in this process, where every signature is checked."""
    monkeypatch.chdir(FILE.parent)
    monkeypatch.setattr("lab.students.exact.TEST_POINTS", 2_000)
    names, shown = {}, []
    with matplotlib.rc_context({"backend": "agg"}):
        for cell in cells():
            body = ast.parse(re.sub("(?m)^%.*$", "", cell.source)).body
            last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), str(FILE), "exec"), names)
            if last:
                value = eval(compile(ast.Expression(last.value), str(FILE), "eval"), names)
                shown.append(repr(value))
                if hasattr(value, "draw_without_rendering"):
                    value.draw_without_rendering()
    assert "agrees" in str(shown)
