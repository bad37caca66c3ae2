"""Dimension: points of known d are drawn, and every estimator is asked for it.

Nothing is trained. A run is one estimator on one set of points, the seed its draw; all estimators
see the same points. Its loss is the relative error of the corrected estimate. What is predicted is
no exponent but a coverage, the least share of corrected intervals that hold d.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lab import axes
from lab.axes import Axis, Ordinate
from lab.kinds.estimators import Estimator
from lab.regimes.regime import REGIMES, Regime
from lab.spec import AnyTask
from lab.tables.data import Draws
from lab.tables.prediction import Prediction

LEAST = 250
"""Points from which on the correction was measured."""
MOST = 20_000
"""Points up to which it was."""


class Covering(Prediction):
    """The least share of 95 % intervals that hold the truth."""

    exponent: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.9, alias="coverage")
    sense: Literal["bound"] = "bound"
    tolerance: Annotated[float, Field(ge=0, le=0)] = 0.0
    rivals: tuple[()] = ()

    @property
    def told(self) -> str:
        return f"coverage ≥ {self.text}"


@REGIMES.add
class Dimension(Regime):
    """Estimates of the dimension of points of known d."""

    regime: Literal["dimension"] = "dimension"
    data: Draws
    prediction: Covering = Covering()

    learner: ClassVar[str] = "dimension"
    findings: ClassVar[tuple[str, ...]] = ("coverage", "records")

    @property
    def axis(self) -> Axis:
        return axes.POINTS

    @property
    def ordinate(self) -> Ordinate:
        return axes.DIMENSION

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return self.data.sizes

    @property
    def repetitions(self) -> int:
        return self.data.draws

    def tasks(self, teachers: int) -> Iterator[AnyTask]:
        """Points have no teacher: one task per manifold."""
        return self.task.specs(1)

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        if not isinstance(self.student, Estimator):
            yield "student.kind: points are measured, not learned; take kind = \"dimension\""
        if self.task.linear:
            yield "task.manifold: modes of a spectral task are no points; name a manifold"
        for table in sorted({"teacher", "noise", "power", "loss"} & self.task.model_fields_set):
            yield f"task.{table}: points alone are measured, and they have none; leave it out"
        for n in self.data.sizes:
            if not LEAST <= n <= MOST:
                yield (
                    f"data.sizes: the correction was measured on {LEAST} to {MOST} points, and not "
                    f"on {n}; take a number between"
                )
