"""The regime `specialisation`: student units that take on a teacher unit each.

Soft committees of M units teach committees of K, exact or by SGD, or networks of one hidden layer
whose second layer is trained too. At first all student units learn the same, a plateau of the loss;
then each turns to a teacher unit (Saad & Solla 1995). x is K, `student.units` or `student.widths`;
the inputs N are those of the manifold, a setting. Of a run `lab.students.units` keeps the overlaps
of matched units, and the escape time, in which a half of the specialisation is reached: steps/N of
committees, steps of networks.

    growth   the slope of the escape time over ln N, over 1/2λ; λ of `lab.models.Committee.escape`
    escape   the escape time of SGD over that of N → ∞ from the same first weights
    matched  share of the min(K, M) pairs of units that end with an overlap of .9 or more
    floor    the loss at the end over what theory knows: of committees with noise, K ≥ M, the floor
             of that noise (Goldt et al., arXiv 1906.08632); of networks with K < M, the least loss
             that is known, K − 1 units copied and the others averaged (Şimşek et al. 2311.01644)
    gain     the loss at the end of K = M over that of the largest K
    sooner   the escape time of K = M over that of the largest K

A run that does not specialise in its time has no escape time, and a claim about one is undecided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from lab.grids import said
from lab.regimes import axes
from lab.regimes.axes import Axis
from lab.regimes.descending import Descending
from lab.regimes.quantity import Quantity
from lab.regimes.regime import REGIMES
from lab.students.committee import CommitteeStudent
from lab.students.mlp import Mlp
from lab.tables.prediction import ClaimTable, ClaimTables


def _of_inputs(study: Any) -> Iterator[str]:
    if not isinstance(study.student, CommitteeStudent):
        yield "theory has no plateau of networks whose second layer learns too; take committees"
    elif len(study.task.dims) < 2:
        yield f"growth is over several N; give manifold.dim = {[100, 400, 1600]}"
    elif min(study.student.units) < 2:
        yield "one unit has no plateau; take student.units of 2 and more"


def _of_sgd(study: Any) -> Iterator[str]:
    if not isinstance(study.student, CommitteeStudent) or "ode" in study.student.by:
        yield "the exact escape time is that of committees by SGD; take by = \"sgd\""


def _of_floor(study: Any) -> Iterator[str]:
    committee = isinstance(study.student, CommitteeStudent)
    if committee and not all(study.task.noise):
        yield "task.noise is 0, and without noise committees have no floor; give noise = 0.3"
    elif committee and min(units_of(study)) < max(study.task.teacher.units):
        yield "the floor is that of noise, and K < M ends above it; take student.units ≥ M"
    elif not committee and (
        study.task.noisy or max(units_of(study)) >= min(study.task.teacher.units)
    ):
        yield (
            "of networks the least loss that is known is that of K < M without noise; take such "
            "widths, and noise = 0"
        )


def _of_more(study: Any) -> Iterator[str]:
    units, teacher = units_of(study), study.task.teacher.units
    if len(teacher) > 1 or teacher[0] not in units or max(units) <= teacher[0]:
        yield (
            "more units are compared with as many as the teacher's; give one teacher.units, M, and "
            "K = M and a larger K"
        )


GROWTH = Quantity(
    "growth", "growth of the plateau", "the slope of the escape time over ln N, over theory's",
    "lab.findings.specialisations:growth", default=1.0, senses=("equal",), tolerance=0.2,
    takes=_of_inputs,
)  # fmt: skip
ESCAPE = Quantity(
    "escape", "escape time", "the mean escape time over the exact one of the same start",
    "lab.findings.specialisations:escape", default=1.0, senses=("equal",), tolerance=0.15,
    takes=_of_sgd,
)  # fmt: skip
MATCHED = Quantity(
    "matched", "matched units", "the share of matched units that have learned their teacher unit",
    "lab.findings.specialisations:matched", default=0.9, senses=("bound",), tolerance=0.0,
)  # fmt: skip
FLOOR = Quantity(
    "floor", "loss at the end", "the mean loss at the end over theory's, where it is farthest",
    "lab.findings.specialisations:floor", default=1.0, senses=("equal",), tolerance=0.1,
    takes=_of_floor,
)  # fmt: skip
GAIN = Quantity(
    "gain", "gain of units", "the loss at the end of K = M over that of the largest K",
    "lab.findings.specialisations:gain", default=1.0, takes=_of_more,
)  # fmt: skip
SOONER = Quantity(
    "sooner", "gain of time", "the escape time of K = M over that of the largest K",
    "lab.findings.specialisations:sooner", default=1.0, takes=_of_more,
)  # fmt: skip


def units_of(study: Any) -> tuple[int, ...]:
    """The K of a study."""
    sizes = getattr(study.student, study.student.size_key)
    return tuple(size if isinstance(size, int) else sum(size) for size in sizes)


@REGIMES.add
class Specialisation(Descending):
    """Overlaps of student units with teacher units along training."""

    regime: Literal["specialisation"] = "specialisation"
    predictions: ClaimTables = (ClaimTable(quantity="matched"),)

    learner: ClassVar[str] = "units"
    scans_model_size: ClassVar[bool] = True
    findings: ClassVar[tuple[str, ...]] = ("specialisation", "records")
    quantities: ClassVar[tuple[Quantity, ...]] = (MATCHED, GROWTH, ESCAPE, FLOOR, GAIN, SOONER)

    @property
    def axis(self) -> Axis:
        return axes.STUDENT_UNITS

    def mistakes(self) -> Iterator[str]:
        if self.task.teacher_kind != "committee":
            yield (
                "task.teacher: units are matched with those of a committee; take teacher = { kind "
                "= \"committee\", units = 2 }, and manifold = { kind = \"gaussian\", dim = 100 }"
            )
            return
        if not isinstance(self.student, Mlp | CommitteeStudent):
            yield (
                f"student.kind: {self.student.kind} students have no units that specialise; take "
                "kind = \"committee\", or \"mlp\" with depth = 1"
            )
            return
        yield from super().mistakes()
        yield from said(self._of_units)

    def _of_units(self) -> Iterator[str]:
        """Layers and units that are not matched, and runs without an error."""
        if isinstance(self.student, Mlp):
            if any(len(student.widths) != 1 for student in self.students()):
                yield "student.depth: units of one hidden layer are matched; take depth = 1"
            if len(self.recipe.checkpoints) < 4:
                yield (
                    "training.checkpoints: overlaps are taken there; give some, as checkpoints = "
                    "\"log:24\""
                )
        task: Any = self.task
        if task.embedding.kind != "identity":
            yield "task.embedding: overlaps are of the inputs themselves; leave it out"
        if min(task.teacher.units) < 2:
            yield "task.teacher.units: one unit has no other to be told from; take 2 or more"
        if self.task.count * self.repetitions < 2:
            yield ("student.seeds: one run has no error; give two seeds or teachers, better ten")
        if "evidence" in self.model_fields_set:
            yield "[evidence]: times are what is asked for; leave it out"
