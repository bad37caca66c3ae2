"""Regimes whose students descend for a number of steps, and what shows that these were enough.

    budget    scans of a share of the teachers, of at least two, with other budgets
    slower    the scan of the first of these teachers with more steps at a lower rate: either alone
              may change nothing where both together do
    rate,     this teacher's scan at the middle setting of the grid, at other rates and from other
    weights   first weights

Checks repeat whole scans, so that they tell the change in α as well as in loss, with all seeds of a
teacher: they then train in the programs that are compiled already. Which teachers are checked is
drawn by hash of the study's seed, so that a longer grid never changes which were drawn before.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

from lab.data.user_data import AnyTask, UserData
from lab.grids import said
from lab.kinds.optimisers import OPTIMISERS, whole
from lab.kinds.student import STUDENTS
from lab.regimes.axes import Cell
from lab.regimes.regime import Regime
from lab.spec import NO_TRAINING, MeasureSpec, Planned, Run, TrainingSpec
from lab.students.dimensions import Measure
from lab.tables.training import Evidence, Training


class Descending(Regime):
    """A regime with [training] and [evidence]; exact students may take part and leave both out."""

    training: Training = Training()
    evidence: Evidence = Evidence()
    measure: Measure = Measure()

    findings: ClassVar[tuple[str, ...]] = (
        "exponents", "calibrated", "lines", "dimensions", "contrasts", "expected", "records"
    )  # fmt: skip

    @property
    def measured(self) -> MeasureSpec | None:
        return self.measure.resolved()

    @cached_property
    def recipe(self) -> TrainingSpec:
        return self.fitting.resolved() if self.student.trained else NO_TRAINING

    @property
    def fitting(self) -> Training:
        """The recipe for these sizes; of given data with a batch of at most the smallest training
        set, where the file chooses none."""
        smallest = min((D for D in self.sizes if D), default=0)
        own = isinstance(self.task, UserData) and "batch" not in self.training.model_fields_set
        if own and 0 < smallest < self.training.batch:
            return self.training.model_copy(update={"batch": smallest})
        return self.training.for_size(self._most) if self.training.by_size else self.training

    @property
    def _most(self) -> int:
        """Parameters of the largest student of the grid."""
        return max(
            student.parameters(task.D_amb, task.outputs)
            for task in self.tasks(1) for student in self.students()
        )  # fmt: skip

    @cached_property
    def checked(self) -> frozenset[int]:
        if self.evidence.share == 0 or not self.trained:
            return frozenset()
        teachers = self.drawn()
        return frozenset(teachers[: max(2, math.floor(self.evidence.share * len(teachers) + 0.5))])

    @property
    def budgets(self) -> tuple[float, ...]:
        return self.evidence.budgets

    @property
    def most(self) -> float:
        return self.evidence.until

    def drawn(self) -> list[int]:
        """The indices k of the teachers in the order in which they are checked."""

        def key(k: int) -> str:
            return hashlib.sha256(f"{self.seed}:{k}".encode()).hexdigest()

        return sorted(range(self.task.count), key=key)

    @cached_property
    def first(self) -> int | None:
        """The teacher whose scans are repeated by slower descent."""
        return self.drawn()[0] if self.checked else None

    @cached_property
    def varied(self) -> AnyTask | None:
        """The task whose scan is repeated at other rates and from other first weights."""
        tasks = [t for t in self.tasks(self.task.count) if t.teacher == self.first]
        return tasks[len(tasks) // 2] if tasks else None

    def checks(self, run: Run) -> Iterator[Cell]:
        evidence, student = self.evidence, run.student
        if run.task.teacher in self.checked:
            for factor in self.budgets:
                scaled = run.with_recipe(run.training.scaled(factor))
                yield self.cell(Planned(scaled, "budget", factor), run)
        if run.task.teacher == self.first:
            for factor in evidence.slower:
                slowed = run.with_recipe(run.training.slowed(factor))
                yield self.cell(Planned(slowed, "slower", factor), run)
        if run.task == self.varied:
            for factor in evidence.rates:
                other = replace(run, training=run.training.at_rate(factor))
                yield self.cell(Planned(other, "rate", factor), run)
            for factor in evidence.weights:
                first = STUDENTS[student.kind].rescaled(student, factor)
                if first is not None:
                    yield self.cell(Planned(replace(run, student=first), "weights", factor), run)

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        if not self.student.trained:
            for table in sorted({"training", "evidence", "measure"} & self.model_fields_set):
                yield (
                    f"[{table}]: {self.student.kind} students are exact, no descent trains them; "
                    "leave it out"
                )
        else:
            yield from said(self._of_kind)
            yield from said(self._of_problem)
            if self.measure.dimension:
                yield from self.measure.mistaken(self.tasks(1), self.students())
            sizes = [D for D in self.sizes if D]
            if sizes:
                yield from self.fitting.on_sets(sizes)
            elif self.training.pool:
                noise = any(task.noise for task in self.tasks(1))
                yield from self.training.on_pool(self._most, noise=noise)

    def _of_problem(self) -> Iterator[str]:
        return self.training.on_problem(self.tasks(1), [*self.students()])

    def _of_kind(self) -> Iterator[str]:
        """Properties that the recipe or a check needs and the kind of student does not define."""
        kind, students = STUDENTS[self.student.kind], [*self.students()]
        first, by_matrix = self.training.optimiser, OPTIMISERS[self.training.optimiser]
        hidden = not whole(first) and by_matrix.hidden
        if hidden and not all(map(kind.hidden_matrices, students)):
            yield (
                f"training.optimiser: {first} moves hidden weight matrices in its own way, and a "
                f"{self.student.kind} student names none; take preset = \"adam\", or give its kind "
                "`hidden_matrices`"
            )
        if self.training.revive and not all(map(kind.revives, students)):
            yield (
                f"training.revive: these {self.student.kind} students have no units that die, or "
                "none that could be drawn anew; leave it out"
            )
        varied = self.evidence.weights if self.checked else ()
        if any(kind.rescaled(student, factor) is None for factor in varied for student in students):
            yield (
                f"evidence.weights: a {self.student.kind} student does not say how its first "
                "weights are scaled, so that no check can vary them; take weights = [], or give "
                "its kind `rescaled`"
            )
