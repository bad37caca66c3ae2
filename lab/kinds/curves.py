"""Exact students that are known at every step: their curves L(N, t) need no training and no data.

    truncation   the first N of infinitely many modes by gradient flow     (`lab.models.Truncation`)
    plrf         one-pass SGD on N power-law random features               (`lab.models.PLRF`)

The task is spectral, power i^−a in modes of variance i^−b, which are α = b/2 and β = (a − b)/2 of
power-law random features. A step is a unit of time, and C = N t. Every size is a run of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lab.grids import Dims, PositiveFloat
from lab.kinds.exact import Exact
from lab.kinds.student import STUDENTS, StudentSpec, Target

if TYPE_CHECKING:
    from lab.models import PLRF, Truncation


class Curves(Exact):
    """An exact model of `sizes` N."""

    sizes: Dims

    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.algebra.curves:SOLVER"}
    timed: ClassVar[bool] = True
    sized: ClassVar[str | None] = "sizes"

    @property
    def linear(self) -> bool:
        return True

    def vanishes(self, task: Target, *, sized: bool) -> bool:
        return sized

    def mistakes(self, study: Any) -> Iterator[str]:
        yield from super().mistakes(study)
        task = study.task
        if not task.linear or task.noisy:
            yield (
                f"task.manifold: {self.kind} students know the curves of spectral tasks without "
                "noise; take manifold = { kind = \"spectral\", a = 1.5, b = 1.5 }"
            )
            return
        if study.counts[1] != "all":
            yield (
                f"student.kind: {self.kind} students are curves over steps, and {study.regime} "
                "reads last losses; take regime = \"compute-frontier\" or \"learning-curve\""
            )
        yield from self.of_decays(study)

    def of_decays(self, study: Any) -> Iterator[str]:
        """Decays and modes for which the model is not known."""
        if any(a <= 1 or b <= 0 for a, b in study.task.manifold.decays()):
            yield "task.manifold.a: losses need a > 1 and b > 0 to be finite; take larger ones"

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return int(dict(spec.settings)["sizes"])

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        return cls.N(spec, D_amb=D_amb, outputs=outputs, D=D) * samples

    @classmethod
    def model(cls, spec: StudentSpec, decays: tuple[float, float], modes: int, seed: int) -> Any:
        """The truth object of a student."""
        raise NotImplementedError


@STUDENTS.add
class TruncationStudent(Curves):
    """Gradient flow of the first N of infinitely many modes."""

    kind: Literal["truncation"] = "truncation"

    def of_decays(self, study: Any) -> Iterator[str]:
        yield from super().of_decays(study)
        if study.task.manifold.modes is not None:
            yield (
                "task.manifold.modes: truncation students have infinitely many modes; leave it out"
            )

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return 1e4

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        return 1e6

    @classmethod
    def model(
        cls, spec: StudentSpec, decays: tuple[float, float], modes: int, seed: int
    ) -> Truncation:
        from lab.models import Truncation

        return Truncation(*decays)

    @classmethod
    def truths(cls, spec: StudentSpec, decays: tuple[float, float], modes: int) -> dict[str, float]:
        model = cls.model(spec, decays, modes, 0)
        return {
            "xi": model.xi, "eta": model.eta, "excess": model.excess,
            "alpha_N": model.size_exponent, "alpha_S": model.time_exponent,
        }  # fmt: skip


@STUDENTS.add
class PLRFStudent(Curves):
    """Mean of one-pass SGD on N random features of all modes; `rate` is γ tr K. Teachers, seeds and
    sizes draw features of their own."""

    kind: Literal["plrf"] = "plrf"
    rate: PositiveFloat = 0.5

    random: ClassVar[bool] = True

    def of_decays(self, study: Any) -> Iterator[str]:
        yield from super().of_decays(study)
        modes = study.task.manifold.modes
        if modes is None:
            yield "task.manifold.modes: plrf students draw features of so many modes; give them"
        elif max(self.sizes) > modes:
            yield (
                f"student.sizes: {max(self.sizes)} features of {modes} modes; take at most that "
                "many, or ten times the modes"
            )

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        N = int(dict(spec.settings)["sizes"])
        return 4 * D_amb * N**2 + 60 * N**3

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        return 10 * float(dict(spec.settings)["sizes"]) ** 2

    @classmethod
    def model(cls, spec: StudentSpec, decays: tuple[float, float], modes: int, seed: int) -> PLRF:
        from lab.models import PLRF

        (a, b), own = decays, dict(spec.settings)
        return PLRF(b / 2, (a - b) / 2, int(own["sizes"]), modes, float(own["rate"]), seed)

    @classmethod
    def truths(cls, spec: StudentSpec, decays: tuple[float, float], modes: int) -> dict[str, float]:
        model = cls.model(spec, decays, modes, 0)
        return {"xi": model.xi, "eta": model.eta}
