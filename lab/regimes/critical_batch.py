"""critical-batch: steps to a loss against the batch, at the best rate of every batch.

Every run of the grid is trained at `batch.sizes` × `batch.rates`. A batch B takes

    training.steps · (1 + training.batch/B)                      steps, at the rate
    factor · training.rate · (B/training.batch)^batch.power

so that training.batch is a guess of the critical one, and steps those of the largest. Of the curves
`lab.findings.batches` reads S(B), the steps to each of `batch.targets`, and lays

    (S/S_min − 1)(E/E_min − 1) = 1,    E = B S,    B_crit = E_min/S_min

through them (McCandlish, Kaplan, Amodei et al., arXiv 1812.06162). It is a hypothesis: claims are
about its sharpness κ, which is 1 of it, and about 1/α_B of B_crit ∝ L^(−1/α_B) (Kaplan et al.,
arXiv 2001.08361). Rates are constant; a rate at which a run diverges is a rate that is too large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from lab.grids import Factors, PositiveInt, Table, Whole, as_tuple
from lab.regimes import axes
from lab.regimes.axes import Axis, Cell
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES, Regime
from lab.regimes.stepwise import Stepwise
from lab.spec import NO_TRAINING, MeasureSpec, Planned, Run, TrainingSpec
from lab.students.noise import MOST

RATES, TARGETS, BATCHES = 5, 3, 4
"""Rates of a batch, losses, and batches at least."""


def _rising(values: tuple[int, ...]) -> tuple[int, ...]:
    if list(values) != sorted(set(values)):
        raise ValueError("batches do not increase; give each once, in order")
    return values


Sizes = Annotated[tuple[PositiveInt, ...], BeforeValidator(as_tuple), AfterValidator(_rising)]


class Batches(Table):
    """[batch]: sizes; factors of the rate that each is tuned over; power of the rate in the batch;
    targets, relative losses; scales: fresh points on which the noise scales of the gradient of
    networks at the largest batch are measured at each checkpoint, 0 for none."""

    sizes: Sizes = (4, 16, 64, 256, 1024)
    rates: Factors = (0.25, 0.5, 1.0, 2.0, 4.0)
    power: Annotated[float, Field(ge=0, le=1)] = 0.0
    targets: Factors = (0.3, 0.1, 0.03)
    scales: Annotated[Whole, Field(ge=0, le=65_536)] = 0

    def wrong(self) -> Iterator[str]:
        for name, least in (("sizes", BATCHES), ("rates", RATES), ("targets", TARGETS)):
            many = len(getattr(self, name))
            if many < least:
                yield f"{name}: {many} are too few to judge a hyperbola by; give {least} or more"
        if not all(0 < target < 1 for target in self.targets):
            yield "targets: a relative loss lies between 0 and 1, that of the constant student"


def _quantity(
    name: str, symbol: str, says: str, default: float | None, tolerance: float
) -> Quantity:
    return Quantity(
        name, symbol, says, "lab.findings.batches:claimed", default=default,
        senses=("equal", "bound"), tolerance=tolerance,
    )  # fmt: skip


HYPERBOLA = _quantity(
    "hyperbola",
    "κ",
    "the sharpness κ of (S_min/S)^κ + (E_min/E)^κ = 1, the hyperbola at 1",
    1.0,
    0.25,
)
BATCH_EXPONENT = _quantity(
    "batch_exponent", "1/α_B", "the exponent of B_crit ∝ L^(−1/α_B)", None, 0.25
)


@REGIMES.add
class CriticalBatch(Stepwise):
    """Steps to a loss against batch."""

    regime: Literal["critical-batch"] = "critical-batch"
    batch: Batches = Batches()

    scans_model_size: ClassVar[bool] = False
    exact_recipe: ClassVar[frozenset[str]] = frozenset({"steps", "checkpoints", "batch", "rate"})
    findings: ClassVar[tuple[str, ...]] = ("batches", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (HYPERBOLA, BATCH_EXPONENT)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (axes.BATCH, axes.STEPS)

    @cached_property
    def recipe(self) -> TrainingSpec:
        own = self.training
        if not self.student.timed:
            return super().recipe
        stages = ((own.steps, own.batch, own.rate),)
        return replace(NO_TRAINING, stages=stages, checkpoints=own.resolved().checkpoints)

    @cached_property
    def recipes(self) -> tuple[TrainingSpec, ...]:
        """The recipe of every batch and rate."""
        own, grid, found = self.training, self.batch, []
        for B in grid.sizes:
            steps = round(own.steps * (1 + own.batch / B))
            checkpoints = own.model_copy(update={"steps": steps}).resolved().checkpoints
            rate = own.rate * (B / own.batch) ** grid.power
            found += [
                replace(self.recipe, stages=((steps, B, factor * rate),), checkpoints=checkpoints)
                for factor in grid.rates
            ]
        return tuple(found)

    def runs(self) -> Iterator[Run]:
        largest = max(self.batch.sizes)
        measure = MeasureSpec((), 0, "", self.batch.scales) if self.batch.scales else None
        for run in Regime.runs(self):
            for recipe in self.recipes:
                own = run.with_recipe(recipe)
                yield replace(own, measure=measure) if recipe.stages[0][1] == largest else own

    def cell(self, planned: Planned, base: Run) -> Cell:
        return Cell(planned, base, self.x(base), self.setting(base))

    def kept(self, run: Run, scale: float | None, seen: Sequence[Any]) -> Sequence[Any]:
        """The checkpoints of one exact curve on both sides of each target, and the last: steps to a
        loss are read between these alone."""
        if not run.student.trained and scale and self.task.count * self.repetitions == 1:
            seen = sorted(seen, key=lambda o: o.step)
            losses = [o.loss / scale for o in seen]
            rows = {len(seen) - 1}
            for goal in self.batch.targets:
                k = next((i for i, loss in enumerate(losses) if loss <= goal), None)
                rows |= set() if k is None else {max(k - 1, 0), k}
            return [seen[i] for i in sorted(rows) if i >= 0]
        return seen

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        if self.curve.decay:
            yield (
                "curve.decay: steps to a loss are read at a constant rate, tuned for each batch; "
                "leave it out"
            )
        if self.batch.scales and not self.student.trained:
            yield (
                f"batch.scales: the noise scales of {self.student.kind} students are known; leave "
                "it out"
            )
        elif self.batch.scales:
            N = max(student.parameters(task.D_amb, task.outputs)
                    for task in self.tasks(1) for student in self.students())  # fmt: skip
            if N > MOST:
                yield (
                    f"batch.scales: a network of N = {N} has a Hessian of N² numbers; take at most "
                    f"N = {MOST}, or leave it out"
                )
