"""Variance of the width: wide networks on one training set, over their limit of infinite width.

⟨L(w)⟩ − L(∞) ∝ 1/w: the excess over exact NTK regression after as many steps of full-batch descent,
a mean over starts (Bahri et al., arXiv 2102.06701).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from lab import axes
from lab.axes import Axis
from lab.regimes.coherence import too_few
from lab.regimes.excess import OverLimit
from lab.regimes.regime import REGIMES
from lab.spec import TrainingSpec, full_batch
from lab.students.mlp import Mlp
from lab.tables.data import Data
from lab.tables.training import Steps


@REGIMES.add
class VarianceWidth(OverLimit):
    """Mean excess over the limit of infinite width, against the width."""

    regime: Literal["variance-width"] = "variance-width"
    data: Data
    training: Steps = Steps()

    learner: ClassVar[str] = "ntk"
    findings: ClassVar[tuple[str, ...]] = ("gaps", *OverLimit.findings)
    of_size: ClassVar[bool] = True
    limit: ClassVar[str] = "exact NTK regression (after as many steps)"
    smallest: ClassVar[bool] = False
    omega: ClassVar[float | None] = 1.0  # a/w + b/w²

    @property
    def axis(self) -> Axis:
        return axes.WIDTH

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return self.data.sizes

    @property
    def recipe(self) -> TrainingSpec:
        return full_batch(self.training.steps, self.data.sizes[0])

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        student = self.student
        if len(self.data.sizes) > 1:
            yield "data.sizes: variance-width learns one fixed training set: give 'sizes = 64'"
        if not isinstance(student, Mlp):
            limited = False
        else:
            relu_or_erf = not set(student.activation) - {"relu", "erf"}
            limited = student.parametrisation == "ntk" and relu_or_erf
            yield from too_few("student.widths", student.widths)
            if any(isinstance(width, tuple) for width in student.widths):
                yield "student.widths: variance-width scans layers of equal width; give numbers"
        if not limited:
            yield (
                "student.parametrisation: variance-width takes networks with a limit: kind = "
                "\"mlp\", parametrisation = \"ntk\", activation = \"relu\" or \"erf\""
            )
        if self.task.loss != "mse" or self.task.outputs > 1:
            yield "task.loss: variance-width takes loss = \"mse\" and one output"
