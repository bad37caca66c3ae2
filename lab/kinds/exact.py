"""Exact students: solved by linear algebra or by search, not by descent, in float64.

    kernel            regression with a covariance: kernel, ridge, and that covariance's own
    random-features   P random functions: count, features, weight, bias, length, ridge
    linear            least squares on the coordinates: ridge
    nearest           the mean of the k nearest targets: neighbours       (`local.py`)
    simplex           linear on Delaunay cells: domain                    (`local.py`)

Plain names and numbers, so that a study file is checked without any of the code that computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from lab.data.covariances import (
    COVARIANCES,
    SETTINGS,
    Covariances,
    of_covariance,
    resolved_covariance,
    universal,
)
from lab.grids import (
    Depth,
    Dims,
    Floats,
    Grid,
    PositiveFloat,
    PositiveInt,
    Positives,
    Setting,
    one_by_one,
    product,
)
from lab.kinds.kind import load
from lab.kinds.student import STUDENTS, Student, StudentSpec, Target, lacking
from lab.mistakes import unknown

Predictor = Callable[[Any], Any]
"""A trained student: points [m, D_amb] to predictions [m, out], both NumPy float64. Some know more
of themselves."""

MEMORY = 2 * 2**30
"""Bytes that the matrices of one kernel regression may take unless told: D ≤ 11 585."""
KERNEL = 60
"""Operations of one kernel entry besides the distance."""
TOGETHER = 2_000
"""Test points that a student answers at once."""


class Exact(Student):
    """A student that is solved.

    `solver` names who does it, "module:function" of (x, y, *, rng, and the settings), or a kind
    overrides `learn`. `unlimited` names the function of a run that knows its loss on unlimited
    data; most kinds have none.
    """

    seeds: PositiveInt = 1

    solvers: ClassVar[Mapping[str, str]] = {
        "": "lab.students.solvers:ALGEBRA",
        "data": "lab.students.solvers:ALGEBRA_EXCESS",
    }
    solver: ClassVar[str] = ""
    unlimited: ClassVar[str] = ""
    random: ClassVar[bool] = False

    def wrong(self) -> Iterator[str]:
        if self.seeds > 1 and not self.random:
            yield f"seeds: nothing is random about {self.kind} students; leave it out"
        for values in one_by_one(self, self._given()):
            try:
                self.resolved(values)
            except ValueError as error:
                yield str(error)

    def settings(self) -> Iterator[dict[str, Setting]]:
        """The settings of the grid, resolved."""
        for values in product(self, self._given()):
            yield self.resolved(values)

    def _given(self) -> list[str]:
        own = type(self).model_fields.keys() - Student.model_fields.keys()
        return sorted(own & self.model_fields_set)

    @classmethod
    def resolved(cls, given: Mapping[str, Setting]) -> dict[str, Setting]:
        """All settings, defaults filled in; what is None by default has none."""
        defaults = {
            name: field.default[0] if isinstance(field.default, tuple) else field.default
            for name, field in cls.model_fields.items()
            if name not in Student.model_fields and field.default is not None
        }
        return {**defaults, **given}

    def specs(self, *, inputs: str | None = None) -> Iterator[StudentSpec]:
        for settings in self.settings():
            yield StudentSpec.of(self.kind, settings, inputs=inputs or self.inputs)

    def mistakes(self, study: Any) -> Iterator[str]:
        if study.task.loss != "mse":
            yield f"task.loss: {self.kind} students minimise the squared error; take loss = \"mse\""
        if study.task.linear and study.task.endless and not self.timed:
            yield (
                f"task.manifold.modes: is missing, and {self.kind} students see every mode as a "
                "coordinate; give their number"
            )
        if study.task.linear and not self.linear:
            yield (
                "student.kind: a spectral task has linear students: kind = \"linear\", or "
                "\"random-features\" with features = \"gaussian\""
            )

    @property
    def linear(self) -> bool:
        """Whether its prediction is linear in the coordinates."""
        return False

    @classmethod
    def same_but_size(cls, spec: StudentSpec) -> StudentSpec:
        settings = {name: value for name, value in spec.settings if name != cls.sized}
        return StudentSpec.of(spec.kind, settings, inputs=spec.inputs)

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return D * outputs

    @classmethod
    def learn(cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any) -> Predictor:
        """The student trained on points x [D, D_amb] and targets y [D, out], NumPy float64."""
        return load(cls.solver)(x, y, rng=rng, **settings)

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        """Operations of learning from D points and answering `test` of them, to leading order."""
        raise lacking(cls, "flops", "costs")

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        return cls.flops(spec, D=D, D_amb=D_amb, test=0)

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        """Float64 numbers that it holds besides its points."""
        return 0.0


@STUDENTS.add
class Kernel(Exact):
    """Kernel regression with a covariance; nu, length, depth, weight, bias and readout are
    settings of the covariances that have them."""

    kind: Literal["kernel"] = "kernel"
    kernel: Covariances = ("relu-ntk",)
    ridge: Floats = (0.0,)
    nu: Positives | None = None
    length: Positives | None = None
    depth: Depth | None = None
    weight: PositiveFloat | None = None
    bias: Floats | None = None
    readout: PositiveFloat | None = None

    solver: ClassVar[str] = "lab.students.algebra.exact:kernel"
    risk: ClassVar[str] = "lab.students.algebra.risks:kernel"
    reference: ClassVar[str] = "lab.students.algebra.risks:slope"
    fixed: ClassVar[bool] = False
    rigid: ClassVar[bool] = True

    @classmethod
    def resolved(cls, given: Mapping[str, Setting]) -> dict[str, Setting]:
        plain = super().resolved({n: v for n, v in given.items() if n not in SETTINGS})
        kernel = str(plain["kernel"])
        own = {n: v for n, v in given.items() if n in SETTINGS}
        for name in own:
            if name not in COVARIANCES[kernel]:
                known = [*plain, *COVARIANCES[kernel]]
                raise ValueError(unknown(f"setting of {kernel} kernels", name, known))
        return {**plain, **resolved_covariance(kernel, own)}

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return all(
            universal(str(settings["kernel"]), settings, sphere=task.on_sphere)
            for settings in self.settings()
        )

    def refusals(self, spec: StudentSpec, *, D: int, D_amb: int) -> str | None:
        return kernel_refusal(D)

    @classmethod
    def symbols(cls, spec: StudentSpec) -> Mapping[str, float]:
        settings = dict(spec.settings)
        return {"student": of_covariance(str(settings["kernel"]), settings)}

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return (2 * D_amb + KERNEL) * D * (D + test) + D**3 / 3

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        return 2 * D**2 + TOGETHER * D


def kernel_refusal(points: int, *, memory: float = MEMORY) -> str | None:
    """Why a kernel regression does not fit into `memory` bytes: it holds two D × D matrices."""
    needed = 2 * 8 * points**2
    if needed <= memory:
        return None
    return (
        f"kernel regression on {points} points needs {needed / 2**30:.1f} GiB, the limit is "
        f"{memory / 2**30:.1f} GiB; train on {int((memory / 16) ** 0.5)} points or fewer"
    )


@STUDENTS.add
class RandomFeatures(Exact):
    """Ridge regression on P = `count` random functions of the inputs."""

    kind: Literal["random-features"] = "random-features"
    seeds: PositiveInt = 2
    count: Dims = (256,)
    features: Grid[Literal["relu", "fourier", "gaussian"]] = ("relu",)
    weight: PositiveFloat = 2.0
    bias: Floats = (0.0,)
    length: Positives = (1.0,)
    ridge: Floats = (0.0,)

    solver: ClassVar[str] = "lab.students.algebra.exact:random_features"
    risk: ClassVar[str] = "lab.students.algebra.risks:random_features"
    reference: ClassVar[str] = "lab.students.algebra.risks:slope"
    unlimited: ClassVar[str] = "lab.students.algebra.unlimited:random_features"
    random: ClassVar[bool] = True
    rigid: ClassVar[bool] = True
    sized: ClassVar[str | None] = "count"

    @property
    def linear(self) -> bool:
        return self.features == ("gaussian",)

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return task.linear and sized

    def mistakes(self, study: Any) -> Iterator[str]:
        yield from super().mistakes(study)
        if study.over_draws and not study.task.linear:
            yield from of_ridges(self)

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return int(dict(spec.settings)["count"]) * outputs

    @classmethod
    def hidden_units(cls, spec: StudentSpec) -> int:
        return int(dict(spec.settings)["count"])

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        P = int(dict(spec.settings)["count"])
        rows = D or D_amb  # on unlimited data, what P features of D_amb coordinates express
        return 2 * D_amb * P * (D + test) + 4 * max(rows, P) * min(rows, P) ** 2

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        P = int(dict(spec.settings)["count"])
        return P * (max(D, TOGETHER) + P)


@STUDENTS.add
class Linear(Exact):
    """Least squares on the coordinates."""

    kind: Literal["linear"] = "linear"
    ridge: Floats = (0.0,)

    solver: ClassVar[str] = "lab.students.algebra.linear:learn"
    risk: ClassVar[str] = "lab.students.algebra.risks:linear"
    reference: ClassVar[str] = "lab.students.algebra.risks:slope"
    unlimited: ClassVar[str] = "lab.students.algebra.unlimited:linear"

    @property
    def linear(self) -> bool:
        return True

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return task.linear

    def mistakes(self, study: Any) -> Iterator[str]:
        yield from super().mistakes(study)
        if study.over_draws and not study.task.linear:
            yield from of_ridges(self)

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return D_amb * outputs

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        # half of the symmetric Gram matrix
        return max(D_amb, D) * min(D_amb, D) ** 2 + 2 * D_amb * test


def of_ridges(student: RandomFeatures | Linear) -> Iterator[str]:
    """A ridge before draws from a population."""
    if any(student.ridge):
        yield (
            "student.ridge: a ridge is not divided by D, so that it is another one for the "
            "population than for D samples, and a limit over draws compares the two; take ridge = 0"
        )
