"""Exact students of a group, one after the other, each from the training sets of `lab.task.sets`.

Where training sets are drawn anew a model stays fixed: features are drawn once per teacher, the
seed counts the draws, and what the same model leaves after learning from the whole population goes
into the details as `limit`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from lab.data.streams import generator
from lab.kinds.kind import load
from lab.kinds.student import STUDENTS
from lab.spec import TEST_POINTS, Group, Run
from lab.students.algebra import exact
from lab.students.result import Failed, Result
from lab.task import sets
from lab.task.sets import Sets

_Learner = Callable[[Run], Result]
"""Trains one of the runs that it was made for."""


def losses(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """The losses of exact students, on nested training sets or unlimited data."""
    return one_by_one(group, _losses, tick)


def excesses(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """Losses of fixed models on independent training sets, beside those of all data."""
    return one_by_one(group, _excesses, tick)


def one_by_one(
    group: Group, learner: Callable[[list[Run]], _Learner], tick: Callable[[int], None]
) -> list[Result | Failed]:
    """The results of `learner`, made anew for the runs of each task; who fails does so alone."""
    found: dict[Run, Result | Failed] = {}
    for task in group.teachers:
        runs = [run for run in group.runs() if run.task == task]
        learn = learner(runs)
        for run in runs:
            try:
                found[run] = learn(run)
            except (Exception, SystemExit):  # a failed run is a result; the others go on
                found[run] = Failed(run, traceback.format_exc())
            tick(1)
    return [found[run] for run in group.runs()]


def _losses(runs: list[Run]) -> _Learner:
    """The losses of runs that share a task, on nested training sets or unlimited data."""
    task, root = runs[0].task, runs[0].root
    largest = max(run.size or 0 for run in runs)
    nested = sets.nested(task, largest, test=TEST_POINTS, root=root) if largest else None

    def loss(run: Run) -> Result:
        if nested is None:
            return Result.of_loss(run, _on_unlimited_data(run), 1.0, {})
        student = _student(run, nested, nested.x[: run.size], nested.y[: run.size], seed=run.seed)
        details = {**_conditioning(student), **_outside(student, nested.x_test)}
        return Result.of_loss(run, nested.risk(student), nested.baseline, details)

    return loss


def _excesses(runs: list[Run]) -> _Learner:
    """Losses of a fixed model on independent training sets, beside that of all data.

    A network teacher has a population of points: training sets are drawn from it with repetition,
    and the loss on all of it is the population loss, exactly. A spectral task has formulas.
    """
    task, root = runs[0].drawn, runs[0].root
    limits: dict = {}
    world = None if task.decays else sets.population(task, root=root)

    def excess(run: Run) -> Result:
        assert run.size is not None  # its training sets are drawn
        drawn = world or sets.spectral(task, run.size, draw=run.seed, root=root)
        x, y = drawn.x, drawn.y
        if world:
            rows = sets.drawn(run, len(world.x))
            x, y = world.x[rows], world.y[rows]
        if run.student not in limits:
            limits[run.student] = (
                world.risk(_student(run, world, world.x, world.y, seed=0))
                if world
                else _on_unlimited_data(run)
            ) / drawn.baseline
        student = _student(run, drawn, x, y, seed=0)
        details = {"limit": limits[run.student], **_conditioning(student)}
        return Result.of_loss(run, drawn.risk(student), drawn.baseline, details)

    return excess


def _student(run: Run, of: Sets, x: np.ndarray, y: np.ndarray, *, seed: int) -> _Scaled:
    """The trained student as a function of points in the coordinates of the task."""
    scale = sets.scale(run, of)
    rng = generator("init", run.task, seed, *run.restart, root=run.root)
    scaled = x if scale == 1 else scale * x  # 10⁷ coordinates are not copied for nothing
    learned = exact.learn(run.student.kind, dict(run.student.settings), scaled, y, rng=rng)
    return _Scaled(learned, scale)


class _Scaled:
    """A student behind the division of its inputs; what `learned` knows besides depends on its
    kind."""

    def __init__(self, learned: Any, scale: float) -> None:
        self.learned, self.scale = learned, scale

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.learned(self.scale * x)

    @property
    def weights(self) -> np.ndarray:
        """Of a linear student: what its coordinates are multiplied by."""
        return self.scale * self.learned.weights


def _on_unlimited_data(run: Run) -> float:
    """Exact risk of a student that has seen everything, where its kind knows it."""
    return load(STUDENTS[run.student.kind].unlimited)(run)


def _conditioning(student: _Scaled) -> dict[str, float]:
    """Condition number and jitter of the system that was solved, where a student knows them."""
    learned = student.learned
    return {n: float(getattr(learned, n)) for n in ("condition", "jitter") if hasattr(learned, n)}


def _outside(student: _Scaled, x_test: np.ndarray) -> dict[str, float]:
    """Of simplices: share of the test points that no cell answers, but the fit at the boundary."""
    covers = getattr(student.learned, "covers", None)
    return {"outside": 1 - float(np.mean(covers(student.scale * x_test)))} if covers else {}
