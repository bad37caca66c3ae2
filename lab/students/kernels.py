"""The student `kernel`: regression with a covariance, and its risk averaged over Gaussian fields.

f̂(x) = k(x, X) (K + δ)⁻¹ y with K = k(X, X), for any covariance of `lab.data.covariances`: a radial
one, or the NNGP or NTK of a wide network. With the NTK it is a network trained to the end by
gradient flow from a start at zero; with the NNGP, one whose last layer alone is trained; δ = 0
interpolates. K is not divided by the number of points, so δ is the ridge of `eigenlearning`.

Does not choose δ or any setting of the covariance by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float

from lab.data.covariances import (
    COVARIANCES,
    SETTINGS,
    Covariance,
    Covariances,
    covariance,
    of_covariance,
    resolved_covariance,
    universal,
)
from lab.grids import Depth, Floats, PositiveFloat, Positives, Setting
from lab.kinds.student import STUDENTS, StudentSpec, Target
from lab.mistakes import unknown
from lab.spec import Run
from lab.students.exact import TOGETHER, Exact, MeanRisk

if TYPE_CHECKING:
    from lab.data.linear_terms import Harmonics

MEMORY = 2 * 2**30
"""Bytes that the matrices of one kernel regression may take unless told: D ≤ 11 585."""
KERNEL = 60
"""Operations of one kernel entry besides the distance."""
_JITTERS = (0.0, *(10.0**power for power in range(-16, -5)))


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

    risk: ClassVar[str] = "lab.students.kernels:risk"
    reference: ClassVar[str] = "lab.students.exact:reference"
    parametric: ClassVar[bool] = False
    fixed_metric: ClassVar[bool] = True

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

    def limit_loss_is_zero(self, task: Target, *, sized: bool) -> bool:
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

    @classmethod
    def learn(
        cls, settings: Mapping[str, Setting], x: Any, y: Any, *, rng: Any
    ) -> KernelRegression:
        own: dict[str, Any] = {**settings}
        kernel, ridge = own.pop("kernel"), own.pop("ridge")
        return learn(x, y, covariance=covariance(kernel, **own), ridge=ridge)


def kernel_refusal(points: int, *, memory: float = MEMORY) -> str | None:
    """Refusal of a kernel regression that does not fit into `memory` bytes (two D × D matrices)."""
    needed = 2 * 8 * points**2
    if needed <= memory:
        return None
    return (
        f"kernel regression on {points} points needs {needed / 2**30:.1f} GiB, the limit is "
        f"{memory / 2**30:.1f} GiB; train on {int((memory / 16) ** 0.5)} points or fewer"
    )


class MemoryLimitError(ValueError):
    """A regression on more points than the memory allows."""


@dataclass(frozen=True)
class CholeskyFactor:
    """Cholesky factor of K + δ + jitter.

    Attributes:
        lower: the factor; its upper triangle is undefined.
        jitter: what had to be added to the diagonal beyond δ, in units of its mean; 0 if nothing.
        condition: condition number of the factored matrix in the 1-norm, LAPACK's estimate.
    """

    lower: Float[np.ndarray, "D D"]
    jitter: float
    condition: float

    def solve(self, y: Float[np.ndarray, "D out"]) -> Float[np.ndarray, "D out"]:
        from scipy.linalg import cho_solve

        return cho_solve((self.lower, True), y, check_finite=False)


def factor(
    covariance: Covariance,
    x: Float[np.ndarray, "D D_amb"],
    *,
    ridge: float = 0.0,
    memory: float = MEMORY,
) -> CholeskyFactor:
    """Factor k(x, x) + ridge with the smallest jitter, a power of ten, for which it succeeds.

    Raises MemoryLimitError before anything is computed if two D × D matrices exceed `memory`
    bytes, and ValueError if a jitter of 1e-6 is not enough (the covariance is not one).
    """
    from scipy.linalg import lapack

    if not ridge >= 0:
        raise ValueError(f"a ridge is not negative, got {ridge}; set 0 to interpolate")
    refused = kernel_refusal(len(x), memory=memory)
    if refused:
        raise MemoryLimitError(refused)
    gram = covariance(x, x).T  # itself, in the memory order that LAPACK wants
    diagonal = np.diag_indices_from(gram)
    gram[diagonal] += ridge
    mean = np.trace(gram) / len(x)
    added = 0.0
    for jitter in _JITTERS:
        gram[diagonal] += (jitter - added) * mean
        added = jitter
        lower = _cholesky(gram)
        if lower is not None:
            reciprocal, _ = lapack.dpocon(lower, lapack.dlange("1", gram), uplo="L")
            return CholeskyFactor(lower, jitter, 1 / reciprocal if reciprocal > 0 else np.inf)
    raise ValueError(
        f"the kernel matrix of {len(x)} points is not positive definite even with a jitter of "
        f"{_JITTERS[-1]:g}; remove repeated points or set a ridge"
    )


def _cholesky(gram: np.ndarray) -> np.ndarray | None:
    """The factor, or None, and then what was tried is freed before the next jitter."""
    from scipy.linalg import lapack

    lower, failed = lapack.dpotrf(gram, lower=1, clean=0)
    return None if failed else lower


@dataclass(frozen=True)
class KernelRegression:
    """A trained kernel student; call it with points [m, D_amb] to get predictions [m, out].

    Attributes:
        condition, jitter: of the system that was solved, see `Factor`. Beyond a condition of
            about 1e13 the small eigenvalues are rounding errors and losses near
            condition · 1e-16 of the target's power are not to be trusted.
    """

    covariance: Covariance
    x: Float[np.ndarray, "D D_amb"]
    weights: Float[np.ndarray, "D out"]
    condition: float
    jitter: float

    def __call__(self, x: Float[np.ndarray, "m D_amb"]) -> Float[np.ndarray, "m out"]:
        return self.covariance(x, self.x) @ self.weights


def learn(
    x: Float[np.ndarray, "D D_amb"],
    y: Float[np.ndarray, "D out"],
    *,
    covariance: Covariance,
    ridge: float = 0.0,
    memory: float = MEMORY,
) -> KernelRegression:
    """Solve (K + δ) a = y.

    Args:
        x, y: training points and targets.
        covariance: the kernel k.
        ridge: δ ≥ 0, in the units of k.
        memory: limit in bytes for the matrices.

    Raises MemoryLimitError and ValueError as `factor` does.
    """
    system = factor(covariance, x, ridge=ridge, memory=memory)
    return KernelRegression(covariance, x, system.solve(y), system.condition, system.jitter)


def expected_risk(
    x: Float[np.ndarray, "D D_amb"],
    x_test: Float[np.ndarray, "m D_amb"],
    *,
    teacher: Covariance,
    student: Covariance,
    ridge: float = 0.0,
    memory: float = MEMORY,
) -> float:
    """Mean squared error at the test points, averaged exactly over Gaussian-field teachers.

    With A = k_S(x*, X)(K_S + δ)⁻¹ and f a field of covariance k_T, E(f(x*) − A f(X))² is

        k_T(x*, x*) − 2 A k_T(X, x*) + A K_T Aᵀ,

    so that only the draw of the points is left to average over. It is also the variance that the
    random start of a wide network leaves after training: teacher its NNGP, student its NTK.
    Source: Spigler, Geiger & Wyart, arXiv 1905.10843. Differences of nearly equal numbers: errors
    below about 1e-13 of k_T(x, x) are rounding.
    """
    a = factor(student, x, ridge=ridge, memory=memory).solve(student(x, x_test))  # Aᵀ
    risk = teacher.diagonal(x_test) - np.sum(a * (2 * teacher(x, x_test) - teacher(x, x) @ a), 0)
    return float(np.mean(risk))


def risk(run: Run) -> MeanRisk | None:
    """Mean risk of kernel regression on a field over the unit sphere.

    Eigenlearning takes modes for independent Gaussians, which harmonics of random points are not.
    Its exponents hold there, its amplitudes are low, the more so the smaller d and the smoother the
    kernel: on the circle, where the gaps between D points are exponential, a Laplace kernel on its
    own field leaves 4π/(3D) exactly (bridges over the gaps) where eigenlearning says π/D.
    """
    task = run.task
    sphere = len(task.manifold) == 1 and task.manifold[0][0] == "sphere"
    plain = run.student.inputs == "raw" and task.embedding == "identity"
    if task.covariance and sphere and plain and run.size:
        teacher = _harmonics(*task.covariance, task.dim)
        return MeanRisk(_on_the_sphere(run, run.size, teacher), "harmonics")
    return None


def _on_the_sphere(run: Run, D: int, teacher: Harmonics) -> float:
    """Degrees that are left out are as good as unlearned: the student's are a ridge to the others,
    and the teacher's are noise to them."""
    from lab.models import eigenlearning

    task, settings = run.drawn, dict(run.student.settings)
    student = _harmonics(
        str(settings["kernel"]),
        tuple((k, v) for k, v in run.student.settings if k not in ("kernel", "ridge")),
        task.dim,
    )
    # a degree that the student does not resolve is left to the teacher's rest
    known = student.eigenvalues > 0
    power = (teacher.multiplicity * teacher.eigenvalues)[known]
    total = teacher.multiplicity @ teacher.eigenvalues + teacher.rest
    found = eigenlearning.expected_risk(
        D, student.eigenvalues[known], power,
        ridge=float(settings["ridge"]) + student.rest,
        noise=math.sqrt(max(total - power.sum(), 0.0) + task.noise**2),
        multiplicity=student.multiplicity[known],
    )  # fmt: skip
    scale = task.teacher_gain**2 / (total if task.normalise else 1.0)
    return scale * (found.mse - task.noise**2)


@lru_cache(maxsize=64)
def _harmonics(kind: str, settings: tuple, d: int) -> Harmonics:
    from lab.data.linear_terms import harmonics

    return harmonics(covariance(kind, **dict(settings)), d)
