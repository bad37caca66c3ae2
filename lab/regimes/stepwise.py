"""Regimes that read whole curves: losses L(N, S) at the checkpoints of every run.

A loss at step s of a run is L(N, s) only if the run does not know when it will end: at a constant
rate, or by stages. One of a schedule that falls to 0 later has not been annealed at s, and is
refused. With `curve.decay` a run branches off at each checkpoint, falls to rate 0 in that share of
the steps before, and counts by its last loss.

Curves are of unlimited fresh data, or of an exact model that is known at every step; of the latter
[training] says the steps alone. There are no checks by other budgets: the curve has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

from lab.regimes.coherence import too_few
from lab.regimes.descending import Descending
from lab.spec import NO_TRAINING, STABLE, Run, TrainingSpec
from lab.tables.scan import Branching
from lab.tables.training import Training

FEWEST = 6
"""Checkpoints that make a curve, as `lab.scaling.frontier.STEPS`."""


class Stepwise(Descending):
    """Losses over steps, size by size."""

    curve: Branching = Branching()

    counts: ClassVar[tuple[str, str]] = ("test", "all")
    of_size: ClassVar[bool] = True

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
            plain = Training(steps=own.steps, checkpoints=own.checkpoints)
            for name in type(own).model_fields:
                if getattr(own, name) != getattr(plain, name):
                    yield (
                        f"training.{name}: {student.kind} students are known exactly, and "
                        "[training] says their steps and checkpoints alone; leave it out"
                    )
        elif not student.trained:
            yield (
                f"student.kind: {student.kind} students have no curve over steps; take networks, "
                "truncation or plrf"
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
        if student.sized:
            yield from too_few(f"student.{student.sized}", getattr(student, student.sized))
