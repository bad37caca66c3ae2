"""Dimension: points of known d are drawn, and every estimator is asked for it.

Nothing is trained. A run is one estimator on one set of points, the seed its draw; all estimators
see the same points. Its loss is the relative error of the corrected estimate. What is claimed is
the least share of corrected intervals that hold d.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from lab.data.task import Draws
from lab.data.user_data import AnyTask
from lab.regimes import axes
from lab.regimes.axes import Axis, Ordinate
from lab.regimes.quantity import DIMENSION, Quantity
from lab.regimes.regime import REGIMES, Regime
from lab.students.dimensions import Estimator
from lab.tables.prediction import ClaimTable, ClaimTables

LEAST = 250
"""Points from which on the correction was measured."""
MOST = 20_000
"""Points up to which it was."""


def _with_value(asked: Any) -> Any:
    """Files of before write coverage = 0.9."""
    if isinstance(asked, Mapping) and "coverage" in asked and "value" not in asked:
        return {"value" if key == "coverage" else key: value for key, value in asked.items()}
    return asked


@REGIMES.add
class IntrinsicDimension(Regime):
    """Estimates of the dimension of points of known d."""

    regime: Literal["dimension"] = "dimension"
    data: Draws
    predictions: Annotated[ClaimTables, BeforeValidator(_with_value)] = (ClaimTable(),)

    quantities: ClassVar[tuple[Quantity, ...]] = (DIMENSION,)
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
