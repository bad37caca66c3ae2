"""The student `perceptron`: the direction of largest margin that separates two classes.

    min ‖w‖²  with  y_i w·x_i ≥ 1,        f̂(x) = sign(w·x)

as the non-negative least squares of its dual (Lawson & Hanson 1974, least distance programming):
with G = (y_i x_i) and u the minimiser of ‖Gᵀ u‖² + (1 − Σ u)² over u ≥ 0, w ∝ Gᵀ u. Exact, without
a penalty or a rate. A teacher is `threshold` with no hidden layer and no bias; the loss of classes
−1 and 1 is then four times the share of errors.

Its mean loss is known at N → ∞ on Gaussian inputs, also where hard or easy examples were kept
(`lab.models.PerceptronPruning`). No bias, and no classes that a plane through 0 does not separate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float

from lab.grids import Setting
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.spec import Run
from lab.students.exact import Exact, MeanRisk

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface

SEPARABLE = 1e-9
"""Residual of the least squares, of 1, below which no plane separates the classes."""


@STUDENTS.add
class Perceptron(Exact):
    """The direction of largest margin."""

    kind: Literal["perceptron"] = "perceptron"

    risk: ClassVar[str] = "lab.students.perceptron:risk"
    reference: ClassVar[str] = "lab.students.exact:reference"

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return True

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        for task in study.tasks(teachers=1):
            if task.teacher_kind != "threshold" or task.teacher_widths or task.teacher_bias:
                yield (
                    "student.kind: a perceptron learns the sign of a linear teacher; take "
                    "task.teacher = { kind = \"threshold\", widths = [], bias = 0.0 }"
                )
                return
            if task.outputs > 1:
                yield "task.teacher.outputs: a perceptron has one output; leave it out"
                return

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return D_amb

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return 2.0 * D_amb * (D * D_amb * D_amb + test)

    @classmethod
    def learn(cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any) -> MaximalMargin:
        return learn(x, y)


@dataclass(frozen=True)
class MaximalMargin:
    """A trained perceptron; `w` has length 1."""

    w: Float[np.ndarray, " D_amb"]

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m 1"]:
        return np.where(x @ self.w < 0, -1.0, 1.0)[:, None]

    def margin(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, " m"]:
        """Distances from the plane."""
        return np.abs(x @ self.w)


def learn(x: Float[np.ndarray, "D D_amb"], y: Float[np.ndarray, "D 1"]) -> MaximalMargin:
    """The direction of largest margin for classes y = −1 and 1.

    Raises ValueError where no plane through 0 separates them.
    """
    from scipy.optimize import nnls

    G = y * x
    size = np.sqrt(np.mean(np.sum(G**2, axis=1)))
    A = np.vstack([G.T / size, np.ones(len(x))])
    target = np.append(np.zeros(x.shape[1]), 1.0)
    u, _ = nnls(A, target, maxiter=30 * len(x) + 100)
    rest = 1 - u.sum()  # ‖Gᵀu‖² + (1 − Σu)² at its minimum
    if rest <= SEPARABLE:
        raise ValueError(
            f"no plane through 0 separates the classes of {len(x)} points; take a linear teacher "
            "without noise, or another student"
        )
    w = G.T @ u
    return MaximalMargin(w / np.linalg.norm(w))


def risk(run: Run) -> MeanRisk | None:
    """Loss at N → ∞ on Gaussian inputs, of all points or of those that the teacher says to keep."""
    from lab.models import PerceptronPruning

    task, chosen = run.task, run.task.selection
    if not run.size or task.manifold[0][0] != "gaussian" or len(task.manifold) > 1:
        return None
    if chosen and chosen.by != "teacher":
        return None
    keep = chosen.keep if chosen else 1.0
    which: Literal["hard", "easy"] = "easy" if chosen and chosen.rule == "easy" else "hard"
    error = PerceptronPruning(run.size / task.D_amb, keep, which).error
    return MeanRisk(4 * error, "perceptron")
