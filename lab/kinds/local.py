"""Local exact students: the nearest neighbours, and simplices of a Delaunay triangulation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from lab.grids import Dims, Grid
from lab.kinds.exact import Exact
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.theory import Pieces

SEARCH = 200
"""Operations per point and logarithm of the set in a neighbour search or triangulation."""
SIMPLEX_COORDINATES = 6
SIMPLEX_CELLS = 4_000_000
_CELLS_PER_POINT = (1.0, 2.0, 6.77, 31.8, 187.0, 1297.0)
"""Mean number of Delaunay cells per point of a uniform set, by dimension (Miles 1970)."""


class Local(Exact):
    """A student that looks at nearby points only."""

    fixed: ClassVar[bool] = False
    local: ClassVar[bool] = True
    rigid: ClassVar[bool] = True

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return True


@STUDENTS.add
class Nearest(Local):
    """The mean of the targets of the k nearest training points."""

    kind: Literal["nearest"] = "nearest"
    neighbours: Dims = (1,)

    solver: ClassVar[str] = "lab.students.algebra.exact:nearest"

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces:
        return "constant"

    def refusals(self, spec: StudentSpec, *, D: int, D_amb: int) -> str | None:
        k = int(dict(spec.settings)["neighbours"])
        if k > D:
            return f"{k} neighbours cannot be taken among {D} points; choose 1 to {D}"
        return None

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return SEARCH * (D + test) * math.log2(D + 2)


@STUDENTS.add
class Simplex(Local):
    """Linear interpolation on the cells of a triangulation of the plane, or of the unit sphere."""

    kind: Literal["simplex"] = "simplex"
    domain: Grid[Literal["flat", "sphere"]] = ("flat",)

    solver: ClassVar[str] = "lab.students.algebra.exact:simplex"

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces:
        return "linear"

    def refusals(self, spec: StudentSpec, *, D: int, D_amb: int) -> str | None:
        return simplex_refusal(D, D_amb, sphere=dict(spec.settings)["domain"] == "sphere")

    def mistakes(self, study: Any) -> Iterator[str]:
        yield from super().mistakes(study)
        if self.domain == ("sphere",) and self.inputs != "raw":
            yield "student.inputs: simplices on the unit sphere take inputs = \"raw\""
        yield from dict.fromkeys(self._without_volume(study))

    def _without_volume(self, study: Any) -> Iterator[str]:
        """A cell has volume in the coordinates of the inputs, so the data must have it too."""
        for task in study.tasks(teachers=1):
            unit_sphere = [kind for kind, _ in task.manifold] == [
                "sphere"
            ] and task.D_amb == task.chart
            for domain in self.domain:
                if domain == "sphere" and not unit_sphere:
                    yield (
                        "student.domain: cells on the sphere need points on the unit sphere; take "
                        "manifold kind = \"sphere\" in its own coordinates, or leave 'domain' out"
                    )
                elif domain == "flat" and task.D_amb > task.input_dim:
                    remedy = (
                        "take domain = \"sphere\" and inputs = \"raw\""
                        if unit_sphere
                        else "take a cube in its own coordinates, or kind = \"nearest\""
                    )
                    yield (
                        f"student.kind: no simplex of {task.D_amb} coordinates holds a point of a "
                        f"manifold of d = {task.input_dim}; {remedy}"
                    )

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return SEARCH * math.factorial(min(D_amb, 6)) * (D + test) * math.log2(D + 2)


def simplex_refusal(points: int, coordinates: int, *, sphere: bool) -> str | None:
    """Why these points are too few, too many, or of too many coordinates for a triangulation."""
    if coordinates > SIMPLEX_COORDINATES or (sphere and coordinates < 2):
        return (
            f"simplex interpolation takes {1 + sphere} to {SIMPLEX_COORDINATES} coordinates, got "
            f"{coordinates}; use nearest neighbours, or a manifold without distractors"
        )
    per_point = _CELLS_PER_POINT[coordinates - 1 - sphere]
    if points < coordinates + 2 or points * per_point > SIMPLEX_CELLS:
        return (
            f"simplex interpolation in {coordinates} coordinates takes {coordinates + 2} to "
            f"{int(SIMPLEX_CELLS / per_point)} points, got {points}"
        )
    return None
