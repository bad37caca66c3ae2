"""The compute frontier: the best size N at each compute C, from curves L(N, S) of several sizes.

    N_opt ∝ C^ξ,    L_opt ∝ C^−η,    excess = L_opt(C)/L(N_opt, ∞) − 1

C is that of each student's own formula (`lab.spec.COORDINATES`); estimators and their bias are
those of `lab.scaling.frontier`. Exact models know all three (`value = "exact"`); in the decays of a
spectral task ξ = 1/(1+b) and η = (a−1)/(1+b) while a − 1 < 2b (Bordelon, Atanasov & Pehlevan,
arXiv 2402.01092).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from lab import axes, theory
from lab.axes import Axis
from lab.grids import Setting
from lab.kinds.student import STUDENTS, StudentSpec
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES
from lab.regimes.stepwise import Stepwise
from lab.spec import AnyTask, TaskSpec

SIZES = 4
"""Sizes of a frontier, as `lab.scaling.frontier.FEWEST`."""


def known(name: str) -> Any:
    """The value of a formula in the symbols of the study; `exact` is what the exact model of the
    student knows of this quantity."""

    def value(study: Any, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
        kind = STUDENTS[student.kind]
        symbols = {**task.symbols(), **kind.symbols(student)}
        if isinstance(task, TaskSpec) and task.decays:
            try:
                truths = kind.truths(student, task.decays, task.dim)
            except ValueError as error:  # outside of what the model is of
                raise theory.PredictionError(str(error)) from None
            symbols |= {"exact": truths[name]} if name in truths else {}
        return theory.parse(formula).value(symbols)

    return value


def _exponent(name: str, symbol: str, says: str, tolerance: float) -> Quantity:
    return Quantity(
        name, symbol, says, "lab.findings.frontiers:claimed", default="exact", senses=("equal",),
        tolerance=tolerance, value=known(name),
    )  # fmt: skip


XI = _exponent("xi", "ξ", "the exponent of N_opt ∝ C^ξ", 0.05)
ETA = _exponent("eta", "η", "the exponent of L_opt ∝ C^−η", 0.05)
EXCESS = _exponent("excess", "excess", "L_opt(C)/L(N_opt, ∞) − 1 where training stops", 0.1)


@REGIMES.add
class ComputeFrontier(Stepwise):
    """The best size at fixed compute."""

    regime: Literal["compute-frontier"] = "compute-frontier"

    findings: ClassVar[tuple[str, ...]] = ("frontier", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (XI, ETA, EXCESS)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (axes.N, axes.STEPS, axes.COMPUTE)

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        sized = self.student.sized
        if sized and 2 < len(set(getattr(self.student, sized))) < SIZES:
            yield f"student.{sized}: a frontier needs {SIZES} sizes or more, better ten; add some"
