"""How a student learns, as a study file says it: optimiser, schedule, budget, and presets.

`Training.resolved()` is the recipe of a run, `lab.spec.TrainingSpec`, in which nothing is left of
the preset's name: two files that mean the same recipe share their runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lab.grids import (
    MOST,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Table,
    Whole,
    as_tuple,
    said,
)
from lab.mistakes import unknown
from lab.spec import TrainingSpec


class Stage(Table):
    """One stage of a step schedule; the optimiser's moments carry over."""

    steps: PositiveInt
    batch: PositiveInt
    rate: PositiveFloat


Stages = Annotated[tuple[Stage, ...], BeforeValidator(as_tuple), Field(min_length=1)]

RULES: Mapping[str, Mapping[str, float]] = {
    "muon": {"rate": 0.01, "beta1": 0.95, "beta2": 0.999},
    "adam": {"rate": 0.01, "beta1": 0.9, "beta2": 0.99},
    "adamw": {"rate": 0.01, "beta1": 0.9, "beta2": 0.99},
    "sgd": {"rate": 0.1, "beta1": 0.9, "beta2": 0.999},
    "lbfgs": {"rate": 1.0, "beta1": 0.9, "beta2": 0.999},
}
"""What rate and momenta an optimiser takes unless the file says otherwise."""

PER_PARAMETER = 100
"""Points of a pool per parameter, at least: its own accidents are then 1 % of the loss."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {"optimiser": "muon"},
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
"""Recipes of training; a key that the file sets itself wins over its preset."""


class Training(Table):
    """How a student learns: optimiser, schedule, budget."""

    preset: str = "default"
    optimiser: Literal["muon", "adam", "adamw", "sgd", "lbfgs"] = "muon"
    rate: PositiveFloat = Field(default=RULES["muon"]["rate"], description="default by optimiser")
    beta1: Annotated[float, Field(ge=0, lt=1)] = RULES["muon"]["beta1"]
    beta2: Annotated[float, Field(gt=0, lt=1)] = RULES["muon"]["beta2"]
    weight_decay: NonNegativeFloat = 0.0
    steps: PositiveInt = 20_000
    batch: PositiveInt = 128
    schedule: Literal["constant", "cosine", "linear", "step"] = "linear"
    warmup: Annotated[float, Field(ge=0, lt=1, description="fraction of the steps")] = 0.0
    stages: Stages | None = None
    polish: Annotated[
        Whole, Field(ge=0, le=MOST, description="L-BFGS steps on one large batch")
    ] = 0
    polish_batch: PositiveInt = 8192
    precision: Literal["float32", "float64"] = "float32"
    pool: Annotated[
        Whole,
        Field(ge=0, le=2**22, description="points labelled once and visited at random instead of "
              "fresh ones; 0: fresh"),
    ] = 0  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        # what is no name is refused where it stands
        preset = values.get("preset", "default")
        named = PRESETS.get(preset, {}) if isinstance(preset, str) else {}
        optimiser = values.get("optimiser", named.get("optimiser", "muon"))
        rule = RULES.get(optimiser, {}) if isinstance(optimiser, str) else {}
        return {**rule, **named, **values}

    def wrong(self) -> Iterator[str]:
        for rule in (self._of_preset, self._of_stages):
            yield from said(rule)

    def _of_preset(self) -> Iterator[str]:
        if self.preset not in PRESETS:
            yield f"preset: {unknown('preset', self.preset, PRESETS)}"

    def _of_stages(self) -> Iterator[str]:
        if (self.schedule == "step") != (self.stages is not None):
            yield "schedule = \"step\" and 'stages = [{steps, batch, rate}, …]' belong together"

    def resolved(self) -> TrainingSpec:
        """The recipe of a run. L-BFGS is all polish: its batch is drawn once."""
        stages: tuple[tuple[int, int, float], ...] = ((self.steps, self.batch, self.rate),)
        if self.stages is not None:
            stages = tuple((s.steps, s.batch, s.rate) for s in self.stages)
        polish, polish_batch = self.polish, self.polish_batch
        if self.optimiser == "lbfgs":
            stages, polish, polish_batch = (), self.steps, self.batch
        return TrainingSpec(
            self.optimiser, self.beta1, self.beta2, self.weight_decay, stages, self.schedule,
            self.warmup, polish, polish_batch, self.precision, self.pool,
        )  # fmt: skip

    def on_pool(self, most: int, *, noise: bool) -> Iterator[str]:
        """What is wrong with a pool for students of at most so many parameters.

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

    def on_sets(self, sizes: Sequence[int]) -> Iterator[str]:
        """What is wrong with this recipe for training sets of these sizes D."""
        if self.optimiser == "lbfgs" or self.polish:
            yield (
                "training.optimiser: L-BFGS needs fresh data without limit, where it "
                "cannot fit the training set by heart"
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


class Steps(Table):
    """A budget alone, where the rule of descent is given."""

    steps: PositiveInt = 20_000
