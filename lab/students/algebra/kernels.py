"""Kernel regression, and its risk on a Gaussian field averaged over all fields.

f̂(x) = k(x, X) (K + δ)⁻¹ y with K = k(X, X), for any covariance of `lab.data.covariances`: a radial
one, or the NNGP or NTK of a wide network. With the NTK it is a network trained to the end by
gradient flow from a start at zero; with the NNGP, one whose last layer alone is trained; δ = 0
interpolates. K is not divided by the number of points, so δ is the ridge of `eigenlearning`.

Does not choose δ or any setting of the covariance by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_solve, lapack

from lab.data.covariances import Covariance
from lab.kinds.exact import MEMORY, kernel_refusal

__all__ = ["KernelRegression", "MemoryLimitError", "expected_risk", "factor", "learn"]

_JITTERS = (0.0, *(10.0**power for power in range(-16, -5)))


class MemoryLimitError(ValueError):
    """A regression on more points than the memory allows."""


@dataclass(frozen=True)
class Factor:
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
        return cho_solve((self.lower, True), y, check_finite=False)


def factor(
    covariance: Covariance,
    x: Float[np.ndarray, "D D_amb"],
    *,
    ridge: float = 0.0,
    memory: float = MEMORY,
) -> Factor:
    """Factor k(x, x) + ridge with the smallest jitter, a power of ten, for which it succeeds.

    Raises MemoryLimitError before anything is computed if two D × D matrices exceed `memory`
    bytes, and ValueError if a jitter of 1e-6 is not enough (the covariance is not one).
    """
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
            return Factor(lower, jitter, 1 / reciprocal if reciprocal > 0 else np.inf)
    raise ValueError(
        f"the kernel matrix of {len(x)} points is not positive definite even with a jitter of "
        f"{_JITTERS[-1]:g}; remove repeated points or set a ridge"
    )


def _cholesky(gram: np.ndarray) -> np.ndarray | None:
    """The factor, or None, and then what was tried is freed before the next jitter."""
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
    rng: np.random.Generator | None = None,
) -> KernelRegression:
    """Solve (K + δ) a = y.

    Args:
        x, y: training points and targets.
        covariance: the kernel k.
        ridge: δ ≥ 0, in the units of k.
        memory: limit in bytes for the matrices.
        rng: not used, this student is deterministic; all students are called alike.

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
