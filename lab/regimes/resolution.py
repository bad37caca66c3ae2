"""Resolution-limited regimes: the number of samples, or the size of the student, is scanned.

resolution-data: L(D) ∝ D^−α, α ≥ 4/d for networks, as samples resolve the manifold to D^(−1/d)
(Sharma & Kaplan, arXiv 2004.10802; Bahri et al., arXiv 2102.06701). Networks have a loss left on
unlimited data, which the study trains (role `limit`): what falls is the excess over it. Training
points may be chosen by rules (`lab.data.selection`); losses are of points that were not.

resolution-width: L(N) ∝ N^−α, α ≥ 4/d, on unlimited fresh data: a student of N pieces resolves the
manifold to N^(−1/d), and a loss quadratic in the error of piecewise linear pieces falls with the
fourth power of that (Sharma & Kaplan, arXiv 2004.10802).
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from lab import theory
from lab.data.selection import INDEPENDENT
from lab.data.task import SelectedData, TaskSpec
from lab.data.user_data import AnyTask
from lab.grids import Table, said
from lab.kinds.student import STUDENTS
from lab.regimes import axes
from lab.regimes.axes import Axis, Cell, Key, Ordinate, Values
from lab.regimes.cross_checks import too_few
from lab.regimes.descending import Descending
from lab.regimes.regime import REGIMES, Regime, Rows
from lab.spec import Planned, Run, StudentSpec

MOST_ASKED = 16
"""Networks that are asked together, as many as share a program (`lab.execution.plan`)."""
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


class OverData(Descending):
    """A scan over the number of training samples, under one or several selections of them."""

    data: SelectedData

    accepts_finite_data: ClassVar[bool] = True

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return self.data.sizes

    def tasks(self, teachers: int) -> Iterator[AnyTask]:
        """The tasks of the grid, each under every selection of its training points."""
        for task in super().tasks(teachers):
            for chosen in self.data.selections():
                if chosen and chosen.asks and self.student.trained:
                    seeds, first = self.repetitions, min(self.data.sizes)
                    chosen = replace(chosen, committee=seeds, first=first)
                yield replace(task, selection=chosen) if chosen else task

    def runs(self) -> Iterator[Run]:
        """Every size is a round where networks are asked."""
        for run in super().runs():
            chosen = run.task.selection
            if chosen and chosen.between_runs and run.size:
                run = replace(run, round=sorted(self.data.sizes).index(run.size))
            yield run

    def denser(self, level: float) -> Regime | None:
        """None where sizes are rounds: others would be other training sets."""
        rounds = self.student.trained and self.data.asking
        return None if rounds else super().denser(level)

    def setting(self, run: Run) -> Key:
        """The setting, with the rule that chooses training points, where there is one."""
        found = super().setting(run)
        if not self.data.chosen:
            return found
        chosen = run.task.selection
        own: dict[str, float | str] = {"data.selection": chosen.rule if chosen else "random"}
        if len(self.data.keep or ()) > 1:
            own["data.keep"] = chosen.keep if chosen else 1.0
        return (*found, *own.items())

    def resolved(self, task: AnyTask, student: StudentSpec) -> theory.Resolved:
        """For selected points: the same on targets that are rough everywhere, and on those that are
        rough in one place that of pieces which students make small there."""
        chosen = task.selection
        if chosen is None or chosen.rule in INDEPENDENT:
            return super().resolved(task, student)
        if chosen.rule == "easy" or chosen.by == "teacher":
            raise theory.PredictionError(
                f"no exponent is known for {chosen.rule} points that the {chosen.by} names; "
                "predict a number"
            )
        localised = isinstance(task, TaskSpec) and task.localised
        pieces = STUDENTS[student.kind].pieces(student)
        if not localised or pieces is None:
            return super().resolved(task, student)
        assert isinstance(task, TaskSpec) and task.smoothness is not None
        return theory.selected(pieces, d=float(task.dim), s=task.smoothness)

    @property
    def measures_limit(self) -> bool:
        """True if L∞ is the loss of the same networks on unlimited data."""
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
            drawn = replace(run, task=replace(task, selection=None)) if task.selection else run
            yield self.cell(Planned(drawn, "limit", factor), run)

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
        if self.data.chosen:
            yield from said(self._of_selection)

    def _of_selection(self) -> Iterator[str]:
        """Mistakes of a selection with these students, targets and data."""
        asking, student, task = self.data.asking, self.student, self.task
        if asking and student.trained:
            yield from self._of_networks()
        elif asking and student.answers_unlimited:
            yield f"data.selection: {student.kind} students learn from no points; leave it out"
        if "p-greedy" in self.data.chosen and (student.kind != "kernel" or student.inputs != "raw"):
            yield (
                "data.selection: p-greedy points are chosen by the kernel of the student, in the "
                "coordinates as they are; take student.kind = \"kernel\" with inputs = \"raw\", or "
                "\"farthest\""
            )
        if self.data.by == "teacher" and task.teacher_kind != "threshold":
            yield (
                f"data.by: a {task.teacher_kind} target has no margin; take a teacher of kind "
                "\"threshold\", or let students be asked"
            )
        if task.linear:
            yield "data.selection: points of a spectral task are not selected; leave it out"
        most = max(s.candidates(max(self.data.sizes)) for s in self.data.selections() if s)
        room = task.n_available
        if room is not None and most > room:
            yield (
                f"data.pool: {most} candidates are more than the {room} points that there are; "
                f"take a pool of at most {room}"
            )
        fixed = set(self.data.chosen) <= set(INDEPENDENT)
        if task.teacher_kind == "field" and not fixed:
            yield from task.mistakes([most])

    def _of_networks(self) -> Iterator[str]:
        """Mistakes of networks that are asked between rounds, of which each is a size."""
        data, seeds = self.data, self.repetitions
        chosen = next(s for task in self.tasks(1) if (s := task.selection) and s.between_runs)
        if "first" in data.model_fields_set:
            yield "data.first: networks begin with the smallest of data.sizes; leave it out"
        if chosen.schedule != tuple(sorted(data.sizes)):
            wanted = ", ".join(map(str, chosen.schedule))
            yield (
                f"data.sizes: the training sets of networks are rounds, {chosen.rounds} after "
                f"the first, that grow by one ratio; take sizes = [{wanted}], or other rounds"
            )
        if "uncertain" in data.asking and seeds < 2:
            yield (
                "student.seeds: uncertain points are those on which networks of other seeds "
                "disagree; take seeds = 4, or \"hard\" points"
            )
        if seeds > MOST_ASKED:
            yield (
                f"student.seeds: {seeds} are too many to be asked together; take at most "
                f"{MOST_ASKED}"
            )


@REGIMES.add
class ResolutionData(OverData):
    """Loss against the number of training samples."""

    regime: Literal["resolution-data"] = "resolution-data"


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
