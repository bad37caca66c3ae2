"""An exact student with a solver and costs of its own, gradient flow of a kernel, in one file.

One `eigh` serves all times of a group. At the end of time the flow is the kernel's interpolation.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pytest
from invocation import invoke
from scipy.spatial.distance import cdist
from scripted import executed, plain

import lab
from lab.config import study
from lab.data import sets
from lab.execution import plan
from lab.grids import Positives
from lab.kinds.student import STUDENTS
from lab.mistakes import StudyError
from lab.students import solvers
from lab.students.exact import Exact
from lab.students.solvers import Result, Solver

STUDY = """
question = "How long does a kernel have to descend?"
regime = "resolution-data"
[task]
manifold = { kind = "cube", dim = 2 }
teacher = { widths = [8], activation = "tanh", count = 2 }
[student]
kind = "flow"
time = [1.0, 1e12]
[data]
sizes = [16, 32, 64]
[prediction]
exponent = "2/d"
"""
TEST = 500
EIGH = 10.0
"""Operations of `eigh` by D³."""


class Flow(Exact):
    """f_t(x) = k(x, X) K⁻¹ (1 − exp(−K t/D)) y with k(x, x') = exp(−|x − x'|)."""

    kind: Literal["flow"] = "flow"
    time: Positives = (1.0,)

    parametric: ClassVar[bool] = False
    solvers: ClassVar[Mapping[str, str]] = {"": "test_an_exact_student:FLOW"}

    def limit_loss_is_zero(self, task, *, sized):
        return False


def flow(group, tick):
    """Every time of a group by one eigh of each training set."""
    found = {}
    for task in group.teachers:
        runs = [run for run in group.runs() if run.task == task]
        largest = max(run.size for run in runs)
        world = sets.nested(task, largest, test=TEST, root=group.root)
        scale = world.scale(runs[0].student.inputs)
        for D in {run.size for run in runs}:
            x, y = scale * world.x[:D], world.y[:D]
            w, V = np.linalg.eigh(np.exp(-cdist(x, x)))
            seen = np.exp(-cdist(scale * world.x_test, x)) @ V
            for run in (run for run in runs if run.size == D):
                t = dict(run.student.settings)["time"]
                answer = seen @ (-np.expm1(-w * t / D)[:, None] / w[:, None] * (V.T @ y))
                loss = float(np.mean((answer - world.y_test) ** 2))
                found[run] = Result.of_loss(run, loss, world.baseline, {})
                tick(1)
    return [found[run] for run in group.runs()]


def sizes(group):
    return {D for _, D, _ in group.shapes}


FLOW = Solver(
    "test_an_exact_student:flow",
    flops=lambda group: len(group.teachers) * EIGH * sum(D**3 for D in sizes(group)),
    memory=lambda group: 8.0 * 3 * max(sizes(group)) ** 2,
)


class Lost(Flow):
    """The same, whose solver nobody finds."""

    kind: Literal["lost"] = "lost"
    solvers: ClassVar[Mapping[str, str]] = {"": "test_an_exact_student:NOBODY"}


class Costless(Flow):
    """The same, whose solver is a function and has no costs."""

    kind: Literal["costless"] = "costless"
    solvers: ClassVar[Mapping[str, str]] = {"": "test_an_exact_student:flow"}


@pytest.fixture
def groups(registered):
    registered(STUDENTS, Flow)
    return grouped(STUDY)


def grouped(text):
    import tomllib

    return plan.groups(p.run for p in study.of_tables(tomllib.loads(text)).plan)


def solved(groups):
    runs = [r for g in groups for r in solvers.solve(g, tick=lambda n: None)]
    return {(r.run.task.teacher, r.run.size, dict(r.run.student.settings).get("time")): r.relative
            for r in runs}  # fmt: skip


def test_at_the_end_of_time_it_is_the_kernels_own_interpolation(groups, monkeypatch):
    monkeypatch.setattr("lab.students.exact.TEST_POINTS", TEST)
    theirs = STUDY.replace('"flow"\ntime = [1.0, 1e12]', '"kernel"\nkernel = "laplace"')
    ours, theirs = solved(groups), solved(grouped(theirs))
    for (teacher, D, _), loss in theirs.items():
        assert ours[teacher, D, 1e12] == pytest.approx(loss, rel=1e-4)
        assert ours[teacher, D, 1.0] > 2 * loss


def test_the_plan_takes_its_own_costs_and_packs_no_other_solver_with_it(groups):
    assert [g.students for g in groups] == [6, 6]  # two times, three sizes
    (first, *_) = groups
    flops = EIGH * (16**3 + 32**3 + 64**3)
    assert plan.cost(groups).flops == 2 * flops and solvers.of(first) is FLOW
    assert plan.lane_seconds(first) == flops / plan.EXACT_RATE + 6 * plan.EXACT
    nearest = grouped(STUDY.replace('"flow"\ntime = [1.0, 1e12]', '"nearest"'))
    runs = [run for g in (*groups, *nearest) for run in g.runs()]
    assert all(len({s.kind for s, _, _ in g.shapes}) == 1 for g in plan.groups(runs))


def test_it_goes_through_every_verb(tmp_path, monkeypatch, registered):
    registered(STUDENTS, Flow)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(STUDY)
    assert "fine. 12 runs" in invoke("check", "s.toml").stdout
    assert invoke("run", "s.toml", "--no-report").exit_code == 0
    assert set(lab.load("s.toml")["student"]) == {"flow"}


def test_workers_solve_it_to_the_same_digit(groups, through_workers):
    (finished,) = executed(through_workers, groups[:1])
    assert finished.error is None
    assert plain(finished.results) == plain(solvers.solve(groups[0], tick=lambda n: None))


@pytest.mark.parametrize("kind, words", [(Lost, "cannot be imported"), (Costless, "no costs")])
def test_a_solver_that_is_missing_is_a_sentence(registered, kind, words):
    registered(STUDENTS, kind)
    name = kind.model_fields["kind"].default
    with pytest.raises(StudyError, match=words):
        grouped(STUDY.replace('"flow"', f'"{name}"'))
    with pytest.raises(StudyError, match="has no solver for 'ntk', only for ''"):
        solvers.named(name, "ntk")
