"""The student `realisable`: learners of a label on [0, 1] without noise, one per class of rates.

    memoriser   cells of mass p_k ∝ k^−(1+decay) with random labels, `cells` many or, without a
                number, infinitely many; it repeats what it has seen and guesses the rest
    geometric   cells of mass 2^−k, + up to the `last`; it says + up to the largest + it has seen
    interval    a threshold, uniform on [0, 1]; the middle of the gap around it
    singleton   2^i cells of mass 4^−i, at most one is +; it bets on the heaviest it has not seen

A cell is a piece of the interval, points are uniform. A run is `repeats` learners, each with n
points of its own (of the singleton Poisson(n)) and, of the interval, its threshold; its loss is the
mean probability of a wrong label given these, with guesses in the mean. Exact means are those of
`lab.models`: Memoriser, GeometricThreshold, IntervalThreshold, UnseenPoint. No label noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lab.grids import Dims, Grid, PositiveInt, Positives
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.spec import Group, Run
from lab.students.exact import Exact, MeanRisk
from lab.students.solvers import Failed, Observation, Result, Solver, Tick, one_by_one

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface
    from lab.models import GeometricThreshold, IntervalThreshold, Memoriser, UnseenPoint


@STUDENTS.add
class Realisable(Exact):
    """A learner of labels that a concept of its class explains."""

    kind: Literal["realisable"] = "realisable"
    concept: Grid[Literal["memoriser", "geometric", "interval", "singleton"]] = ("interval",)
    cells: PositiveInt | None = None
    decay: Positives = (1.0,)
    last: Dims = (5,)
    repeats: PositiveInt = 50

    solvers: ClassVar[Mapping[str, str]] = {"rate": "lab.students.rates:RATES"}
    risk: ClassVar[str] = "lab.students.rates:risk"
    parametric: ClassVar[bool] = False

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return True

    def wrong(self) -> Iterator[str]:
        yield from super().wrong()
        if self.cells is not None and self.cells < 2:
            yield "cells: one cell is no choice; give two or more"

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        if study.learner != "rate":
            yield (
                "student.kind: a realisable student is a class of learning rates; take regime = "
                "\"rate-class\""
            )

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return 1

    @classmethod
    def truth(cls, spec: StudentSpec) -> Model:
        """The truth object of its mean error."""
        from lab.models import GeometricThreshold, IntervalThreshold, Memoriser, UnseenPoint

        own: dict[str, Any] = dict(spec.settings)
        if own["concept"] == "memoriser":
            if "cells" in own:
                return Memoriser(np.arange(1.0, own["cells"] + 1) ** -(1 + own["decay"]))
            return Memoriser(decay=own["decay"])
        if own["concept"] == "geometric":
            return GeometricThreshold(own["last"])
        return IntervalThreshold() if own["concept"] == "interval" else UnseenPoint()

    @classmethod
    def smallest_mass(cls, spec: StudentSpec) -> float | None:
        """p of the rarest cell that has to be seen, where there is one."""
        own: dict[str, Any] = dict(spec.settings)
        if own["concept"] == "geometric":
            return 0.5 ** float(own["last"])
        if own["concept"] == "memoriser" and "cells" in own:
            masses = np.arange(1.0, own["cells"] + 1) ** -(1 + own["decay"])
            return float(masses[-1] / masses.sum())
        return None


if TYPE_CHECKING:
    Model = Memoriser | GeometricThreshold | IntervalThreshold | UnseenPoint


def risk(run: Run) -> MeanRisk | None:
    """The exact mean error."""
    return MeanRisk(float(Realisable.truth(run.student).error(run.size or 0)), "exact")


def error_of(spec: StudentSpec, n: int, rng: np.random.Generator) -> float:
    """The error of a learner that has seen n points of its own."""
    own: dict[str, Any] = dict(spec.settings)
    concept = own["concept"]
    if concept == "memoriser" and "cells" in own:
        masses = np.arange(1.0, own["cells"] + 1) ** -(1 + own["decay"])
        masses /= masses.sum()
        return float(masses[rng.multinomial(n, masses) == 0].sum() / 2)
    if concept == "memoriser":
        from scipy.special import zeta

        q = 1 + float(own["decay"])
        seen = np.unique(rng.zipf(q, n)).astype(float)
        return max(0.0, float(1 - (seen**-q).sum() / zeta(q)) / 2)
    if concept == "geometric":
        masses = 0.5 ** np.arange(1.0, own["last"] + 1)
        k = rng.geometric(0.5, n)
        return float(masses[np.max(k, where=k <= own["last"], initial=0) :].sum())
    if concept == "interval":
        threshold, x = rng.uniform(), rng.uniform(size=n)
        left = np.max(x, where=x <= threshold, initial=0.0)
        right = np.min(x, where=x > threshold, initial=1.0)
        return float(abs((left + right) / 2 - threshold))
    for i in range(1, 64):  # Poisson(n) samples: cells of a block are seen independently
        if rng.uniform() > np.exp(2.0**i * np.log(-np.expm1(-n * 4.0**-i))):
            return float(4.0**-i)
    return 0.0


def _learned(run: Run) -> Result:
    from lab.data.streams import generator

    assert run.size is not None
    rng = generator("draw", run.task, run.size, run.seed, root=run.root)
    repeats = int(dict(run.student.settings)["repeats"])
    loss = float(np.mean([error_of(run.student, run.size, rng) for _ in range(repeats)]))
    seen = Observation(0, "population", loss)
    return Result(run, "done", loss, loss, 0, (), observations=(seen,))


def draw(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """The error of every draw of a group."""
    return one_by_one(group, lambda _: _learned, tick)


def _flops(group: Group) -> float:
    return sum(5e3 * (D or 0) * len(seeds) for _, D, seeds in group.shapes)


def _memory(group: Group) -> float:
    return 64.0 * max(D or 0 for _, D, _ in group.shapes)


RATES = Solver("lab.students.rates:draw", _flops, _memory)
"""Learners of [0, 1], draw by draw."""
