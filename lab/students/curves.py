"""Students that are models whose learning curves L(N, t) are known exactly.

    truncation        first N of infinitely many modes by gradient flow   (`models.Truncation`)
    kernel-flow       harmonics up to some degree by kernel gradient flow  (`models.KernelFlow`)
    plrf              one-pass SGD on N power-law random features         (`models.PLRF`)
    plrf-equivalent   the same in the mean over features, of any N        (`models.PLRFEquivalent`)
    gaussian-sgd      SGD on all modes, by batch and rate            (`models.GaussianRegression`)

The task is spectral, power i^−a in modes of variance i^−b, which are α = b/2 and β = (a − b)/2 of
power-law random features. Of kernel-flow the
task's decays are those of a field and a kernel on a sphere of dimension `d`, a = 1 + 2ν_T/d and
b = 1 + 2ν_S/d. A step is a unit of time, and C = N t. Every size is a run of its own.
Losses are those of the population at the checkpoints of a recipe, relative to the student that has
learned nothing, L(N, 0); of gaussian-sgd, whose labels may have noise, of its excess over the
noise. Features of random students are drawn from the seeds of study, teacher and
run, and the size; a rate at which SGD does not converge gives a diverged run.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from lab.grids import Dims, PositiveFloat, PositiveInt
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.spec import Group, Run
from lab.students.exact import Exact
from lab.students.solvers import Failed, Observation, Result, Solver, Tick

if TYPE_CHECKING:
    from lab.kinds.student import StudyInterface
    from lab.models import PLRF, GaussianRegression, KernelFlow, PLRFEquivalent, Truncation
    from lab.models.sgd import Recursion


LOWEST, HIGHEST = 1e-290, 1e9
"""Losses of gaussian-sgd beyond which nothing is told."""


class KnownCurves(Exact):
    """An exact model of `sizes` N."""

    sizes: Dims

    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.curves:SOLVER"}
    timed: ClassVar[bool] = True
    size_key: ClassVar[str | None] = "sizes"

    @property
    def linear(self) -> bool:
        return True

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return sized

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
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

    def of_decays(self, study: StudyInterface) -> Iterator[str]:
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

    @classmethod
    def of_run(cls, run: Run) -> Any:
        """The truth object of a run."""
        task = run.drawn
        assert task.decays is not None  # the kind refuses other tasks
        own = (run.root, task.teacher, run.seed, run.N)
        seed = int(np.random.SeedSequence(own).generate_state(1)[0])
        return cls.model(run.student, task.decays, task.dim, seed)


@STUDENTS.add
class TruncationStudent(KnownCurves):
    """Gradient flow of the first N of infinitely many modes."""

    kind: Literal["truncation"] = "truncation"

    def of_decays(self, study: StudyInterface) -> Iterator[str]:
        yield from super().of_decays(study)
        yield from _endless(study, "have infinitely many modes")

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


@dataclass(frozen=True)
class _Harmonics:
    """`lab.models.KernelFlow` of the harmonics up to one degree."""

    model: KernelFlow
    degree: int

    def risk(self, t: Any) -> Any:
        """The loss after t steps."""
        return self.model.loss(self.degree, t)


@STUDENTS.add
class KernelFlowStudent(KnownCurves):
    """Kernel gradient flow on the sphere S^d, of harmonics up to each degree of `sizes`."""

    kind: Literal["kernel-flow"] = "kernel-flow"
    d: Annotated[PositiveInt, Field(le=32)]

    def of_decays(self, study: StudyInterface) -> Iterator[str]:
        yield from super().of_decays(study)
        yield from _endless(study, "have infinitely many harmonics")
        if any(min(a, b) < 1 + 0.2 / self.d for a, b in study.task.manifold.decays()):
            yield (
                f"task.manifold: a kernel and a field on a sphere of d = {self.d} have b = 1 + "
                "2ν_S/d and a = 1 + 2ν_T/d with ν of .1 or more; take larger ones"
            )

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        own = dict(spec.settings)
        return _flow(own["d"], (2.0, 2.0)).harmonics(int(own["sizes"]))

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return 1e6

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        return 1e6

    @classmethod
    def model(cls, spec: StudentSpec, decays: tuple[float, float], modes: int, seed: int) -> Any:
        own = dict(spec.settings)
        return _Harmonics(_flow(own["d"], decays), int(own["sizes"]))

    @classmethod
    def truths(cls, spec: StudentSpec, decays: tuple[float, float], modes: int) -> dict[str, float]:
        model = _flow(dict(spec.settings)["d"], decays)
        return {
            "xi": model.xi, "eta": model.eta, "alpha_N": model.size_exponent,
            "alpha_S": model.time_exponent,
        }  # fmt: skip


def _flow(d: Any, decays: tuple[float, float]) -> KernelFlow:
    """The flow on S^d whose spectra fall as these decays."""
    from lab.models import KernelFlow

    d = int(d)
    a, b = decays
    return KernelFlow(d, d * (a - 1) / 2, d * (b - 1) / 2)


def _endless(study: StudyInterface, why: str) -> Iterator[str]:
    if study.task.manifold.modes is not None:
        yield f"task.manifold.modes: {study.student.kind} students {why}; leave it out"


@STUDENTS.add
class PLRFStudent(KnownCurves):
    """Mean of one-pass SGD on N random features of all modes; `rate` is γ tr K. Teachers, seeds and
    sizes draw features of their own."""

    kind: Literal["plrf"] = "plrf"
    rate: PositiveFloat = 0.5

    random: ClassVar[bool] = True

    def of_decays(self, study: StudyInterface) -> Iterator[str]:
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


@STUDENTS.add
class PLRFEquivalentStudent(KnownCurves):
    """N random features of `ratio` N modes in the mean, by their deterministic equivalent."""

    kind: Literal["plrf-equivalent"] = "plrf-equivalent"
    rate: Annotated[float, Field(gt=0, le=0.5)] = 0.5
    ratio: Annotated[float, Field(ge=1, le=1e6)] = 10.0

    def of_decays(self, study: StudyInterface) -> Iterator[str]:
        yield from super().of_decays(study)
        yield from _endless(study, f"have {self.ratio:g} modes for each feature")

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return 1e8

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        return 1e7

    @classmethod
    def model(
        cls, spec: StudentSpec, decays: tuple[float, float], modes: int, seed: int
    ) -> PLRFEquivalent:
        from lab.models import PLRFEquivalent

        (a, b), own = decays, dict(spec.settings)
        N = int(own["sizes"])
        v = float(own["ratio"]) * N
        return PLRFEquivalent(b / 2, (a - b) / 2, N, v, float(own["rate"]))

    @classmethod
    def truths(cls, spec: StudentSpec, decays: tuple[float, float], modes: int) -> dict[str, float]:
        model = cls.model(spec, decays, modes, 0)
        return {"xi": model.xi, "eta": model.eta}


@dataclass(frozen=True)
class _Excess:
    """The excess of `lab.models.GaussianRegression` over its noise, at one batch and rate."""

    model: GaussianRegression
    batch: int
    rate: float

    @cached_property
    def _recursion(self) -> Recursion:
        return self.model.recursion(self.batch, self.rate)

    def risk(self, t: Any) -> Any:
        """λ·c after t steps, between LOWEST and HIGHEST: a rate that diverges at last may have
        reached a loss before, and a loss of 0 has no scale."""
        return np.clip(self._recursion.excess(t), LOWEST, HIGHEST)


@STUDENTS.add
class GaussianSGD(Exact):
    """Mean of SGD on Gaussian linear regression in all modes, by batch and rate."""

    kind: Literal["gaussian-sgd"] = "gaussian-sgd"

    solvers: ClassVar[Mapping[str, str]] = {"": "lab.students.curves:SOLVER"}
    timed: ClassVar[bool] = True

    @property
    def linear(self) -> bool:
        return True

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
        return True

    def mistakes(self, study: StudyInterface) -> Iterator[str]:
        yield from super().mistakes(study)
        task = study.task
        if not task.linear or task.endless:
            yield (
                "task.manifold: gaussian-sgd students know spectral tasks of so many modes; take "
                "manifold = { kind = \"spectral\", a = 1.5, b = 1, modes = 32 }"
            )
        if study.regime != "critical-batch":
            yield (
                f"student.kind: gaussian-sgd students have no size, and {study.regime} asks for "
                "it; take regime = \"critical-batch\""
            )

    @classmethod
    def N(cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int) -> int:
        return D_amb

    @classmethod
    def learning(
        cls, spec: StudentSpec, *, D_amb: int, outputs: int, D: int, samples: float
    ) -> float:
        return D_amb * samples

    @classmethod
    def flops(cls, spec: StudentSpec, *, D: int, D_amb: int, test: int) -> float:
        return 60.0 * D_amb**3

    @classmethod
    def numbers(cls, spec: StudentSpec, *, D: int) -> float:
        return 1e4

    @classmethod
    def of_run(cls, run: Run) -> _Excess:
        """The truth object of a run."""
        from lab.data.spectra import Spectrum
        from lab.models import GaussianRegression

        task, (_, batch, rate) = run.drawn, run.training.stages[0]
        assert task.decays is not None  # the kind refuses other tasks
        s = Spectrum(*task.decays, task.dim)
        model = GaussianRegression(s.eigenvalues, np.sqrt(s.power / s.eigenvalues), task.noise)
        return _Excess(model, batch, rate)

    @classmethod
    def noise_scales(cls, run: Run, step: float) -> tuple[float, float] | None:
        of = cls.of_run(run)
        return of.model.scales(step, of.batch, of.rate)


def solve(group: Group, *, tick: Tick) -> list[Result | Failed]:
    """The curve of every run of the group."""
    results: list[Result | Failed] = []
    for run in group.runs():
        try:
            results.append(curve(run))
        except Exception:
            results.append(Failed(run, traceback.format_exc()))
        tick(1)
    return results


def curve(run: Run) -> Result:
    """Exact losses of a run at its checkpoints and its last step."""
    N, model = run.N, STUDENTS[run.student.kind].of_run(run)  # type: ignore[attr-defined]
    last = run.training.last
    steps = np.array([*(s for s in run.training.checkpoints if s < last), last], float)
    stable = getattr(model, "stable", True)
    known = hasattr(model, "loss")
    losses = model.loss(N, steps) if known else model.risk(steps) if stable else np.full(1, np.nan)
    if not np.isfinite(losses).all():
        return Result(run, "diverged", math.nan, math.nan, 0, ())
    start = float(model.loss(N, 0) if known else model.risk(0))
    seen = tuple(map(Observation, steps.tolist(), ["population"] * steps.size, losses.tolist()))
    loss = float(losses[-1])
    return Result(run, "done", loss, loss / start, last, (), observations=seen)


def _flops(group: Group) -> float:
    kind = STUDENTS[group.shapes[0][0].kind]
    D_amb, steps = group.teachers[0].D_amb, len(group.training.checkpoints) + 1
    each = (
        len(seeds) * (kind.flops(s, D=0, D_amb=D_amb, test=0) + 2e3 * steps)
        for s, _, seeds in group.shapes
    )
    return len(group.teachers) * sum(each)


def _memory(group: Group) -> float:
    kind = STUDENTS[group.shapes[0][0].kind]
    modes = group.teachers[0].D_amb
    return 8 * max(
        kind.numbers(s, D=0) + 3 * modes * kind.N(s, D_amb=modes, outputs=1, D=0)
        for s, _, _ in group.shapes
    )


SOLVER = Solver("lab.students.curves:solve", _flops, _memory)
