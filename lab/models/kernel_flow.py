"""Gradient flow of kernel regression on the sphere: the mean loss over teachers, exact in time.

Student and teacher are Whittle–Matérn on the sphere S^d (Lindgren, Rue & Lindström, J. R. Stat.
Soc. B 73, 423): a harmonic of degree l, one of m_l, has the eigenvalue

    λ_l ∝ (1 + l(l + d − 1))^−(ν + d/2),   Σ_l m_l λ_l = 1,   m_l = C(l+d, d) − C(l+d−2, d)

which falls as l^−(d + 2ν). The teacher is a Gaussian field of ν_T and unit variance, the student's
kernel has ν_S, and on unlimited uniform data the flow df/dt = −∫ k_S (f − f*) leaves

    L(t) = Σ_l m_l λ^T_l e^(−2 λ^S_l t)  ~  t^−β,   β = 2ν_T/(d + 2ν_S)

It is the model of Bordelon, Atanasov & Pehlevan (arXiv 2402.01092) with b = (d + 2ν_S)/d and
a = 1 + 2ν_T/d: n points are worth n^−min(2ν_T, 2d + 4ν_S)/d (Spigler, Geiger & Wyart, arXiv
1905.10843), and the frontier of compute N t has ξ = d/(2(d + ν_S)), η = ν_T/(d + ν_S) for N modes,
or for N random features while ν_T < d + 2ν_S.

A student that sees the harmonics of degree l ≤ L alone, N of them, keeps what lies beyond:

    L(L, t) = Σ_{l≤L} m_l λ^T_l e^(−2 λ^S_l t) + Σ_{l>L} m_l λ^T_l,   L(L, ∞) ~ N^−2ν_T/d

t is rate times steps of full-batch descent on the mean square over 2. On n points L(t) is as here
until about n harmonics are learned, e.g. within 5 % where a twentieth of them is. No ridge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lab.models.numerics import Argument, Numbers, number, numbers, total

__all__ = ["KernelFlow"]

FARTHEST = 1e60
"""Degree at which sums end: what lies beyond is below 1e-12 of the variance for ν ≥ 0.1."""
AT_ONCE = 64


@dataclass(frozen=True)
class KernelFlow:
    """The model of this file.

    Attributes:
        d: dimension of the sphere, ≥ 1; 1 is the circle.
        teacher: ν_T ≥ 0.1, smoothness of the field that is learned; ½ is like Laplace's.
        student: ν_S ≥ 0.1, smoothness of the kernel that learns.
    """

    d: int
    teacher: float
    student: float

    def __post_init__(self) -> None:
        numbers("d", number("d", self.d), "[1, inf)", whole=True)
        number("teacher", self.teacher, "[0.1, inf)")
        number("student", self.student, "[0.1, inf)")

    def risk(self, t: Argument) -> Numbers:
        """L(t) ≤ 1, the mean squared error at time t ≥ 0, or ∞; an array gives an array."""
        return self.loss(FARTHEST, t)

    def loss(self, degree: Argument, t: Argument) -> Numbers:
        """L(L, t) of harmonics up to a whole degree L ≥ 0, at time t ≥ 0, or ∞; arrays broadcast.
        Beyond FARTHEST nothing is kept."""
        degrees, times = np.broadcast_arrays(
            numbers("degree", degree, "[0, inf)", whole=True), numbers("t", t, "[0, inf]")
        )
        flat = degrees.ravel(), times.ravel()
        parts = [self._loss(*(one[i : i + AT_ONCE] for one in flat))
                 for i in range(0, times.size, AT_ONCE)]  # fmt: skip
        return np.concatenate([*parts, np.zeros(0)]).reshape(times.shape)[()]

    def harmonics(self, degree: int) -> int:
        """N = C(L+d, d) + C(L+d−1, d), how many have a degree up to L."""
        d, L = int(self.d), int(degree)
        return math.comb(L + d, d) + (math.comb(L + d - 1, d) if L else 0)

    @property
    def time_exponent(self) -> float:
        """β = 2ν_T/(d + 2ν_S) of L ∝ t^−β."""
        return 2 * self.teacher / (self.d + 2 * self.student)

    @property
    def size_exponent(self) -> float:
        """2ν_T/d of L(L, ∞) ∝ N^−α_N for N harmonics."""
        return 2 * self.teacher / self.d

    @property
    def data_exponent(self) -> float:
        """min(2ν_T, 2d + 4ν_S)/d of L ∝ n^−α for n points at t → ∞."""
        return min(2 * self.teacher, 2 * self.d + 4 * self.student) / self.d

    @property
    def xi(self) -> float:
        """ξ = d/(2(d + ν_S)) of N_opt ∝ C^ξ."""
        return self.d / (2 * (self.d + self.student))

    @property
    def eta(self) -> float:
        """η = ν_T/(d + ν_S) of L ∝ C^−η."""
        return self.teacher / (self.d + self.student)

    @property
    def limit(self) -> float:
        """0: on unlimited data all is learned at last."""
        return 0.0

    def eigenvalues(self, degree: Argument, smoothness: float) -> Numbers:
        """λ_l of each harmonic of these degrees l ≥ 0, for one smoothness ν ≥ 0.1."""
        whole = np.array([FARTHEST])
        scale = total(lambda k: np.exp(self._power(k, smoothness)), whole, first=0)[0]
        k = numbers("degree", degree, "[0, inf)", whole=True)
        return np.exp(self._fall(k, smoothness)) / scale

    def _loss(self, degree: np.ndarray, t: np.ndarray) -> np.ndarray:
        ν = self.student
        rate = 2 * t[:, None] * float(self.eigenvalues(0, ν))
        with np.errstate(invalid="ignore"):
            left = total(
                lambda k: np.exp(
                    self._power(k, self.teacher) - np.nan_to_num(rate * np.exp(self._fall(k, ν)))
                ),
                degree,
                first=0,
            )
            whole = total(lambda k: np.exp(self._power(k, self.teacher)), degree, first=0)
        beyond = np.where(degree >= FARTHEST, 0.0, np.maximum(1.0 - whole * self._unit, 0.0))
        return beyond + np.where(np.isinf(t), 0.0, left * self._unit)

    @cached_property
    def _unit(self) -> float:
        """λ_0 of the teacher, which makes its variance 1."""
        return float(self.eigenvalues(0, self.teacher))

    def _fall(self, k: np.ndarray, nu: float) -> Numbers:
        """log(λ_l/λ_0)."""
        return -(nu + self.d / 2) * np.log1p(k * (k + self.d - 1.0))

    def _power(self, k: np.ndarray, nu: float) -> np.ndarray:
        """log(m_k λ_k/λ_0), m_k = (2k + d − 1)(k + 1)…(k + d − 2)/(d − 1)!; k need not be whole."""
        if self.d == 1:
            return np.where(k == 0, 0.0, np.log(2)) + self._fall(k, nu)
        many = np.log((2 * k + self.d - 1) / (self.d - 1))
        for i in range(1, self.d - 1):
            many = many + np.log((k + i) / i)
        return many + self._fall(k, nu)
