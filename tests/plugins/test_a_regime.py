"""A regime of one's own, loss against depth: no line of the lab knows of it."""

import json
from typing import ClassVar, Literal

import pytest
from invocation import invoke, power, rows

from lab import study
from lab.axes import Axis
from lab.execution.store import Store
from lab.regimes.descending import Descending
from lab.regimes.regime import REGIMES

STUDY = """
question = "Do deeper students resolve more?"
regime = "depth"
[task]
manifold = { kind = "cube", dim = [2, 3] }
teacher = { widths = [16, 16], count = 2 }
[student]
widths = [[4], [4, 4], [4, 4, 4]]
seeds = 1
[training]
steps = 200
[evidence]
share = 0.0
[prediction]
exponent = "2/d"
"""


class Depth(Descending):
    """Loss on unlimited data against the number of hidden layers."""

    regime: Literal["depth"] = "depth"
    of_size: ClassVar[bool] = True
    axis: ClassVar[Axis] = Axis("H", "hidden layers H")

    def x(self, run):
        return len(run.student.widths)


@pytest.fixture
def here(tmp_path, monkeypatch, registered):
    registered(REGIMES, Depth)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


def test_a_regime_of_ones_own_goes_through_every_verb(here):
    assert "fine. 12 runs" in invoke("check", "s.toml").stdout
    assert "12 planned, 0 stored" in invoke("plan", "s.toml").stdout
    small = ("--set", "task.manifold.dim=2", "--set", "task.teacher.count=1")
    assert "3 runs trained" in invoke("run", "s.toml", "--no-report", *small).output
    assert "3 done" in invoke("status", "s.toml").stdout
    with Store.write(here / "results" / "s") as store:  # losses of a known exponent
        store.add(rows(study.read("s.toml"), power(lambda d: 2 / d)))
    assert "12 done" in invoke("status", "s.toml").stdout
    found = json.loads(invoke("fit", "s.toml", "--json").stdout)
    assert found["regime"] == "depth"
    assert [p["alpha"] for p in found["points"]] == pytest.approx([1.0, 2 / 3])
    assert "2/d" in invoke("report", "s.toml").stdout
    assert "hidden layers H" in (here / "results" / "s" / "report.html").read_text()
    assert invoke("export", "s.toml", "out.csv").exit_code == 0
