"""Resolution of the student: unlimited fresh data, and its size is scanned.

L(N) ∝ N^−α, α ≥ 4/d: a student of N pieces resolves the manifold to N^(−1/d), and a loss quadratic
in the error of piecewise linear pieces falls with the fourth power of that (Sharma & Kaplan,
arXiv 2004.10802).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from lab import axes
from lab.axes import Axis
from lab.regimes.cell import Values
from lab.regimes.coherence import too_few
from lab.regimes.descending import Descending
from lab.regimes.regime import REGIMES, Rows
from lab.spec import AnyTask, StudentSpec
from lab.tables.scan import Size


@REGIMES.add
class ResolutionWidth(Descending):
    """Loss on unlimited data against the size of the student."""

    regime: Literal["resolution-width"] = "resolution-width"
    scan: Size = Size()

    of_size: ClassVar[bool] = True
    finite: ClassVar[bool] = True

    @property
    def axis(self) -> Axis:
        if self.student.scanned == "units":
            return axes.UNITS
        return {"N": axes.N, "hidden": axes.HIDDEN, "width": axes.WIDTH}[self.scan.size]

    @property
    def counted(self) -> bool:
        return self.student.trained

    def order(self, task: AnyTask, student: StudentSpec) -> int:
        """A prediction is an exponent of N, and stands for twice as much of the width of two
        layers and more."""
        if self.scan.size != "width":
            return 1
        return student.leading(task.D_amb, task.outputs)[1]

    def reading(self, done: Rows, limits: Rows = ()) -> Values:
        """The losses, of starts of one minimisation the lowest."""
        found = self.losses(done)
        return found.lowest() if self.student.best_of_seeds and done else found

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        student = self.student
        if student.sized:
            yield from too_few(f"student.{student.sized}", getattr(student, student.sized))
        answered = self.task.linear or self.task.everything is not None or student.answers_unlimited
        if not student.trained and not (student.sized and answered):
            yield (
                f"student.kind: {student.kind} students have no answer on unlimited data; scan "
                "data.sizes with regime = \"resolution-data\""
            )
        if "scan" in self.model_fields_set and not self.counted:
            yield "[scan]: only networks have several counts of size; leave it out"
        elif self.scan.size == "width" and any(
            isinstance(width, tuple) for width in getattr(student, "widths", ())
        ):
            yield ("scan.size: layers of unequal width have no one width; take \"N\" or \"hidden\"")
