"""Kaplan's learning curve in size and steps, and the compute frontier that follows from it.

    L(N, S_min) = (N_c/N)^α_N + (S_c/S_min)^α_S,    B_crit(L) = B*/L^(1/α_B)

S_min are the steps that a batch ≫ B_crit would take, E_min the samples that one ≪ B_crit would
take. S steps of batch B are worth (McCandlish et al., arXiv 1812.06162)

    S_min = S/(1 + B_crit/B),    E_min = BS/(1 + B/B_crit),    (S/S_min − 1)(E/E_min − 1) = 1

and B_crit = E_min/S_min. With compute C = 6 N B_crit S_min, the least to a loss, the frontier is
(Kaplan et al., arXiv 2001.08361, appendix B)

    L = (C_c/C)^α_C,   1/α_C = 1/α_S + 1/α_B + 1/α_N,   f = L/L(N, ∞) − 1 = α_N/α_S
    N/N_c = (C/C_c)^(α_C/α_N) (1 + f)^(1/α_N)

The law is additive by assumption: where it is not (`lab.models.Truncation`), ξ = α_C/α_N holds and
f does not, for ξ follows from homogeneity alone. B_crit depends on the loss, so that an axis of
steps at fixed batch is converted point by point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lab.models.arguments import Argument, Numbers, number, numbers

__all__ = ["KaplanCompute"]


class Optimum(NamedTuple):
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
    """The model of this file; the defaults are Kaplan's of language models (tokens, table 3).

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

    def optimum(self, C: Argument) -> Optimum:
        """The best size, its steps and its loss at a compute C > 0."""
        ratio = numbers("C", C, "(0, inf)") / self.C_c
        N = self.N_c * ratio**self.xi * (1 + self.excess) ** (1 / self.alpha_N)
        loss = ratio**-self.alpha_C
        S = self.S_c * (loss * self.excess / (1 + self.excess)) ** (-1 / self.alpha_S)
        return Optimum(N[()], S[()], loss[()])

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
