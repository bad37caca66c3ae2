"""Hard truncation of a power-law spectrum: a loss in size and time whose frontier is exact.

A student learns the first N modes of a target by gradient flow, mode k at the rate k^−b, and never
sees the others. With the power k^−a in mode k,

    L(N, t) = Σ_{k≤N} k^−a e^(−2 k^−b t) + Σ_{k>N} k^−a          compute C = N t

For large N it is homogeneous, L = N^−(a−1) g(t/N^b), with

    g(u) = ∫₀¹ x^−a e^(−2u x^−b) dx + 1/(a−1) = (2u)^−p Γ(p, 2u)/b + 1/(a−1),    p = (a−1)/b

so that the best size at fixed C follows N ∝ C^ξ, L ∝ C^−η with ξ = 1/(1+b), η = (a−1)/(1+b)
exactly, and training stops at the constant excess f* = L/L(N, ∞) − 1 = (a−1) g(u*) − 1 with u* the
minimum of u^η g(u).

It is the model of Bordelon, Atanasov & Pehlevan (arXiv 2402.01092) at infinite data, with the
first N modes in place of N random projections, for a − 1 < 2b. At finite C the frontier's local ξ
is off by O(1/N): .0005 at N = 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lab.models.arguments import Argument, Numbers, number, numbers
from lab.models.series import total

__all__ = ["Truncation"]

_AT_ONCE = 512


@dataclass(frozen=True)
class Truncation:
    """The model of this file.

    Attributes:
        a: > 1, decay of the target's power.
        b: > 0, decay of the rates of learning.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        number("a", self.a, "(1, inf)")
        number("b", self.b, "(0, inf)")

    def loss(self, N: Argument, t: Argument) -> Numbers:
        """L(N, t), exact to about 1e-12; arrays broadcast.

        Args:
            N: number of modes, ≥ 0; a fraction counts no further mode.
            t: time of gradient flow, ≥ 0, rate times steps; may be ∞.

        Raises ValueError for what is outside of these ranges.
        """
        from scipy.special import zeta  # a tenth of a second to import

        sizes, times = np.broadcast_arrays(
            np.floor(numbers("N", N, "[0, inf)")), numbers("t", t, "[0, inf]")
        )
        flat = sizes.ravel(), times.ravel()
        learned = [
            self._learned(*(row[i : i + _AT_ONCE] for row in flat))
            for i in range(0, sizes.size, _AT_ONCE)
        ]
        rest = zeta(self.a, sizes + 1.0)
        return (np.concatenate([*learned, np.zeros(0)]).reshape(sizes.shape) + rest)[()]

    def _learned(self, N: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Σ_{k≤N} k^−a e^(−2 k^−b t)."""
        rate = 2 * t[:, None]
        return total(lambda k: k**-self.a * np.exp(-rate * k**-self.b), N)

    @property
    def xi(self) -> float:
        """ξ = 1/(1+b) of N_opt ∝ C^ξ."""
        return 1 / (1 + self.b)

    @property
    def eta(self) -> float:
        """η = (a−1)/(1+b) of L ∝ C^−η."""
        return (self.a - 1) / (1 + self.b)

    @property
    def size_exponent(self) -> float:
        """α_N = a − 1 of L(N, ∞) ∝ N^−α_N."""
        return self.a - 1

    @property
    def time_exponent(self) -> float:
        """α_t = (a−1)/b of L(∞, t) ∝ t^−α_t."""
        return (self.a - 1) / self.b

    @property
    def excess(self) -> float:
        """f* = L/L(N, ∞) − 1 on the frontier, in the limit of large N."""
        return (self.a - 1) * float(self.scaling(self.stopping)) - 1

    @cached_property
    def stopping(self) -> float:
        """u* = t/N^b on the frontier."""
        from scipy.optimize import brentq

        def slope(log_z: float) -> float:
            """d(u^η g)/d log u, over u^η; z = 2u. It rises through its only root."""
            z = np.exp(log_z)
            early = self._unlearned(z)
            slower = self.time_exponent * early + np.exp(-z) / self.b
            return float(self.eta * (early + 1 / self.size_exponent) - slower)

        p = self.time_exponent
        root = brentq(slope, -300 / max(p, 1), np.log(50 + 20 * p), xtol=1e-14, rtol=1e-14)
        return float(np.exp(root)) / 2

    def scaling(self, u: Argument) -> Numbers:
        """g(u) of L = N^−(a−1) g(t/N^b), for u > 0."""
        z = 2 * numbers("u", u, "(0, inf)")
        return (self._unlearned(z) + 1 / self.size_exponent)[()]

    def _unlearned(self, z: Numbers) -> Any:
        """z^−p Γ(p, z)/b, what is left of the modes that are being learned."""
        from scipy.special import gammaincc, gammaln

        p = self.time_exponent
        return np.exp(gammaln(p) - p * np.log(z)) * gammaincc(p, z) / self.b
