"""Shallow students that are solved by their population loss, see `lab.students.algebra.ridges`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lab.grids import Dims, PositiveInt
from lab.kinds.exact import Exact
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.theory import Pieces

STEPS = 150
"""Iterations of a descent, as a rule; 10 to 1000 were seen."""
RIDGE = 60
"""Operations of one entry of the kernel of two ridges and of its slope."""


@STUDENTS.add
class RidgesStudent(Exact):
    """A sum of `units` ridges a_i |u_i·x| on a sphere, from several random `starts`.

    A start is a run of its own; a scan reads the lowest loss of each teacher and number of units.
    Float64 on the CPU, whatever accelerator there is.
    """

    kind: Literal["ridges"] = "ridges"
    units: Dims
    seeds: PositiveInt = Field(default=4, alias="starts")

    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.algebra.ridges:SOLVER"}
    random: ClassVar[bool] = True
    best_of_seeds: ClassVar[bool] = True
    answers_unlimited: ClassVar[bool] = True
    sized: ClassVar[str | None] = "units"
    scanned: ClassVar[str] = "units"

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return sized

    def mistakes(self, study: Any) -> Iterator[str]:
        yield from super().mistakes(study)
        if study.task.teacher_kind != "ridges":
            yield (
                "task.teacher: students of kind ridges know the loss of sums of ridges alone; take "
                "teacher = { kind = \"ridges\" }"
            )
        if study.regime != "resolution-width":
            yield (
                f"student.kind: ridges are fitted to the whole population, and {study.regime} "
                "learns from samples; take regime = \"resolution-width\""
            )

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces:
        return "shallow"

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        """d angles and a weight of every unit, D_amb = d + 1."""
        return cls.hidden_units(spec) * D_amb

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        return int(dict(spec.settings)["units"])

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        n = cls.hidden_units(spec)
        return STEPS * (n**3 / 3 + (RIDGE + 4 * D_amb) * n * n)
