"""Learning curves L(N, S): how fast the loss falls with steps, and with size where it is flat.

    L(∞, S) ∝ S^−α_S,    L(N, ∞) ∝ N^−α_N

α_S is read at the largest size, over the checkpoints from `curve.first` on at which the loss is at
least `curve.above` times the last one: a loss closer to the limit L(N, ∞) shows the limit. α_N is
read at the last step, and only where the curves are flat there. Of truncated spectra both are known
(`value = "exact"`), α_N = a − 1 and α_S = (a − 1)/b.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from lab import axes
from lab.axes import Axis
from lab.regimes.compute_frontier import known
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES
from lab.regimes.stepwise import Stepwise

ALPHA_S = Quantity(
    "alpha_S", "α_S", "the exponent of L ∝ S^−α_S at the largest size",
    "lab.findings.learning:claimed", default="exact", senses=("equal", "bound"),
    tolerance=0.1, value=known("alpha_S"),
)  # fmt: skip
ALPHA_N = Quantity(
    "alpha_N", "α_N", "the exponent of L ∝ N^−α_N at the last step",
    "lab.findings.learning:claimed", default="exact", senses=("equal", "bound"),
    tolerance=0.1, value=known("alpha_N"),
)  # fmt: skip


@REGIMES.add
class LearningCurve(Stepwise):
    """Loss against steps, size by size."""

    regime: Literal["learning-curve"] = "learning-curve"

    findings: ClassVar[tuple[str, ...]] = ("learning", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (ALPHA_S, ALPHA_N)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (axes.N, axes.STEPS)
