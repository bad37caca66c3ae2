"""The regime `descent`: test error that rises and falls again, over width, samples or epochs.

Training sets are fixed, their labels have noise (`task.noise`), and nothing stops a student from
learning that noise: the last step counts and no weight decays (Belkin et al., arXiv 1812.11118;
Nakkiran et al., arXiv 1912.02292). x is the size N of the student, D, or the steps S, or two of
them: a map, whose curve is over the first of its axes at the largest value of the second.

Of the mean log test loss over x the study asks for the largest rise, from a minimum to a peak, and
for the minimum after it. The threshold is measured too: where the error on the training set crosses
`scan.fitted`, relative to the constant student's. That is where the effective model complexity
equals D (Nakkiran et al., definition 1, ε = `fitted`): for least squares at N = D.

Students are least squares and random features, solved, whose exact risk a claim about the `curve`
compares; descent of least squares (`linear-descent`), exact at every step; and networks. What takes
the peak away may be studied too, by claims of `no-peak` alone: early stopping, weight decay, a
ridge, labels without noise.

No checks with other budgets: a peak moves with the steps, which are an axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from lab import theory
from lab.data.task import Data
from lab.data.user_data import AnyTask
from lab.grids import Grid, Setting, Table
from lab.kinds.student import STUDENTS, StudentSpec
from lab.regimes import axes
from lab.regimes.axes import Axis, Key
from lab.regimes.descending import Descending
from lab.regimes.quantity import CURVE, Quantity, known_risk
from lab.regimes.regime import REGIMES
from lab.spec import NO_TRAINING, STABLE, Run, TrainingSpec
from lab.tables.training import Training

AXES = {"width": axes.N, "samples": axes.DATA, "epochs": axes.STEPS}
FEWEST = 4
"""Values of x that can show a minimum, a peak and a minimum."""


class ScannedAxes(Table):
    """[scan]: what x is, or the two axes of a map, the first of them x; fitted: training error,
    relative to the constant student's, below which a training set counts as learned by heart."""

    axis: Grid[Literal["width", "samples", "epochs"]] = ("width",)
    fitted: Annotated[float, Field(gt=0, lt=1)] = 0.05

    def wrong(self) -> Iterator[str]:
        if len(self.axis) > 2:
            yield "axis: a map has two axes; take two of width, samples and epochs"


def _to_the_end(training: Any) -> Any:
    """Training sets are learned to the last step, where the file says nothing else."""
    return {"stopping": "last", **training} if isinstance(training, Mapping) else training


def _of_fixed(study: Any, task: AnyTask, student: StudentSpec, formula: Setting) -> float:
    """n: samples, of a scan over samples or steps with p: parameters of the student."""
    known = {"n": float(max(study.data.sizes))}
    if "width" not in study.scan.axis:
        known["p"] = float(student.parameters(task.D_amb, task.outputs))
    own = {name: value for name, value in task.symbols().items() if name != "p"}
    return theory.parse(formula).value({**own, **STUDENTS[student.kind].symbols(student), **known})


def _known_at_steps(study: Any) -> Iterator[str]:
    if not STUDENTS[study.student.kind].risk_at:
        yield from known_risk(study)
    elif study.scan.axis[0] != "epochs":
        yield "linear-descent students are known at their steps; take scan.axis = \"epochs\""


MORE_HURTS = Quantity(
    "more-hurts", "rise", "the test loss at the peak over that of the minimum before it",
    "lab.findings.descents:rise", default=1.0, senses=("bound",), tolerance=0.0,
)  # fmt: skip
SECOND = Quantity(
    "second-descent", "second descent",
    "the test loss of the minimum before the peak over that of the minimum after it",
    "lab.findings.descents:second", default=1.0, senses=("bound",), tolerance=0.0,
)  # fmt: skip
NO_PEAK = Quantity(
    "no-peak", "largest rise", "the largest rise of the test loss over x, a factor",
    "lab.findings.descents:none", key="", default="none", senses=("equal",), tolerance=0.05,
)  # fmt: skip
POSITION = Quantity(
    "peak", "position of the peak", "where on the axis of x the loss is largest",
    "lab.findings.descents:peak", senses=("equal",), tolerance=0.1, value=_of_fixed,
)  # fmt: skip
THRESHOLD = Quantity(
    "threshold", "peak over threshold",
    "the position of the peak over that where the training set is learned by heart",
    "lab.findings.descents:threshold", default=1.0, senses=("equal",), tolerance=0.3,
)  # fmt: skip
WHOLE_CURVE = replace(CURVE, answer="lab.findings.descents:curve", takes=_known_at_steps)


@REGIMES.add
class Descent(Descending):
    """Test error over width, samples or epochs."""

    regime: Literal["descent"] = "descent"
    scan: ScannedAxes = ScannedAxes()
    data: Data
    training: Annotated[Training, BeforeValidator(_to_the_end)] = Training(stopping="last")

    counts: ClassVar[tuple[str, str]] = ("test", "all")
    accepts_finite_data: ClassVar[bool] = True
    findings: ClassVar[tuple[str, ...]] = ("descent", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (
        MORE_HURTS, SECOND, NO_PEAK, POSITION, THRESHOLD, WHOLE_CURVE,
    )  # fmt: skip

    @property
    def scans_model_size(self) -> bool:  # type: ignore[override]
        return "width" in self.scan.axis

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(AXES[name] for name in self.scan.axis)

    @property
    def axis(self) -> Axis:
        return self.axes[0]

    @property
    def sizes(self) -> tuple[int | None, ...]:
        return self.data.sizes

    @cached_property
    def recipe(self) -> TrainingSpec:
        if not self.student.timed:
            return super().recipe
        checkpoints = self.training.resolved().checkpoints
        return replace(
            NO_TRAINING, stages=((self.training.steps, 1, 1.0),), checkpoints=checkpoints
        )

    @cached_property
    def checked(self) -> frozenset[int]:
        return frozenset()

    def runs(self) -> Iterator[Run]:
        """The runs of the grid; students that are solved are asked for their training error too."""
        solved = not self.student.trained and not self.student.timed
        for run in super().runs():
            yield replace(run, learner="descent") if solved else run

    def setting(self, run: Run) -> Key:
        """Settings that are on no axis."""
        task, student = run.task, run.student
        if self.scans_model_size:
            student = STUDENTS[student.kind].same_but_size(student)
        fixed = {
            **task.settings(),
            "student.widths": student.widths,
            "student.activation": student.activation,
            **{f"student.{name}": value for name, value in student.settings},
            "data.size": None if "samples" in self.scan.axis else run.size,
        }
        return (task.manifold, *fixed.items())

    @property
    def removed(self) -> bool:
        """True if all that is claimed is that there is no peak."""
        return all(asked.quantity == NO_PEAK.name for asked in self.predictions)

    def mistakes(self) -> Iterator[str]:
        student = self.student
        for mistake in super().mistakes():
            if not (student.timed and mistake.startswith("[training]:")):
                yield mistake
        if not student.trained and not student.timed and "descent" not in student.solvers:
            yield (
                f"student.kind: {student.kind} students do not tell their training error; take "
                "linear, random-features, linear-descent or mlp"
            )
        yield from self._of_axes()
        if self.task.count * self.repetitions < 2:
            yield (
                f"{self.task.counted}: one training set and one seed have no error; give two "
                "teachers or seeds, better ten"
            )
        if student.trained:
            yield from self._of_recipe()
        if "evidence" in self.model_fields_set:
            yield "[evidence]: a peak moves with the steps, which are an axis; leave it out"

    def _of_axes(self) -> Iterator[str]:
        student, scanned = self.student, self.scan.axis
        if "width" in scanned and not student.size_key:
            yield (
                f"scan.axis: {student.kind} students have one size; take \"samples\", or "
                "random-features with features = \"subset\""
            )
        elif "width" in scanned:
            sized = student.size_key or ""
            yield from _no_curve(f"student.{sized}", len(set(getattr(student, sized))))
        if "samples" in scanned:
            yield from _no_curve("data.sizes", len(self.data.sizes))
        if "epochs" in scanned:
            if not student.trained and not student.timed:
                yield (
                    f"scan.axis: {student.kind} students have no steps; take linear-descent or mlp"
                )
            else:
                recipe = self.recipe
                many = len({*recipe.checkpoints, recipe.last})
                yield from _no_curve("training.checkpoints", many)

    def _of_recipe(self) -> Iterator[str]:
        """A recipe that keeps networks from learning the noise, unless that is the question."""
        recipe = self.training
        if "epochs" in self.scan.axis and recipe.schedule not in STABLE:
            yield (
                f"training.schedule: a loss at step s of a {recipe.schedule} schedule is none of a "
                "training that ends there; take schedule = \"constant\""
            )
        if self.removed:
            return
        if not self.task.noisy:
            yield (
                "task.noise: is 0, and networks that learn labels without noise by heart show no "
                "peak; give noise = 0.5, or claim quantity = \"no-peak\""
            )
        if recipe.stopping != "last":
            yield (
                "training.stopping: \"best\" ends before the noise is learned; take \"last\", or "
                "claim quantity = \"no-peak\" alone"
            )
        if recipe.weight_decay:
            yield (
                "training.weight_decay: keeps the noise from being learned; leave it out, or claim "
                "quantity = \"no-peak\" alone"
            )


def _no_curve(field: str, many: int) -> Iterator[str]:
    if many < FEWEST:
        yield (
            f"{field}: {many} value{'s' * (many != 1)} of x cannot show a minimum, a peak and a "
            f"minimum; give {FEWEST} or more, better twelve, on both sides of the threshold"
        )
