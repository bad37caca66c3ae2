"""The phase map: every width on every training set and on unlimited data, and its two limits.

What it says of exponents it says as two scans, its `scans`: all widths on unlimited data, and the
largest width on every D. Beside them stands the plane of N and D.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar, Literal

from lab.data.task import Data, SelectedData
from lab.regimes import axes
from lab.regimes.axes import Axis, Cell, Key
from lab.regimes.cross_checks import too_few
from lab.regimes.descending import Descending
from lab.regimes.quantity import ALPHA, Quantity
from lab.regimes.regime import REGIMES, Regime
from lab.regimes.resolution import ResolutionData, ResolutionWidth
from lab.spec import Planned, Run


@REGIMES.add
class PhaseMap(Descending):
    """Loss on the plane of N and D."""

    regime: Literal["phase-map"] = "phase-map"
    data: Data

    findings: ClassVar[tuple[str, ...]] = ("plane", *Descending.findings)
    quantities: ClassVar[tuple[Quantity, ...]] = (ALPHA,)
    scans_model_size: ClassVar[bool] = True

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (axes.N, axes.DATA)

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return (*self.data.sizes, None)

    @cached_property
    def scans(self) -> tuple[Regime, ...]:
        student = self.student
        widest = max(self.students(), key=lambda s: s.parameters(1, 1)).widths
        alone = student.model_copy(update={"widths": (widest,), "depth": None})
        own = f"{self.title}, " if self.title else ""
        same: dict[str, Any] = {
            "question": self.question, "seed": self.seed, "task": self.task,
            "prediction": self.predictions, "training": self.training, "evidence": self.evidence,
            "measure": self.measure,
        }  # fmt: skip
        name = "×".join(map(str, widest))
        return (
            ResolutionWidth(**same, student=student, title=f"{own}D = ∞"),
            ResolutionData(
                **same, student=alone, data=SelectedData(sizes=self.data.sizes),
                title=f"{own}width {name}",
            ),
        )  # fmt: skip

    def cells(self) -> Iterator[Cell]:
        """The plane, and what its limits need besides."""
        plane = {run: self.cell(Planned(run), run) for run in self.runs()}
        yield from plane.values()
        # a limit of the one scan may be a check of the other
        others = {c.run: c for scan in self.scans for c in scan.all_cells if c.run not in plane}
        yield from others.values()

    def setting(self, run: Run) -> Key:
        """One plane has every width and every D."""
        manifold, *fixed = super().setting(run)
        return (manifold, *(pair for pair in fixed if pair[0] != "data.size"))

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        if not self.student.trained:
            yield "student.kind: a phase map trains networks; take kind = \"mlp\""
            return
        yield from too_few("student.widths", getattr(self.student, self.student.size_key or ""))
        yield from too_few("data.sizes", self.data.sizes)
