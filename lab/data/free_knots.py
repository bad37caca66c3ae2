"""The best piecewise-linear fit of a function of one variable, its knots free.

With x uniform on an interval of length ℓ, n pieces, and f″ square integrable, the smallest mean
square error L is

    L n⁴ → (1/720 ℓ) (∫ |f″|^(2/5) dx)⁵

for pieces that join and for pieces that need not (de Boor 1973; Barrow & Smith, Quart. Appl. Math.
36, 1978): a piece of length h errs by f″² h⁵/720, and the best knots give every piece the same.
From below and slowly where f″ changes its sign: tanh 4x on [−½, ½] has .90 of it at n = 16.

`best` is the optimum itself, over pieces that need not join, by dynamic programming over knots on a
grid. A network of one hidden layer of n ReLU units on an interval has n knots, so that it is one
such fit of n + 1 pieces: none has a smaller loss. It may be unable to reach it, for its slope at
the end is not free; with a unit that is linear there, it reaches every fit of n pieces that join.

Where this is a reference: targets of one coordinate with f″, without noise, the squared error, a
network of one layer. No other manifold, and no deeper network, which has more knots than units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from lab.data.task import TaskSpec
from lab.data.user_data import AnyTask
from lab.kinds.student import Reference, StudentSpec, scanned_with

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface

GRID = 1024
"""Cells of the interval; knots are their ends."""
WITHIN = 8
"""Points of the midpoint rule in a cell."""
POINTS = GRID * WITHIN
MOST = GRID // 10
"""Pieces up to which the grid is fine enough."""
ERROR = 1e-2
"""Relative error of `best` up to MOST pieces: a knot is off by half a cell at most."""
DETAIL = "free-knots"
"""The detail of a run that has its optimum, relative to the constant student's loss."""


def constant(second: Float[np.ndarray, " points"], length: float = 1.0) -> float:
    """lim L n⁴.

    Args:
        second: f″ at the midpoints of equal cells of the interval.
        length: ℓ.
    """
    integral = length * float(np.mean(np.abs(second) ** 0.4))
    return integral**5 / (720 * length)


def best(
    values: Float[np.ndarray, " points"], pieces: Sequence[int]
) -> Float[np.ndarray, " sizes"]:
    """The smallest mean square error of so many pieces, for each number of them.

    Args:
        values: f at the POINTS midpoints of equal cells of the interval; its length does not
            matter.
        pieces: numbers of pieces, at least 1 and at most GRID.
    """
    cost, most = _costs(values), max(pieces)
    least, found = cost[0], {1: cost[0][-1]}
    for n in range(2, most + 1):
        # least[j]: of n − 1 pieces that end at knot j; the last one goes from j to the end
        least = np.min(least[:, None] + cost, axis=0)
        found[n] = least[-1]
    return np.array([found[n] for n in pieces])


def _costs(values: np.ndarray) -> np.ndarray:
    """Residual of the best line on the cells i…j − 1, ∞ for j ≤ i, as a part of the mean."""
    x = (np.arange(POINTS) + 0.5) / POINTS - 0.5
    y = values - values.mean()
    sums = [np.concatenate([[0.0], m.reshape(GRID, WITHIN).sum(1).cumsum()])
            for m in (np.ones(POINTS), x, y, x * x, x * y, y * y)]  # fmt: skip
    n, sx, sy, sxx, sxy, syy = (s[None, :] - s[:, None] for s in sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = syy - sy**2 / n - (sxy - sx * sy / n) ** 2 / (sxx - sx**2 / n)
    return np.where(n > 0, np.maximum(left, 0) / POINTS, np.inf)


def known(task: AnyTask) -> bool:
    """True if the task is a function of one variable with f″, learned by the squared error."""
    if not isinstance(task, TaskSpec) or task.manifold not in ((("cube", 1),), (("ball", 1),)):
        return False
    smooth = task.teacher_kind == "network" and (task.smoothness or 0) > 2
    plain = task.embedding in ("identity", "linear") and task.loss == "mse" and not task.noise
    return smooth and plain and task.outputs == 1


def pieces(student: StudentSpec) -> int | None:
    """Pieces of a student of one variable; None where it has more than its units say."""
    one_layer = student.kind == "mlp" and len(student.widths) == 1
    return student.widths[0] + 1 if one_layer and student.activation == "relu" else None


def reference(study: StudyInterface, task: AnyTask, student: StudentSpec) -> Reference | None:
    """The optimum of the students that a study scans beside this one. Its law is known beforehand,
    its amplitude is every teacher's own, in the details of the runs."""
    if not known(task) or not study.scans_model_size or study.learner:
        return None
    at = {s.parameters(task.D_amb, 1): pieces(s) for s in scanned_with(study, student)}
    n = [count for count in at.values() if count is not None and count <= MOST]
    if len(n) < len(at):
        return None
    value = tuple(float(count) ** -4 for count in n)
    return Reference(tuple(at), value, ERROR, "free knots", optimum=True, detail=DETAIL)
