"""Estimates of the intrinsic dimension of points of known d: what `regime = "dimension"` runs.

All estimators of a group see the same points and share one search of their neighbours. The loss is
|d̂ − d| / d of the corrected estimate; the details are those of `lab.tables.measure.Dimension`, of
the place "input".
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import cache

from lab.dimension import Estimate, measure
from lab.spec import Group, TaskSpec
from lab.students.descent.dimensions import quoted
from lab.students.result import Failed, Result
from lab.task import sets


def dimensions(group: Group, tick: Callable[[int], None]) -> list[Result | Failed]:
    """One result per estimator and draw, in the order of `group.runs()`."""

    @cache
    def estimates(task: TaskSpec, n: int, draw: int) -> tuple[Estimate, ...]:
        return measure(sets.points(task, n, draw=draw, root=group.root)).estimates

    found: list[Result | Failed] = []
    for run in group.runs():
        assert run.size is not None  # points are drawn
        try:
            d = run.task.input_dim
            method = str(dict(run.student.settings)["method"])
            one = quoted(estimates(run.task, run.size, run.seed), method)
            loss = abs(one.corrected / d - 1) if one else float("nan")
            details = one.details("input") if one else {}
            found.append(Result.of_loss(run, loss, 1.0, details))
        except Exception:  # a failed run is a result; the others go on
            found.append(Failed(run, traceback.format_exc()))
        tick(1)
    return found
