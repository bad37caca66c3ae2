"""Exact curves L(N, t) at the checkpoints of a recipe, from truth objects (`lab.kinds.curves`).

Losses are those of the population, relative to the student that has learned nothing, L(N, 0).
Features of random students are drawn from the seeds of study, teacher and run, and the size; a rate
at which SGD does not converge gives a diverged run.
"""

from __future__ import annotations

import math
import traceback

import numpy as np

from lab.kinds.student import STUDENTS
from lab.spec import Group, Run
from lab.students.result import Failed, Observation, Result
from lab.students.solvers import Solver, Tick

__all__ = ["SOLVER", "curve", "solve"]


def solve(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """The curve of every run of the group."""
    results: list[Result | Failed] = []
    for run in group.runs():
        try:
            results.append(curve(run))
        except Exception:
            results.append(Failed(run, traceback.format_exc()))
        tick(1)
    return results


def curve(run: Run) -> Result:
    """Exact losses of a run at its checkpoints and its last step."""
    spec, task = run.student, run.drawn
    assert task.decays is not None  # the kind refuses other tasks
    N = run.N
    own = (run.root, task.teacher, run.seed, N)
    seed = int(np.random.SeedSequence(own).generate_state(1)[0])
    model = STUDENTS[spec.kind].model(spec, task.decays, task.dim, seed)
    last = run.training.last
    steps = np.array([*(s for s in run.training.checkpoints if s < last), last], float)
    stable = getattr(model, "stable", True)
    known = hasattr(model, "loss")
    losses = model.loss(N, steps) if known else model.risk(steps) if stable else np.full(1, np.nan)
    if not np.isfinite(losses).all():
        return Result(run, "diverged", math.nan, math.nan, 0, ())
    start = float(model.loss(N, 0) if known else model.risk(0))
    seen = tuple(map(Observation, steps.tolist(), ["population"] * steps.size, losses.tolist()))
    loss = float(losses[-1])
    return Result(run, "done", loss, loss / start, last, (), observations=seen)


def _flops(group: Group) -> float:
    kind = STUDENTS[group.shapes[0][0].kind]
    D_amb, steps = group.teachers[0].D_amb, len(group.training.checkpoints) + 1
    each = (
        len(seeds) * (kind.flops(s, D=0, D_amb=D_amb, test=0) + 2e3 * steps)
        for s, _, seeds in group.shapes
    )
    return len(group.teachers) * sum(each)


def _memory(group: Group) -> float:
    kind = STUDENTS[group.shapes[0][0].kind]
    modes = group.teachers[0].D_amb
    return 8 * max(
        kind.numbers(s, D=0) + 3 * modes * kind.N(s, D_amb=modes, outputs=1, D=0)
        for s, _, _ in group.shapes
    )


SOLVER = Solver("lab.students.algebra.curves:solve", _flops, _memory)
