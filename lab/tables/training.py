"""Training of a student, as a study file says it, and evidence that it has converged.

`Training.resolved()` is the recipe of a run, `lab.spec.TrainingSpec`, in which nothing is left of
the preset's name: two files that mean the same recipe share their runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from lab.data.task import squared
from lab.data.user_data import AnyTask
from lab.grids import (
    MOST,
    Factors,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Positives,
    Table,
    Whole,
    as_tuple,
    said,
)
from lab.kinds.optimisers import OPTIMISERS, whole
from lab.kinds.student import StudentSpec
from lab.mistakes import shown, unknown
from lab.spec import STABLE, TrainingSpec
from lab.students.first_order import Muon


class Stage(Table):
    """One stage of a step schedule; the optimiser's moments carry over."""

    steps: PositiveInt
    batch: PositiveInt
    rate: PositiveFloat


Stages = Annotated[tuple[Stage, ...], BeforeValidator(as_tuple), Field(min_length=1)]

Checkpoints = Annotated[
    Annotated[str, Tag("a text")] | Annotated[tuple[PositiveInt, ...], Tag("a list")],
    Discriminator(lambda value: "a text" if isinstance(value, str) else "a list"),
    BeforeValidator(lambda value: value if isinstance(value, str) else as_tuple(value)),
]
LOG = re.compile(r"log:([0-9]{1,6})")
"""So many checkpoints, about evenly spaced in the logarithm of the step."""

STUDENT_BYTES = 1 << 30
"""Memory that a whole-problem rule may take for one student; a group is cut at as much."""
PER_PARAMETER = 100
"""Points of a pool per parameter, at least: its own accidents are then 1 % of the loss."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {"optimiser": "muon"},
    "muon-20k": {
        "optimiser": "muon",
        "rate": 0.01,
        "beta1": 0.95,
        "beta2": 0.999,
        "schedule": "linear",
        "batch": 128,
        "steps": 20_000,
    },
    "thorough": {
        "optimiser": "muon",
        "rate": 0.005,
        "beta1": 0.95,
        "beta2": 0.999,
        "schedule": "linear",
        "batch": 128,
        "steps": 80_000,
        "revive": 0.6,
        "by_size": True,
    },
    "adam": {"optimiser": "adam"},
    "adam-cosine": {"optimiser": "adam", "beta2": 0.999, "schedule": "cosine", "batch": 256},
    "adam-lbfgs": {"optimiser": "adam", "polish": 100},
    "muon-lbfgs": {"optimiser": "muon", "polish": 100},
    "sgd": {"optimiser": "sgd", "schedule": "cosine"},
    "sharma-kaplan": {
        "optimiser": "adam",
        "beta2": 0.999,
        "schedule": "step",
        "precision": "float64",
        "stages": [
            {"steps": 200_000, "batch": 200, "rate": 0.01},
            {"steps": 20_000, "batch": 1000, "rate": 0.01},
            {"steps": 20_000, "batch": 4000, "rate": 0.001},
        ],
    },
    "bahri-data": {
        "optimiser": "adam",
        "rate": 0.003,
        "beta2": 0.999,
        "schedule": "cosine",
        "batch": 64,
        "steps": 40_000,
    },
}
"""Recipes of training; a key that the file sets itself wins over its preset. muon-20k: the default
of 2026, by its numbers, for studies that were run with it, whatever the default becomes. thorough:
four times its steps at half its rate, and no unit that died stays dead; docs/speed.md has what it
gains, and at which price."""

SLOWER_FROM = 4_500
"""Parameters of the largest student from which `by_size` descends longer and more slowly."""


def _named(value: Any) -> Any:
    """The name of an optimiser. Raises ValueError, one sentence, for what is none."""
    if not isinstance(value, str) or value not in OPTIMISERS:
        raise ValueError(unknown("optimiser", value, OPTIMISERS))
    return value


Rule = Annotated[str, BeforeValidator(_named)]
"""The name of an optimiser, from outside too."""


class Training(Table):
    """Training: optimiser, schedule, budget."""

    preset: str = "default"
    optimiser: Rule = "muon"
    rate: PositiveFloat = Field(default=Muon.defaults["rate"], description="default by optimiser")
    beta1: Annotated[float, Field(ge=0, lt=1)] = Muon.defaults["beta1"]
    beta2: Annotated[float, Field(gt=0, lt=1)] = Muon.defaults["beta2"]
    weight_decay: NonNegativeFloat = 0.0
    steps: PositiveInt = 20_000
    batch: PositiveInt = 128
    schedule: Literal["constant", "cosine", "linear", "step"] = "linear"
    warmup: Annotated[float, Field(ge=0, lt=1, description="fraction of the steps")] = 0.0
    stages: Stages | None = None
    polish: Annotated[
        Whole, Field(ge=0, le=MOST, description="steps of polish_by on one large batch at the end")
    ] = 0
    polish_batch: PositiveInt = 8192
    polish_by: Annotated[Rule, Field(description="a whole-problem optimiser")] = "lbfgs"
    precision: Literal["float32", "float64"] = "float32"
    pool: Annotated[
        Whole,
        Field(ge=0, le=2**22, description="points labelled once and visited at random instead of "
              "fresh ones; 0: fresh"),
    ] = 0  # fmt: skip
    checkpoints: Annotated[
        Checkpoints, Field(description='"last", "log:24", or a list of steps')
    ] = "last"
    stopping: Annotated[
        Literal["best", "last"],
        Field(description="the step of a training set that counts: of the least validation loss, "
              "or the last"),
    ] = "best"  # fmt: skip
    branch_from: Annotated[
        Whole,
        Field(ge=0, le=MOST, description="step from which a constant rate falls to 0; 0: none"),
    ] = 0  # fmt: skip
    revive: Annotated[
        float,
        Field(ge=0, lt=1, description="share of the steps in which ReLU units that answer 0 "
              "everywhere are drawn anew"),
    ] = 0.0  # fmt: skip
    by_size: Annotated[
        bool,
        Field(description="where the largest student has N > 4500 parameters, √(N/4500) times the "
              "steps at so much less of the rate, for all students"),
    ] = False  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        # what is no name is refused where it stands
        preset = values.get("preset", "default")
        named = PRESETS.get(preset, {}) if isinstance(preset, str) else {}
        optimiser = values.get("optimiser", named.get("optimiser", "muon"))
        known = isinstance(optimiser, str) and optimiser in OPTIMISERS
        rule = OPTIMISERS[optimiser].defaults if known else {}
        return {**rule, **named, **values}

    def wrong(self) -> Iterator[str]:
        rules = (self._of_preset, self._of_stages, self._of_checkpoints, self._of_branch,
                 self._of_polish, self._of_size)  # fmt: skip
        for rule in rules:
            yield from said(rule)

    def _of_preset(self) -> Iterator[str]:
        if self.preset not in PRESETS:
            yield f"preset: {unknown('preset', self.preset, PRESETS)}"

    def _of_stages(self) -> Iterator[str]:
        if (self.schedule == "step") != (self.stages is not None):
            yield "schedule = \"step\" and 'stages = [{steps, batch, rate}, …]' belong together"

    def _of_checkpoints(self) -> Iterator[str]:
        total, these = self._descended, self.checkpoints
        if these == "last":
            return
        if not total:
            title = OPTIMISERS[self.optimiser].title
            yield f"checkpoints: {title} alone has no steps between; leave it out"
        elif isinstance(these, str):
            many = LOG.fullmatch(these)
            if not many or not int(many[1]):
                yield (
                    f"checkpoints: {shown(these)} is none; give \"last\", \"log:24\", or a list "
                    "of steps"
                )
            elif int(many[1]) > total:
                yield f"checkpoints: {these} is more than the {total} steps; take at most that many"
        elif not these:
            yield "checkpoints: an empty list; give steps, or leave it out for the last one"
        elif list(these) != sorted(set(these)):
            yield (
                f"checkpoints: {shown(list(these))} does not increase; give each step once, in "
                "order"
            )
        elif these[-1] > total:
            yield (
                f"checkpoints: {these[-1]} is beyond the last step, {total}; give steps up to that"
            )

    def _of_branch(self) -> Iterator[str]:
        if not self.branch_from:
            return
        if self.schedule not in STABLE or whole(self.optimiser):
            yield (
                "branch_from: the decay leaves a constant rate; take schedule = \"constant\" or "
                "stages, or leave it out"
            )
        elif self.branch_from >= self._descended:
            yield (
                f"branch_from: {self.branch_from} leaves nothing of the {self._descended} steps to "
                "decay in; take an earlier step"
            )

    def _of_polish(self) -> Iterator[str]:
        rules = [name for name in OPTIMISERS if whole(name)]
        if not whole(self.polish_by):
            yield (
                f"polish_by: {self.polish_by} moves along gradients of batches, and a polish is on "
                f"one batch; take {' or '.join(rules)}"
            )
        elif self.polish_by != "lbfgs" and whole(self.optimiser):
            yield (
                f"polish_by: {self.optimiser} is on one batch from the start, and nothing is "
                "polished; leave it out"
            )
        elif self.polish_by != "lbfgs" and not self.polish:
            yield "polish_by: nothing is polished; give polish, its steps, or leave it out"

    def _of_size(self) -> Iterator[str]:
        if self.by_size and (self.stages is not None or whole(self.optimiser)):
            yield "by_size: it changes steps and rate, and this recipe names neither; leave it out"
        if self.revive and not self._descended:
            title = OPTIMISERS[self.optimiser].title
            yield f"revive: {title} alone has no steps between; leave it out"

    def for_size(self, most: int) -> Training:
        """The same for a scan whose largest student has so many parameters: every size of it has
        one budget and one rate, so that the scan differs in nothing else."""
        factor = math.sqrt(most / SLOWER_FROM)
        if not self.by_size or factor <= 1:
            return self
        own = {"steps": round(self.steps * factor), "rate": self.rate / factor}
        return self.model_copy(update=own)

    @property
    def _descended(self) -> int:
        """Steps of the schedule; whole-problem rules alone have none."""
        if self.stages is not None:
            return sum(stage.steps for stage in self.stages)
        return 0 if whole(self.optimiser) else self.steps

    def resolved(self) -> TrainingSpec:
        """The recipe of a run. A whole-problem rule is all polish: its batch is drawn once."""
        stages: tuple[tuple[int, int, float], ...] = ((self.steps, self.batch, self.rate),)
        if self.stages is not None:
            stages = tuple((s.steps, s.batch, s.rate) for s in self.stages)
        polish, polish_batch, polish_by = self.polish, self.polish_batch, self.polish_by
        if whole(self.optimiser):
            stages, polish, polish_batch, polish_by = (), self.steps, self.batch, self.optimiser
        return TrainingSpec(
            self.optimiser, self.beta1, self.beta2, self.weight_decay, stages, self.schedule,
            self.warmup, polish, polish_batch, self.precision, self.pool, self._observed(),
            self.stopping, self.branch_from, polish_by, self.revive,
        )  # fmt: skip

    def _observed(self) -> tuple[int, ...]:
        """The steps of the checkpoints; none where the last one is the only one."""
        total = self._descended
        if not isinstance(self.checkpoints, str):
            return () if self.checkpoints == (total,) else self.checkpoints
        many = LOG.fullmatch(self.checkpoints)
        return log_spaced(total, int(many[1])) if many and int(many[1]) > 1 else ()

    def on_pool(self, most: int, *, noise: bool) -> Iterator[str]:
        """Mistakes in a pool for students of at most so many parameters.

        Least squares of N parameters on n points without noise lose N/n more than on all points.
        """
        if noise:
            yield (
                "training.pool: noisy labels that are visited again are learned by heart; leave "
                "pool or task.noise out"
            )
        elif self.pool < PER_PARAMETER * most:
            yield (
                f"training.pool: {self.pool} are {self.pool / most:.3g} points per parameter of "
                f"the largest student (N = {most}); take at least {PER_PARAMETER * most}, or scan "
                "data.sizes"
            )

    def on_problem(
        self, tasks: Iterable[AnyTask], students: Sequence[StudentSpec]
    ) -> Iterator[str]:
        """Mistakes in a whole-problem rule for these students, one sentence of the first
        task that has something."""
        recipe = self.resolved()
        if not recipe.polish:
            return
        rule, batch = OPTIMISERS[recipe.polish_by], recipe.polish_batch
        by, of_batch = ("polish_by", "polish_batch") if recipe.stages else ("optimiser", "batch")
        size = 8 if recipe.precision == "float64" else 4
        for task in tasks:
            N = max(student.parameters(task.D_amb, task.outputs) for student in students)

            def taken(batch: int, N: int = N, outputs: int = task.outputs) -> float:
                return float(size * rule.numbers(N=N, residuals=batch * outputs))

            least = -(-N // task.outputs) if rule.squares else 1
            if rule.squares and not squared(task.loss, task.power):
                yield (
                    f"training.{by}: {rule.title} needs a loss that is a mean of squares, and "
                    f"this one is {task.loss}; take lbfgs, or task.loss = \"mse\""
                )
            elif taken(least) > STUDENT_BYTES:
                yield (
                    f"training.{by}: {rule.title} takes {taken(least) / 1e9:.2g} GB for the "
                    f"largest student (N = {N}) on {least} points, over "
                    f"{STUDENT_BYTES / 1e9:.2g} GB; take lbfgs, or smaller students"
                )
            elif taken(batch) > STUDENT_BYTES:
                fits = batch
                while taken(fits) > STUDENT_BYTES:
                    fits = max(least, fits // 2)
                yield (
                    f"training.{of_batch}: {rule.title} on {batch} points takes "
                    f"{taken(batch) / 1e9:.2g} GB for the largest student (N = {N}), over "
                    f"{STUDENT_BYTES / 1e9:.2g} GB; take a batch of at most {fits}"
                )
            elif batch < least:
                yield (
                    f"training.{of_batch}: {rule.title} learns {batch} points by heart with "
                    f"N = {N} parameters; take a batch of at least {least}"
                )
            else:
                continue
            return

    def on_sets(self, sizes: Sequence[int]) -> Iterator[str]:
        """Mistakes in this recipe for training sets of these sizes D."""
        if self.resolved().polish:
            yield (
                f"training.optimiser: {OPTIMISERS[self.resolved().polish_by].title} needs fresh "
                "data without limit, where it cannot fit the training set by heart"
            )
        if self.pool:
            yield "training.pool: stands for fresh data, and data.sizes are sets; leave it out"
        batch = max((b for _, b, _ in self.resolved().stages), default=0)
        for D in sizes:
            if batch > D:
                yield (
                    f"training.batch: {batch} is more than the training set "
                    f"of data.sizes = {D}; take a batch of at most {D}"
                )


def log_spaced(last: int, many: int) -> tuple[int, ...]:
    """So many different steps from 1 to the last, about evenly spaced in the logarithm."""
    steps = [1]
    while len(steps) < many:
        ratio = (last / steps[-1]) ** (1 / (many - len(steps)))
        steps.append(max(steps[-1] + 1, round(steps[-1] * ratio)))
    return tuple(steps)


class Steps(Table):
    """A budget alone, where the rule of descent is given."""

    steps: PositiveInt = 20_000


class Evidence(Table):
    """Evidence of convergence: the scans of this share of the teachers, of at least two, trained
    again with `budgets` × steps; of one teacher of each setting with `slower` × steps at 1/`slower`
    of the rate; and of that teacher of one setting with `rates` × the rate and with `weights` × the
    variance of the first weights. `until`: the most times the steps, at such a part of the rate,
    that `lab run --until-converged` may give to an x."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.25
    budgets: Positives = (0.5, 2.0)
    slower: Factors = (2.0,)
    rates: Factors = (0.5, 2.0)
    weights: Factors = (0.5, 2.0)
    until: Annotated[float, Field(ge=1, le=64)] = 8.0

    def wrong(self) -> Iterator[str]:
        for name in ("budgets", "slower", "rates", "weights"):
            yield from said(partial(self._of_factors, name))
        for factor in self.slower:
            if factor < 1:
                yield f"slower: {factor:g} is faster; take a factor above 1, such as slower = [2.0]"
        if max(self.budgets) < 1.5:
            yield (
                f"budgets: {max(self.budgets):g} × the steps shows too little; give one of at "
                "least 1.5, such as budgets = [0.5, 2.0]"
            )

    def _of_factors(self, name: str) -> Iterator[str]:
        """Factors that change something, and are not too large."""
        for factor in getattr(self, name):
            if factor == 1.0:
                yield f"{name}: 1 repeats the scan itself; leave it out"
            elif not 1e-3 <= factor <= 1e3:
                yield f"{name}: {factor:g} is out of range; take a factor from 0.001 to 1000"
