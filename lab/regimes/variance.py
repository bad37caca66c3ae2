"""Variance-limited regimes: the mean excess over a limit that each run knows, with exponent 1.

variance-data: ⟨L(D)⟩ − L(∞) ∝ 1/D, one fixed model on training sets that are drawn anew, over the
same model trained on the whole population; a mean over draws.

variance-width: ⟨L(w)⟩ − L(∞) ∝ 1/w, wide networks on one training set, over exact NTK regression
after as many steps of full-batch descent; a mean over starts.

Both are of Bahri et al., arXiv 2102.06701.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np

from lab.data.task import Data, Draws
from lab.regimes import axes
from lab.regimes.axes import Axis, Ordinate, Values, excess_over
from lab.regimes.cross_checks import too_few
from lab.regimes.regime import REGIMES, Regime, Rows
from lab.spec import TrainingSpec, full_batch
from lab.students.mlp import Mlp
from lab.tables.prediction import ClaimTable, ClaimTables
from lab.tables.training import Steps


class OverLimit(Regime):
    """A variance-limited regime: theory has 1 for its exponent (Bahri et al., arXiv 2102.06701)."""

    predictions: ClaimTables = (ClaimTable(exponent=1.0, sense="equal"),)

    averages_repeats: ClassVar[bool] = True
    limit: ClassVar[str]
    """The limit in words."""
    smallest: ClassVar[bool]
    """True if the limit is the smallest loss of the model, so that no loss may lie below it."""

    @property
    def ordinate(self) -> Ordinate:
        return excess_over(self.limit)

    @property
    def law(self) -> str:
        return "power"

    def reading(self, done: Rows, limits: Rows = ()) -> Values:
        """Mean excess over repetitions, cell by cell, where it has a logarithm."""
        from lab.scaling.judge.verdict import Doubt
        from lab.scaling.scans.scan import excess

        raw = self.losses(done)
        if not done:
            return raw
        limit = np.array([row.details["limit"] for _, row in done], float)
        over = excess(raw.x, raw.value, limit, raw.teacher, smallest=self.smallest)
        keep = over.positive
        doubts: tuple[Doubt, ...] = () if keep.all() else (Doubt.EXCESS_UNRESOLVED,)
        if over.impossible:
            doubts = (Doubt.REFERENCE_NOT_CONVERGED,)
        zeros = np.zeros(int(keep.sum()), int)
        return Values(
            over.x[keep], over.mean[keep], over.teacher[keep], zeros, self.ordinate.unit,
            doubts,
        )  # fmt: skip


@REGIMES.add
class VarianceData(OverLimit):
    """Mean excess over the population's limit, against the number of samples."""

    regime: Literal["variance-data"] = "variance-data"
    data: Draws

    learner: ClassVar[str] = "data"
    resamples_data: ClassVar[bool] = True
    omega: ClassVar[float | None] = 1.0  # P/(D − P − 1) = P/D (1 + (P + 1)/D + …)
    limit: ClassVar[str] = "the same model on the whole population of data"
    smallest: ClassVar[bool] = True

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return self.data.sizes

    @property
    def repetitions(self) -> int:
        return self.data.draws

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        student = self.student
        yield from too_few("data.sizes", self.data.sizes)
        if student.random and "seeds" in student.model_fields_set:
            yield "student.seeds: variance-data repeats draws of the data; give data.draws"
        if not student.parametric:
            yield (
                f"student.kind: a {student.kind} student grows with its data, and variance-data "
                "wants a fixed model; take random-features, linear or mlp"
            )
        if student.trained and self.learner not in student.solvers:
            yield f"student.kind: variance-data takes kind = \"mlp\", not \"{student.kind}\""
        elif student.trained and (len(list(self.students())) > 1 or self.task.loss != "mse"):
            yield "student.widths: variance-data takes one fixed network, and loss = \"mse\""


@REGIMES.add
class VarianceWidth(OverLimit):
    """Mean excess over the limit of infinite width, against the width."""

    regime: Literal["variance-width"] = "variance-width"
    data: Data
    training: Steps = Steps()

    learner: ClassVar[str] = "ntk"
    findings: ClassVar[tuple[str, ...]] = ("gaps", *OverLimit.findings)
    scans_model_size: ClassVar[bool] = True
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
