"""Estimates of the intrinsic dimension of points of known d: what `regime = "dimension"` runs.

All estimators of a group see the same points and share one search of their neighbours. The loss is
|d̂ − d| / d of the corrected estimate; the details are those of `lab.students.measure.Dimension`, of
the place "input".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from lab.dimension import Estimate, measure
from lab.spec import Group, Run
from lab.students.algebra.solving import one_by_one
from lab.students.descent.dimensions import quoted
from lab.students.result import Failed, Result
from lab.task import sets


def dimensions(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """One result per estimator and draw, in the order of `group.runs()`."""
    return one_by_one(group, _dimensions, tick)


def _dimensions(runs: list[Run]) -> Callable[[Run], Result]:
    """The dimensions of the points of one task."""
    task, root = runs[0].drawn, runs[0].root

    @cache
    def estimates(n: int, draw: int) -> tuple[Estimate, ...]:
        return measure(sets.points(task, n, draw=draw, root=root)).estimates

    def dimension(run: Run) -> Result:
        assert run.size is not None  # points are drawn
        one = quoted(estimates(run.size, run.seed), str(dict(run.student.settings)["method"]))
        loss = abs(one.corrected / task.input_dim - 1) if one else float("nan")
        return Result.of_loss(run, loss, 1.0, one.details("input") if one else {})

    return dimension
