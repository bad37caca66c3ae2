"""A regime of one's own over two coordinates, samples seen and width, that reads checkpoints."""

import json
from dataclasses import replace
from typing import ClassVar, Literal

import pytest
from invocation import invoke
from scripted import executed, plain
from simulated import row

from lab.config import study
from lab.execution import plan
from lab.execution.store import Store
from lab.regimes import axes
from lab.regimes.axes import Axis
from lab.regimes.descending import Descending
from lab.regimes.regime import REGIMES
from lab.students import solvers
from lab.students.solvers import Observation

STUDY = """
question = "How fast does a network of each width learn from a stream?"
regime = "stream"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
widths = [3, 6]
seeds = 1
[training]
steps = 400
batch = 16
schedule = "constant"
checkpoints = "log:8"
[evidence]
share = 0.0
[prediction]
exponent = "1/2"
sense = "equal"
"""


class Stream(Descending):
    """Test loss at every checkpoint against the samples seen, for each width."""

    regime: Literal["stream"] = "stream"
    axis: ClassVar[Axis] = Axis("n", "samples seen n", "samples")
    counts: ClassVar[tuple[str, str]] = ("test", "all")

    @property
    def axes(self):
        return (self.axis, axes.WIDTH)


@pytest.fixture
def here(tmp_path, monkeypatch, registered):
    registered(REGIMES, Stream)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    return tmp_path


def seen(run, steps):
    """Losses n^(−1/2 w/3) in units of a constant student's 2: a steeper line for each width."""
    alpha = run.coordinate("width") / 6
    return tuple(Observation(s, "test", 2 * run.coordinate("samples", s) ** -alpha) for s in steps)


def test_it_goes_through_every_verb_with_an_exponent_for_each_width(here):
    assert "fine. 4 runs" in invoke("check", "s.toml").stdout
    assert invoke("run", "s.toml", "--no-report").exit_code == 0
    found = study.read("s.toml")
    with Store.read(here / "results" / "s") as store:
        kept = store.observations([p.run.fingerprint() for p in found.plan])
    steps = {tuple(o.step for o in some if o.split == "test") for some in kept.values()}
    assert len(kept) == 4 and len(steps) == 1 and len(*steps) == 8
    with Store.write(here / "results" / "s") as store:  # losses of known exponents
        for planned in found.plan:
            one = replace(row(planned.run, 0.1), loss=0.2, best_step=400)
            store.add([replace(one, observations=seen(planned.run, *steps))])
    points = json.loads(invoke("fit", "s.toml", "--json").stdout)["points"]
    assert [p["alpha"] for p in points] == pytest.approx([1 / 2, 1.0], abs=1e-6)
    assert invoke("report", "s.toml").exit_code == 0
    assert "samples seen n" in (here / "results" / "s" / "report.html").read_text()


def test_workers_leave_the_same_observations(here, through_workers):
    groups = plan.groups(p.run for p in study.read("s.toml").plan)[:1]
    (finished,) = executed(through_workers, groups)
    assert finished.error is None and len(finished.results[0].observations) >= 8
    assert plain(finished.results) == plain(solvers.solve(groups[0], tick=lambda n: None))
