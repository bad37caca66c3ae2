"""Estimators of the intrinsic dimension, as a study asks for them: of points, nothing is learned.

They stand where students do, so that a grid, a store and a report know them as they know students.
Names are those of `lab dimension`, at the settings that its correction was measured at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from lab.grids import Grid
from lab.kinds.exact import Exact
from lab.kinds.student import STUDENTS, StudentSpec, Target

Method = Literal[
    "two-nn-linear", "two-nn-mle", "mle", "mle-inverse", "knn", "gride", "correlation", "pca"
]


@STUDENTS.add
class Estimator(Exact):
    """How many dimensions points have, by each `method`."""

    kind: Literal["dimension"] = "dimension"
    method: Grid[Method] = ("two-nn-mle",)

    solvers: ClassVar[Mapping[str, str]] = {"dimension": "lab.students.solvers:ESTIMATING"}
    fixed: ClassVar[bool] = False

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return True

    def mistakes(self, study: Any) -> Iterator[str]:
        if study.learner != "dimension":
            yield (
                "student.kind: a dimension student learns nothing; take regime = \"dimension\", or "
                "name a kind that learns"
            )

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return 0
