"""A student: what every kind of it says of itself, in a study file and of a resolved one.

A kind is a table: its keys are its settings, their types are their ranges. `specs()` gives the
resolved students of its grid. Of a resolved one the kind knows N, its cost, where it fails, and
whether theory says that it leaves nothing on unlimited data; and who computes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from lab.canonical import Part
from lab.grids import PositiveInt, Setting, Table
from lab.kinds import Kinds
from lab.mistakes import StudyError
from lab.theory import Pieces

STUDENTS = Kinds("mlp")
"""Every kind of student by its name."""


@dataclass(frozen=True)
class StudentSpec(Part):
    """A resolved student, without its seed.

    `settings` are (name, value) of a kind that has settings of its own, sorted; what belongs to
    the `mlp` is then empty or zero (`of` below).
    """

    kind: str
    widths: tuple[int, ...]
    activation: str
    parametrisation: str
    weight: float
    bias: float
    inputs: str
    settings: tuple[tuple[str, Setting], ...] = ()

    __hash__ = Part.__hash__

    @classmethod
    def of(
        cls, kind: str, settings: Mapping[str, Setting], *, inputs: str = "standardised"
    ) -> StudentSpec:
        """A student of a kind that has settings of its own, with these resolved ones."""
        return cls(kind, (), "", "", 0.0, 0.0, inputs, tuple(sorted(settings.items())))

    @property
    def trained(self) -> bool:
        """True if descent trains it."""
        return STUDENTS[self.kind].trained

    def parameters(self, D_amb: int, outputs: int, D: int | None = None) -> int:
        """N: every trainable number, biases included; of some exact students one per sample."""
        at = (D_amb, outputs, D)
        if at not in self._counted:
            N = STUDENTS[self.kind].N(self, D_amb=D_amb, outputs=outputs, D=D or 0)
            self._counted[at] = N
        return self._counted[at]

    @cached_property
    def _counted(self) -> dict[tuple[int, int, int | None], int]:
        """N by D_amb, outputs and D: all runs of a student ask for it."""
        return {}

    def leading(self, D_amb: int, outputs: int) -> tuple[int, int]:
        """The terms of N of the highest order in the width, and that order."""
        return STUDENTS[self.kind].leading(self, D_amb=D_amb, outputs=outputs)


if TYPE_CHECKING:

    class StudyInterface(Protocol):
        """The study that a student stands in (`lab.regimes.regime.Regime`), as it is known here."""

        learner: ClassVar[str]
        scans_model_size: ClassVar[bool]
        resamples_data: ClassVar[bool]
        counts: ClassVar[tuple[str, str]]

        @property
        def regime(self) -> str: ...
        @property
        def seed(self) -> int: ...
        @property
        def task(self) -> Any: ...
        @property
        def student(self) -> Student: ...
        @property
        def law(self) -> str: ...
        @property
        def recipe(self) -> Any: ...
        @property
        def sizes(self) -> tuple[int | None, ...]: ...
        def tasks(self, teachers: int) -> Iterator[Any]: ...
        def students(self) -> Iterator[StudentSpec]: ...
        def x(self, run: Any) -> int: ...


def lacking(kind: type[Student], method: str, what: str) -> StudyError:
    """The mistake of a kind from outside that leaves out what every kind has to say."""
    return StudyError(
        [f"student.kind: {kind.model_fields['kind'].default} students do not say their {what}; "
         f"give {kind.__name__} the method `{method}`"]
    )  # fmt: skip


@runtime_checkable
class Target(Protocol):
    """Properties of a task for a kind of student: whether all points are at one distance from the
    origin, and whether the target is linear in the inputs."""

    @property
    def on_sphere(self) -> bool: ...
    @property
    def linear(self) -> bool: ...


@dataclass(frozen=True)
class Reference:
    """Losses without a free parameter beside those of a scan, relative to the constant student's.

    Attributes:
        at: N, or D where that is scanned, in the order of the study.
        value: loss at each; NaN where it is not known.
        error: relative error of `value`, an upper estimate.
        source: whose it is, a key of `lab.findings.expected.SOURCES`.
        optimum: whether no student of the scan can have a smaller loss.
        detail: name of the detail that has a run's own value, where every teacher has another;
            `value` then has the law alone.
    """

    at: tuple[float, ...]
    value: tuple[float, ...]
    error: float
    source: str
    optimum: bool = False
    detail: str = ""

    @property
    def slope(self) -> float | None:
        """α of the least-squares line through log value; None where a value is not known, or fewer
        than two are."""
        import numpy as np

        if len(self.at) < 2 or not np.isfinite(self.value).all():
            return None
        return -float(np.polyfit(np.log(self.at), np.log(self.value), 1)[0])

    def of(self, at: float, details: Mapping[str, float]) -> float | None:
        """The value of a run of this N or D; None where it is not known."""
        if self.detail:
            return details.get(self.detail)
        found = dict(zip(self.at, self.value, strict=True)).get(at)
        return found if found is not None and math.isfinite(found) else None


def scanned_with(study: StudyInterface, student: StudentSpec) -> list[StudentSpec]:
    """The students that a study scans beside this one, it included: those that differ in size."""
    kind = STUDENTS[student.kind]
    same = kind.same_but_size(student)
    return [other for other in study.students() if kind.same_but_size(other) == same]


class Student(Table):
    """Base of all student tables. `inputs` are divided by their root mean square, or raw; `seeds`
    are students that differ in what they draw themselves."""

    kind: str
    inputs: Literal["standardised", "raw"] = "standardised"
    seeds: PositiveInt = 2

    trained: ClassVar[bool] = False
    """True if descent trains it; an exact student is solved."""
    random: ClassVar[bool] = True
    """True if it draws something of its own, so that seeds tell its students apart."""
    parametric: ClassVar[bool] = True
    """True if the model is the same whatever the number of its data."""
    local: ClassVar[bool] = False
    """True if it looks at nearby points only, which have to be near."""
    fixed_metric: ClassVar[bool] = False
    """True if its metric is given beforehand; networks, and least squares on the coordinates, learn
    which coordinates matter. α on cubes of d = 2, without and with 4 distractors (simplices: 2):
    nearest neighbour 1.02 and .37, simplices 1.97 and .95, a Laplace kernel 1.76 and 1.00."""
    solvers: ClassVar[Mapping[str, str]] = {}
    """Solvers by `Run.learner`: "module:NAME" of a `lab.students.solvers.Solver`,
    which says what that costs too."""
    size_key: ClassVar[str | None] = None
    """The key that makes it larger, if there is one."""
    scanned: ClassVar[str] = "N"
    """The coordinate (`lab.spec.COORDINATES`) that counts its size in a scan."""
    best_of_seeds: ClassVar[bool] = False
    """True if its seeds are starts of one minimisation, of which a scan reads the lowest loss."""
    answers_unlimited: ClassVar[bool] = False
    """True if it is solved by the loss of the population, and needs no training set."""
    reference: ClassVar[str] = ""
    """Source of losses to compare a scan with: "module:function" of (study, task, student), which
    gives a `Reference`, or None where none is known."""
    timed: ClassVar[bool] = False
    """True if it is solved and yet known at every step of [training]."""
    risk: ClassVar[str] = ""
    """Source of the exact mean loss of a run, if known: "module:function" of it, see `load`."""
    risk_at: ClassVar[str] = ""
    """The same at steps, of a `timed` kind: "module:function" of a run and steps, an array."""

    def specs(self, *, inputs: str | None = None) -> Iterator[StudentSpec]:
        """The resolved students of the grid; `inputs`, where the task decides it."""
        raise NotImplementedError

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        """True if L∞ is 0 on noise-free targets, as its data grow, or (`sized`) it itself does."""
        raise NotImplementedError

    def refusals(self, spec: StudentSpec, *, D: int, D_amb: int) -> str | None:
        """Reason why it cannot learn from D points in D_amb coordinates, one sentence, or None."""
        return None

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        """Mistakes of this table together with the other tables, as `table.key: sentence`."""
        return iter(())

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        """Trainable numbers."""
        raise lacking(cls, "N", "number of parameters")

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        """Hidden units, or features; 0 where there are none."""
        return 0

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        """Operations of learning from D points, or in steps on so many samples."""
        raise NotImplementedError

    @classmethod
    def leading(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> tuple[int, int]:
        """The terms of N of the highest order in its size, and that order."""
        return cls.N(spec, D_amb=D_amb, outputs=outputs, D=0), 1

    @classmethod
    def pieces(cls, spec: StudentSpec) -> Pieces | None:
        """Its kind of pieces in the table of `lab.theory.exponents`; None where it has none."""
        return None

    @classmethod
    def same_but_size(cls, spec: StudentSpec) -> StudentSpec:
        """The student without what makes it larger."""
        raise NotImplementedError

    @classmethod
    def truths(cls, spec: StudentSpec, decays: Any, modes: int) -> Mapping[str, float]:
        """Values that an exact model knows of itself on a spectral task, by name of the quantity
        that is claimed; `exact` in the formula of a claim."""
        return {}

    @classmethod
    def noise_scales(cls, run: Any, step: float) -> tuple[float, float] | None:
        """B_simple and B_noise of the gradient at a step of a run (`lab.models.sgd`), of a kind
        that knows them."""
        return None

    @classmethod
    def symbols(cls, spec: StudentSpec) -> Mapping[str, float]:
        """Symbols that it adds to those of a prediction."""
        return {}


class Trained(Student):
    """A student that descends."""

    trained: ClassVar[bool] = True
    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.solvers:DESCENT"}

    @classmethod
    def network(cls) -> Any:
        """The module or object that computes it: `init(spec, D_amb, outputs, *, keys)` gives arrays
        by name, and `apply(spec, parameters, x)` answers, as in `lab.students.mlp`; with
        hidden layers that can be measured, `hidden(spec, parameters, x)` too. Imports JAX."""
        raise lacking(cls, "network", "network")

    @classmethod
    def layers(cls, spec: StudentSpec) -> int:
        """Number of hidden layers that can be measured (`[measure]`)."""
        return 0

    @classmethod
    def hidden_matrices(cls, spec: StudentSpec) -> frozenset[str]:
        """Names of the parameters that are weight matrices [out, in] before the output layer, which
        Muon makes orthogonal; of a kind that names none Muon is refused."""
        return frozenset()

    @classmethod
    def revives(cls, spec: StudentSpec) -> bool:
        """True if `network()` has `revived`, see `lab.students.mlp`, and units of it may die."""
        return False

    @classmethod
    def rescaled(cls, spec: StudentSpec, factor: float) -> StudentSpec | None:
        """The student whose first weights have `factor` times the variance; None where the kind
        cannot, and no check may vary them then."""
        return None

    @classmethod
    def matrices(cls, spec: StudentSpec, *, D_amb: int, outputs: int) -> list[tuple[int, int]]:
        """(columns, rows) of every weight matrix, the output layer last: what a step costs."""
        raise lacking(cls, "matrices", "costs")

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        """Hidden units: what a point takes of memory."""
        raise lacking(cls, "units", "memory")

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        """6 operations per weight and sample, forward and back, and 4 in the first layer, whose
        inputs need no gradient."""
        first, *rest = (m * n for m, n in cls.matrices(spec, D_amb=D_amb, outputs=outputs))
        return (4 * first + 6 * sum(rest)) * samples
