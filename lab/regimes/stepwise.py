"""Regimes that read whole curves: losses L(N, S) at the checkpoints of every run.

A loss at step s of a run is L(N, s) only if the run does not know when it will end: at a constant
rate, or by stages. One of a schedule that falls to 0 later has not been annealed at s, and is
refused. With `curve.decay` a run branches off at each checkpoint, falls to rate 0 in that share of
the steps before, and counts by its last loss.

Curves are of unlimited fresh data, or of an exact model that is known at every step; of the latter
[training] says the steps alone. There are no checks by other budgets: the curve has them.

learning-curve: L(∞, S) ∝ S^−α_S and L(N, ∞) ∝ N^−α_N. α_S is read at the largest size, over the
checkpoints from `curve.first` on at which the loss is at least `curve.above` times the last one: a
loss closer to the limit L(N, ∞) shows the limit. α_N is read at the last step, and only where the
curves are flat there. Of truncated spectra both are known (`value = "exact"`), α_N = a − 1 and
α_S = (a − 1)/b.

compute-frontier: the best size N at each compute C,

    N_opt ∝ C^ξ,    L_opt ∝ C^−η,    excess = L_opt(C)/L(N_opt, ∞) − 1

C is that of each student's own formula (`lab.spec.COORDINATES`); estimators and their bias are
those of `lab.scaling.frontier`. Exact models know all three (`value = "exact"`); in the decays of a
spectral task ξ = 1/(1+b) and η = (a−1)/(1+b) while a − 1 < 2b (Bordelon, Atanasov & Pehlevan,
arXiv 2402.01092).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lab import theory
from lab.data.task import TaskSpec
from lab.data.user_data import AnyTask
from lab.grids import PositiveInt, Setting, Table
from lab.kinds.student import STUDENTS, StudentSpec
from lab.regimes import axes
from lab.regimes.axes import Axis
from lab.regimes.cross_checks import too_few
from lab.regimes.descending import Descending
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES
from lab.spec import NO_TRAINING, STABLE, Run, TrainingSpec
from lab.tables.training import Training

if TYPE_CHECKING:
    from lab.regimes.quantity import ClaimingStudy

FEWEST = 6
"""Checkpoints that make a curve, as `lab.scaling.frontier.STEPS`."""


class Branching(Table):
    """[curve]: what a loss over steps is.

    decay: share of the steps before it in which the rate falls to 0 in a branch at each checkpoint;
    0, no branches, losses at the constant rate. first, above: exponents of steps are read from this
    step on, of losses that are at least so many times the last one.
    """

    decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    first: PositiveInt = 1
    above: Annotated[float, Field(ge=1, le=1e6)] = 10.0


class Stepwise(Descending):
    """Losses over steps, size by size."""

    curve: Branching = Branching()

    counts: ClassVar[tuple[str, str]] = ("test", "all")
    scans_model_size: ClassVar[bool] = True
    exact_recipe: ClassVar[frozenset[str]] = frozenset({"steps", "checkpoints"})
    """What [training] says of exact students."""

    @cached_property
    def recipe(self) -> TrainingSpec:
        own = self.training
        if not self.student.timed:
            return super().recipe
        checkpoints = own.resolved().checkpoints
        return replace(NO_TRAINING, stages=((own.steps, 1, 1.0),), checkpoints=checkpoints)

    @cached_property
    def checked(self) -> frozenset[int]:
        return frozenset()

    def runs(self) -> Iterator[Run]:
        """The runs of the scan; with a decay each checkpoint of a run is a branch of it, a run of
        its own."""
        for run in super().runs():
            if not self.curve.decay:
                yield run
                continue
            for step in self.steps:
                decay = max(1, round(self.curve.decay * step))
                yield run.with_recipe(replace(run.training.branched(step, decay), checkpoints=()))

    @property
    def steps(self) -> tuple[int, ...]:
        """The checkpoints and the last step."""
        recipe = self.recipe
        return tuple(dict.fromkeys((*recipe.checkpoints, recipe.last)))

    def mistakes(self) -> Iterator[str]:
        student, own = self.student, self.training
        for mistake in super().mistakes():
            if not (student.timed and mistake.startswith("[training]:")):
                yield mistake
        if student.timed:
            allowed = self.exact_recipe
            plain = Training(**{name: getattr(own, name) for name in allowed})
            for name in type(own).model_fields:
                if getattr(own, name) != getattr(plain, name):
                    yield (
                        f"training.{name}: {student.kind} students are known exactly, and "
                        f"[training] says their {_listed(allowed)} alone; leave it out"
                    )
        elif not student.trained:
            yield (
                f"student.kind: {student.kind} students have no curve over steps; take networks, "
                "truncation, plrf or plrf-equivalent"
            )
        elif own.schedule not in STABLE or own.optimiser == "lbfgs" or own.polish:
            yield (
                f"training.schedule: a loss at step s of a {own.schedule} schedule that ends later "
                "is no L(N, s); take schedule = \"constant\" and no polish"
            )
        if self.curve.decay and not student.trained:
            yield "curve.decay: exact students have no rate that falls; leave it out"
        if "evidence" in self.model_fields_set and student.trained:
            yield "[evidence]: a curve has every budget up to its last step; leave it out"
        many = len(self.steps)
        if (student.trained or student.timed) and many < FEWEST:
            yield (
                f"training.checkpoints: {many} make no curve; give {FEWEST} or more, as \"log:24\""
            )
        if student.size_key and self.scans_model_size:
            yield from too_few(f"student.{student.size_key}", getattr(student, student.size_key))


def _listed(names: frozenset[str]) -> str:
    *most, last = sorted(names, key=list(Training.model_fields).index)
    return f"{', '.join(most)} and {last}"


SIZES = 4
"""Sizes of a frontier, as `lab.scaling.frontier.FEWEST`."""


def known(name: str) -> Any:
    """The value of a formula in the symbols of the study; `exact` is what the exact model of the
    student knows of this quantity."""

    def value(study: ClaimingStudy, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
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
        sized = self.student.size_key
        if sized and 2 < len(set(getattr(self.student, sized))) < SIZES:
            yield f"student.{sized}: a frontier needs {SIZES} sizes or more, better ten; add some"


ALPHA_S = Quantity(
    "alpha_S", "α_S", "the exponent of L ∝ S^−α_S at the largest size",
    "lab.findings.learning:claimed", default="exact", senses=("equal", "bound"),
    tolerance=0.1, value=known("alpha_S"),
)  # fmt: skip
ALPHA_N = Quantity(
    "alpha_N", "α_N", "the exponent of L ∝ N^−α_N at the last step",
    "lab.findings.learning:claimed", default="exact", senses=("equal", "bound"),
    tolerance=0.1, value=known("alpha_N"),
)  # fmt: skip


@REGIMES.add
class LearningCurve(Stepwise):
    """Loss against steps, size by size."""

    regime: Literal["learning-curve"] = "learning-curve"

    findings: ClassVar[tuple[str, ...]] = ("learning", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (ALPHA_S, ALPHA_N)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (axes.N, axes.STEPS)
