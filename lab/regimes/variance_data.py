"""Variance of the data: one fixed model, and training sets drawn anew, of more and more samples.

⟨L(D)⟩ − L(∞) ∝ 1/D: the excess over the same model trained on the whole population, a mean over
draws (Bahri et al., arXiv 2102.06701).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from lab.regimes.coherence import too_few
from lab.regimes.excess import OverLimit
from lab.regimes.regime import REGIMES
from lab.tables.data import Draws


@REGIMES.add
class VarianceData(OverLimit):
    """Mean excess over the population's limit, against the number of samples."""

    regime: Literal["variance-data"] = "variance-data"
    data: Draws

    learner: ClassVar[str] = "data"
    over_draws: ClassVar[bool] = True
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
        if not student.fixed:
            yield (
                f"student.kind: a {student.kind} student grows with its data, and variance-data "
                "wants a fixed model; take random-features, linear or mlp"
            )
        if student.trained and self.learner not in student.solvers:
            yield f"student.kind: variance-data takes kind = \"mlp\", not \"{student.kind}\""
        elif student.trained and (len(list(self.students())) > 1 or self.task.loss != "mse"):
            yield "student.widths: variance-data takes one fixed network, and loss = \"mse\""
