"""Resolution-limited regimes: the number of samples, or the size of the student, is scanned.

resolution-data: L(D) ∝ D^−α, α ≥ 4/d for networks, as samples resolve the manifold to D^(−1/d)
(Sharma & Kaplan, arXiv 2004.10802; Bahri et al., arXiv 2102.06701). Networks have a loss left on
unlimited data, which the study trains (role `limit`): what falls is the excess over it.

resolution-width: L(N) ∝ N^−α, α ≥ 4/d, on unlimited fresh data: a student of N pieces resolves the
manifold to N^(−1/d), and a loss quadratic in the error of piecewise linear pieces falls with the
fourth power of that (Sharma & Kaplan, arXiv 2004.10802).
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np

from lab.data.task import Data
from lab.data.user_data import AnyTask
from lab.grids import Table
from lab.regimes import axes
from lab.regimes.axes import Axis, Cell, Ordinate, Values
from lab.regimes.cross_checks import too_few
from lab.regimes.descending import Descending
from lab.regimes.regime import REGIMES, Rows
from lab.spec import Planned, Run, StudentSpec

LIMIT_SHARE = 0.5
"""Share of the loss at the largest D beyond which L∞ makes up most of it."""


class Size(Table):
    """[scan]: what x is in a scan over the size of networks. Whatever is declared, the interval
    holds what the other counts would say.

    `N` all trainable parameters, `hidden` the weights between hidden layers (with one hidden layer,
    all but the output biases), `width` the width of a layer; a prediction is an exponent of N, and
    stands for twice as much of the width of two layers and more.
    """

    size: Literal["N", "hidden", "width"] = "N"


@REGIMES.add
class ResolutionData(Descending):
    """Loss against the number of training samples."""

    regime: Literal["resolution-data"] = "resolution-data"
    data: Data

    accepts_finite_data: ClassVar[bool] = True

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return self.data.sizes

    @property
    def measures_limit(self) -> bool:
        """Whether L∞ is the loss of the same networks on unlimited data."""
        return self.trained and not self.task.noisy

    @property
    def ordinate(self) -> Ordinate:
        return axes.OVER_UNLIMITED_DATA if self.measures_limit else axes.LOSS

    def limits(self, task: AnyTask) -> Iterator[Cell]:
        """The same students on unlimited data, with the budgets of the scan and of its checks."""
        if not self.measures_limit:
            return
        budgets = (1.0, *(self.budgets if task.teacher in self.checked else ()))
        for student, s, factor in itertools.product(
            self.students(), range(self.repetitions), budgets
        ):
            recipe = self.recipe.scaled(factor)
            run = Run(task, student, recipe, None, s, self.seed, self.learner, self.measured)
            yield self.cell(Planned(run, "limit", factor), run)

    def reading(self, done: Rows, limits: Rows = ()) -> Values:
        """Excess over each teacher's loss on unlimited data, cell by cell (geometric means over
        seeds). An L∞ that makes up most of the loss at the largest D is the doubt `floor`: its own
        error is then that of the excess."""
        from lab.scaling.judge.verdict import Doubt

        raw = self.losses(done)
        if not self.measures_limit or not done:
            return raw
        known: dict[int, list[float]] = defaultdict(list)
        for run, row in limits:
            known[run.task.teacher].append(math.log(row.relative))
        if not set(raw.teacher.tolist()) <= set(known):
            return raw.doubted(Doubt.LIMIT_UNMEASURED)
        at = sorted(set(zip(raw.teacher.tolist(), raw.x.tolist(), strict=True)))
        teacher, x = (np.array(v) for v in zip(*at, strict=True))
        logs = [np.log(raw.value[(raw.teacher == k) & (raw.x == D)]).mean() for k, D in at]
        loss, limit = np.exp(logs), np.exp([np.mean(known[k]) for k in teacher.tolist()])
        keep = loss > limit
        doubts = () if keep.all() else (Doubt.EXCESS_UNRESOLVED,)
        if np.median((limit / loss)[x == x.max()]) > LIMIT_SHARE:
            doubts = (*doubts, Doubt.FLOOR)
        zeros = np.zeros(int(keep.sum()), int)
        return Values(
            x[keep], (loss - limit)[keep], teacher[keep], zeros, axes.OVER_UNLIMITED_DATA.unit,
            doubts,
        )  # fmt: skip

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        yield from too_few("data.sizes", self.data.sizes)


@REGIMES.add
class ResolutionWidth(Descending):
    """Loss on unlimited data against the size of the student."""

    regime: Literal["resolution-width"] = "resolution-width"
    scan: Size = Size()

    scans_model_size: ClassVar[bool] = True
    accepts_finite_data: ClassVar[bool] = True

    @property
    def axis(self) -> Axis:
        if self.student.scanned == "units":
            return axes.UNITS
        return {"N": axes.N, "hidden": axes.HIDDEN, "width": axes.WIDTH}[self.scan.size]

    @property
    def has_size_counts(self) -> bool:
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
        if student.size_key:
            yield from too_few(f"student.{student.size_key}", getattr(student, student.size_key))
        answered = (
            self.task.linear or self.task.n_available is not None or student.answers_unlimited
        )
        if not student.trained and not (student.size_key and answered):
            yield (
                f"student.kind: {student.kind} students have no answer on unlimited data; scan "
                "data.sizes with regime = \"resolution-data\""
            )
        if "scan" in self.model_fields_set and not self.has_size_counts:
            yield "[scan]: only networks have several counts of size; leave it out"
        elif self.scan.size == "width" and any(
            isinstance(width, tuple) for width in getattr(student, "widths", ())
        ):
            yield ("scan.size: layers of unequal width have no one width; take \"N\" or \"hidden\"")
