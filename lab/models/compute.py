"""Losses in size and time whose compute frontier is exact: truncated spectra and Kaplan's law.

`Truncation`, hard truncation of a power-law spectrum.

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

`KaplanCompute`, Kaplan's learning curve in size and steps.

    L(N, S_min) = (N_c/N)^α_N + (S_c/S_min)^α_S,    B_crit(L) = B*/L^(1/α_B)

S_min are the steps that a batch ≫ B_crit would take, E_min the samples that one ≪ B_crit would
take. S steps of batch B are worth (McCandlish et al., arXiv 1812.06162)

    S_min = S/(1 + B_crit/B),    E_min = BS/(1 + B/B_crit),    (S/S_min − 1)(E/E_min − 1) = 1

and B_crit = E_min/S_min. With compute C = 6 N B_crit S_min, the least to a loss, the frontier is
(Kaplan et al., arXiv 2001.08361, appendix B)

    L = (C_c/C)^α_C,   1/α_C = 1/α_S + 1/α_B + 1/α_N,   f = L/L(N, ∞) − 1 = α_N/α_S
    N/N_c = (C/C_c)^(α_C/α_N) (1 + f)^(1/α_N)

The law is additive by assumption: where it is not (`Truncation`), ξ = α_C/α_N holds and
f does not, for ξ follows from homogeneity alone. B_crit depends on the loss, so that an axis of
steps at fixed batch is converted point by point.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lab.models.numerics import Argument, Numbers, number, numbers, total

_AT_ONCE = 512


@dataclass(frozen=True)
class Truncation:
    """Truncated power-law spectrum in size and time.

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


class KaplanOptimum(NamedTuple):
    """The frontier at some compute.

    Attributes:
        N: size.
        S: steps S_min.
        loss: L(C).
    """

    N: Numbers
    S: Numbers
    loss: Numbers


@dataclass(frozen=True)
class KaplanCompute:
    """Kaplan's learning curve; the defaults are those of language models (tokens, table 3).

    Attributes:
        alpha_N, alpha_S, alpha_B: exponents, > 0; alpha_B = ∞ is a constant critical batch.
        N_c, S_c, B: scales N_c, S_c and B*, > 0.
    """

    alpha_N: float = 0.077
    alpha_S: float = 0.76
    alpha_B: float = 0.21
    N_c: float = 6.5e13
    S_c: float = 2.1e3
    B: float = 2e8

    def __post_init__(self) -> None:
        for name in ("alpha_N", "alpha_S", "N_c", "S_c", "B"):
            number(name, getattr(self, name), "(0, inf)")
        number("alpha_B", self.alpha_B, "(0, inf]")

    def loss(self, N: Argument, S: Argument) -> Numbers:
        """L(N, S_min) of sizes > 0 and minimal steps > 0, or ∞; arrays broadcast."""
        sizes, steps = numbers("N", N, "(0, inf]"), numbers("S", S, "(0, inf]")
        return ((self.N_c / sizes) ** self.alpha_N + (self.S_c / steps) ** self.alpha_S)[()]

    def critical_batch(self, loss: Argument) -> Numbers:
        """B_crit(L)."""
        return (self.B * numbers("loss", loss, "(0, inf)") ** (-1 / self.alpha_B))[()]

    def minimal_steps(self, S: Argument, batch: Argument, loss: Argument) -> Numbers:
        """S_min of S steps of a batch that reach this loss."""
        ratio = self.critical_batch(loss) / numbers("batch", batch, "(0, inf)")
        return (numbers("S", S, "(0, inf)") / (1 + ratio))[()]

    def minimal_samples(self, S: Argument, batch: Argument, loss: Argument) -> Numbers:
        """E_min of S steps of a batch that reach this loss."""
        B = numbers("batch", batch, "(0, inf)")
        return (B * numbers("S", S, "(0, inf)") / (1 + B / self.critical_batch(loss)))[()]

    @property
    def alpha_C(self) -> float:
        """α_C of L ∝ C^−α_C."""
        return 1 / (1 / self.alpha_S + 1 / self.alpha_B + 1 / self.alpha_N)

    @property
    def eta(self) -> float:
        """η = α_C."""
        return self.alpha_C

    @property
    def xi(self) -> float:
        """ξ = α_C/α_N of N_opt ∝ C^ξ."""
        return self.alpha_C / self.alpha_N

    @property
    def excess(self) -> float:
        """f = α_N/α_S, L/L(N, ∞) − 1 on the frontier."""
        return self.alpha_N / self.alpha_S

    @property
    def C_c(self) -> float:
        """Scale of compute, L = (C_c/C)^α_C, in the units of 6 N times samples."""
        f = self.excess
        return float(
            6 * self.N_c * self.B * self.S_c
            * (1 + f) ** (1 / self.alpha_S + 1 / self.alpha_N) * f ** (-1 / self.alpha_S)
        )  # fmt: skip

    def optimum(self, C: Argument) -> KaplanOptimum:
        """The best size, its steps and its loss at a compute C > 0."""
        ratio = numbers("C", C, "(0, inf)") / self.C_c
        N = self.N_c * ratio**self.xi * (1 + self.excess) ** (1 / self.alpha_N)
        loss = ratio**-self.alpha_C
        S = self.S_c * (loss * self.excess / (1 + self.excess)) ** (-1 / self.alpha_S)
        return KaplanOptimum(N[()], S[()], loss[()])

    def at_excess(self, other: Argument, excess: float | None = None) -> tuple[Numbers, ...]:
        """Ratios (N, S, C) of training to the excess `excess` against training to `other`, at
        equal loss: how much larger the size is, and which part of steps and compute is left.

        Args:
            other: f′ > 0.
            excess: f > 0, that of the frontier unless told.
        """
        f = self.excess if excess is None else number("excess", excess, "(0, inf)")
        o = numbers("other", other, "(0, inf)")
        N = ((1 + f) / (1 + o)) ** (1 / self.alpha_N)
        S = ((1 + 1 / f) / (1 + 1 / o)) ** (1 / self.alpha_S)
        return N[()], S[()], (N * S)[()]
