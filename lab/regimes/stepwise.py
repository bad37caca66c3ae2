"""Regimes that read whole curves: losses L(N, S) at the checkpoints of every run.

A loss at step s of a run is L(N, s) only if the run does not know when it will end: at a constant
rate, or by stages. One of a schedule that falls to 0 later has not been annealed at s, and is
refused. With `curve.decay` a run branches off at each checkpoint, falls to rate 0 in that share of
the steps before, and counts by its last loss.

Beside the branches the run at the constant rate is trained too, with a loss at each checkpoint.

Curves are of unlimited fresh data, of training sets of `data.sizes` D beside it, of data of
the user, or of an exact model that is known at every step; of the latter [training] says
the steps alone. There are no checks by other budgets: the curve has them.

learning-curve: L(∞, S) ∝ S^−α_S and L(N, ∞) ∝ N^−α_N, on unlimited data where there are any. α_S is
read at the largest size, over the checkpoints from `curve.first` on at which the loss is at least
`curve.above` times the last one: a loss closer to the limit L(N, ∞) shows the limit. α_N is read at
the last step, and only where the curves are flat there. Of truncated spectra both are known
(`value = "exact"`), α_N = a − 1 and α_S = (a − 1)/b. Further claims are about the samples that
larger students save on the way to `curve.targets` (`lab.findings.efficiency`), and about when
training sets of D are best left (`lab.findings.stopping`).

compute-frontier: the best size N at each compute C,

    N_opt ∝ C^ξ,    L_opt ∝ C^−η,    excess = L_opt(C)/L(N_opt, ∞) − 1

C is that of each student's own formula (`lab.spec.COORDINATES`); estimators and their bias are
those of `lab.scaling.frontier`. Exact models know all three (`value = "exact"`); in the decays of a
spectral task ξ = 1/(1+b) and η = (a−1)/(1+b) while a − 1 < 2b (Bordelon, Atanasov & Pehlevan,
arXiv 2402.01092). Each D has a frontier of its own. Claims without a free parameter compare the
same curves' two exponents with ξ and with the excess, and the bend at finite D with the place where
the frontier of unlimited data meets L(D) (`lab.findings.limits`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lab import theory
from lab.data.task import Data, TaskSpec
from lab.data.user_data import AnyTask
from lab.grids import Factors, PositiveFloat, PositiveInt, Setting, Table
from lab.kinds.student import STUDENTS, StudentSpec
from lab.regimes import axes
from lab.regimes.axes import Axis, Cell, Key
from lab.regimes.cross_checks import too_few
from lab.regimes.descending import Descending
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES
from lab.spec import NO_TRAINING, STABLE, Planned, Run, TrainingSpec
from lab.tables.training import Training

if TYPE_CHECKING:
    from lab.regimes.quantity import ClaimingStudy

FEWEST = 6
"""Checkpoints that make a curve, as `lab.scaling.frontier.STEPS`."""


class Branching(Table):
    """[curve]: what a loss over steps is.

    decay: share of the steps before it in which the rate falls to 0 in a branch at each checkpoint;
    0, no branches, losses at the constant rate. first, above: exponents of steps are read from this
    step on, of losses that are at least so many times the last one. targets: relative losses to
    which samples are counted, size by size; a claim is about the first. short: share of its loss
    that a size may lose by too few data.
    """

    decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    first: PositiveInt = 1
    above: Annotated[float, Field(ge=1, le=1e6)] = 10.0
    targets: Factors = ()
    short: Annotated[PositiveFloat, Field(le=10)] = 0.1


CONSTANT = "constant"
"""The role of the run at a constant rate that branches leave."""


class Stepwise(Descending):
    """Losses over steps, size by size."""

    curve: Branching = Branching()

    counts: ClassVar[tuple[str, str]] = ("test", "all")
    scans_model_size: ClassVar[bool] = True
    exact_recipe: ClassVar[frozenset[str]] = frozenset({"steps", "checkpoints"})
    """Table [training] of exact students."""

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

    def checks(self, run: Run) -> Iterator[Cell]:
        """The constant run of all branches, beside the last of them."""
        if self.curve.decay and run.training.branch_from == self.steps[-1]:
            yield self.cell(Planned(run.with_recipe(self.recipe), CONSTANT), run)

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
                "truncation, kernel-flow, plrf or plrf-equivalent"
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


class Curves(Stepwise):
    """Losses over steps and sizes, on unlimited data, or on training sets of some D as well."""

    data: Data | None = None

    accepts_finite_data: ClassVar[bool] = True

    @property
    def sizes(self) -> tuple[int | None, ...]:
        most = self.task.n_available
        if self.data is None:
            return (most,)
        return (*self.data.sizes, None) if most is None else self.data.sizes

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        if self.data is not None and not self.student.trained:
            yield (
                f"data.sizes: {self.student.kind} students are known on unlimited data alone; "
                "leave it out, or take networks"
            )
        if not all(0 < target < 1 for target in self.curve.targets):
            yield (
                "curve.targets: a relative loss lies between 0 and 1, that of the constant student"
            )


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


def _of_limits(name: str, symbol: str, says: str, tolerance: float, **more: Any) -> Quantity:
    return Quantity(
        name, symbol, says, "lab.findings.limits:claimed", default=1.0, senses=("equal",),
        tolerance=tolerance, **more,
    )  # fmt: skip


def _with_unlimited(study: Any) -> Iterator[str]:
    if study.data is None or study.task.n_available is not None:
        yield (
            "it compares training sets with unlimited data; give [data] sizes, on a task whose "
            "points are drawn"
        )


XI_RATIO = _of_limits(
    "xi-ratio", "ξ over α_S/(α_N + α_S)",
    "ξ over what the exponents of size and steps of the same curves make of it", 0.15,
)  # fmt: skip
EXCESS_RATIO = _of_limits(
    "excess-ratio", "excess over α_N/α_S",
    "the excess over what an additive law makes of the two exponents", 0.3,
)  # fmt: skip
BEND = _of_limits(
    "bend", "bend over its crossing",
    "the compute at which a training set costs √2 in loss, over that at which the frontier of "
    "unlimited data meets L(D)", 0.5, takes=_with_unlimited,
)  # fmt: skip


@REGIMES.add
class ComputeFrontier(Curves):
    """The best size at fixed compute."""

    regime: Literal["compute-frontier"] = "compute-frontier"

    findings: ClassVar[tuple[str, ...]] = ("frontier", "limits", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (
        XI, ETA, EXCESS, XI_RATIO, EXCESS_RATIO, BEND,
    )  # fmt: skip

    def setting(self, run: Run) -> Key:
        """Each D has a frontier."""
        manifold, *fixed = super().setting(run)
        size = None if self.data is None else run.size or "∞"
        return (manifold, *(("data.size", size) if p[0] == "data.size" else p for p in fixed))

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


def _with_targets(study: Any) -> Iterator[str]:
    if not study.curve.targets:
        yield "samples are counted to a loss; give curve.targets, as targets = [0.1]"


SAVING = Quantity(
    "saving", "saving",
    "samples that the smallest size takes to the first of curve.targets, over those of the largest",
    "lab.findings.efficiency:claimed", default=1.0, senses=("bound", "equal"), tolerance=0.1,
    takes=_with_targets,
)  # fmt: skip
STOPPING = Quantity(
    "stopping", "S_stop over its bound",
    "the best step to stop at over S_c [L(N, D) − L(N, ∞)]^(−1/α_S), where it is least",
    "lab.findings.stopping:claimed", default=1.0, senses=("bound",), tolerance=0.25,
    takes=_with_unlimited,
)  # fmt: skip
DATA_NEED = Quantity(
    "data-need", "exponent of D", "the exponent of D ∝ N^x that keeps a size from losing more than "
    "curve.short of its loss on unlimited data", "lab.findings.stopping:claimed",
    senses=("equal", "bound"), tolerance=0.25, takes=_with_unlimited,
)  # fmt: skip


@REGIMES.add
class LearningCurve(Curves):
    """Loss against steps, size by size."""

    regime: Literal["learning-curve"] = "learning-curve"

    findings: ClassVar[tuple[str, ...]] = ("learning", "efficiency", "stopping", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (ALPHA_S, ALPHA_N, SAVING, STOPPING, DATA_NEED)

    def setting(self, run: Run) -> Key:
        """One setting has every D."""
        manifold, *fixed = super().setting(run)
        return (manifold, *(pair for pair in fixed if pair[0] != "data.size"))

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (axes.N, axes.STEPS)
