"""Rate classes of learning curves, one exact learner for each: exponential, linear, slow.

Errors of realisable classification fall exponentially, as 1/n, or arbitrarily slowly, whatever the
best learner (Bousquet, Hanneke, Moran, van Handel & Yehudayoff, arXiv 2011.04483); empirical risk
minimisation has log(n)/n besides (Hanneke & Xu, arXiv 2412.02810). One example of each:

    Memoriser            ½ Σ_k p_k (1 − p_k)^n, random labels on points of mass p_k: exponential
                         with rate −log(1 − min p) on finitely many, n^−s/(1+s) on p_k ∝ k^−(1+s)
    GeometricThreshold   labels k ≤ k₀ of p_k ∝ q^k, + up to the largest + seen: exponential
    IntervalThreshold    threshold on [0, 1], midpoint of the gap: 1/(2(n + 2)), linear
    UnseenPoint          at most one point is +, the learner bets on one it has not seen: log(n)/n

All are exact expectations over n independent samples (UnseenPoint: over Poisson(n) many). An
exponential looks like a power law until n ≫ 1/p_min. No agnostic noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lab.models.arguments import Argument, Numbers, number, numbers
from lab.models.series import total

__all__ = ["GeometricThreshold", "IntervalThreshold", "Memoriser", "UnseenPoint"]


@dataclass(frozen=True, eq=False)
class Memoriser:
    """A learner that repeats the labels it has seen and guesses the others (½ right).

    Attributes:
        support: p_k > 0 of finitely many points, in any scale; or
        decay: s > 0 of infinitely many, p_k ∝ k^−(1+s).
    """

    support: Argument | None = None
    decay: float | None = None

    def __post_init__(self) -> None:
        if (self.support is None) == (self.decay is None):
            raise ValueError("a memoriser needs a support or a decay; give one of the two")
        if self.decay is not None:
            number("decay", self.decay, "[0.02, inf)")
        elif numbers("support", self.support, "(0, inf)").ndim != 1:  # type: ignore[arg-type]
            raise ValueError("support is no column; give the masses p_k of the points")

    @property
    def rate_class(self) -> str:
        """ "exponential" on finitely many points, "slow" on infinitely many."""
        return "slow" if self.decay is not None else "exponential"

    @property
    def exponent(self) -> float:
        """s/(1 + s) of E ∝ n^−α on infinitely many points; ∞ on finitely many."""
        return math.inf if self.decay is None else self.decay / (1 + self.decay)

    @property
    def rate(self) -> float:
        """−log(1 − min p) of E ~ e^(−rate n), reached for n ≫ 1/min p; 0 on infinitely many."""
        return 0.0 if self.decay is not None else -math.log1p(-float(self._masses.min()))

    @property
    def limit(self) -> float:
        """0: every point is seen at last."""
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """½ Σ_k p_k (1 − p_k)^n after n ≥ 0 samples; an array gives an array."""
        many = numbers("n", n, "[0, inf)", whole=True)
        if self.decay is not None:
            return self._on_infinitely_many(many.ravel()).reshape(many.shape)[()]
        p = self._masses
        if p.size == 1:
            return np.where(many == 0, 0.5, 0.0)[()]
        return (np.exp(many[..., None] * np.log1p(-p)) @ p / 2)[()]

    @cached_property
    def _masses(self) -> np.ndarray:
        p = np.asarray(self.support, float)
        return p / p.sum()

    def _on_infinitely_many(self, n: np.ndarray) -> np.ndarray:
        """Terms until n p_k is small, the others by their expansion in n p_k and Hurwitz's zeta."""
        from scipy.special import zeta

        q = 1 + float(self.decay or 0)
        scale = 1 / zeta(q)
        last = np.ceil(np.maximum(64.0, (64 * scale * n) ** (1 / q)))

        def term(k: np.ndarray) -> np.ndarray:
            p = scale * k**-q
            return p * np.exp(n[:, None] * np.log1p(-p))

        found, choose = total(term, last), np.ones_like(n)
        for j in range(12):  # Σ_j C(n, j) (−1)^j Σ_{k>last} p_k^(j+1)
            found = found + choose * (-1) ** j * scale ** (j + 1) * zeta(q * (j + 1), last + 1)
            choose = choose * (n - j) / (j + 1)
        return found / 2


@dataclass(frozen=True)
class GeometricThreshold:
    """Thresholds on k = 1, 2, … of mass p_k = (1 − q) q^(k−1): + up to k₀, and the learner says +
    up to the largest + it has seen (an empirical risk minimiser).

    Attributes:
        last: k₀ ≥ 1, the last point labelled +.
        ratio: q in (0, 1).
    """

    last: int
    ratio: float = 0.5

    def __post_init__(self) -> None:
        numbers("last", number("last", self.last), "[1, inf)", whole=True)
        number("ratio", self.ratio, "(0, 1)")

    @property
    def rate_class(self) -> str:
        return "exponential"

    @property
    def rate(self) -> float:
        """−log(1 − p_{k₀}) of E ~ e^(−rate n), reached for n ≫ 1/p_{k₀} only."""
        return -math.log1p(-float(self._masses[-1]))

    @property
    def limit(self) -> float:
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """Σ_{k≤k₀} p_k (1 − Σ_{j=k}^{k₀} p_j)^n: k is wrong where none of k … k₀ was seen."""
        many = numbers("n", n, "[0, inf)", whole=True)
        p = self._masses
        unseen = np.log1p(-np.minimum(np.cumsum(p[::-1])[::-1], 1 - 1e-16))
        return (np.exp(many[..., None] * unseen) @ p)[()]

    @cached_property
    def _masses(self) -> np.ndarray:
        return (1 - self.ratio) * self.ratio ** np.arange(self.last)


@dataclass(frozen=True)
class IntervalThreshold:
    """A threshold c on [0, 1], uniform points, the middle of the gap around it as estimate.

    Attributes:
        threshold: c in [0, 1]; None for the mean over uniform c.
    """

    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None:
            number("threshold", self.threshold, "[0, 1]")

    @property
    def rate_class(self) -> str:
        return "linear"

    @property
    def exponent(self) -> float:
        """1, of E → 1/(2n)."""
        return 1.0

    @property
    def limit(self) -> float:
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """Mean of |estimate − c| after n ≥ 0 samples; the ends 0 and 1 count as seen.

        (1 − c^(n+1) − (1−c)^(n+1) + |1−2c|^(n+1))/(2(n+1)), and 1/(2(n+2)) over uniform c.
        """
        many = numbers("n", n, "[0, inf)", whole=True)
        if self.threshold is None:
            return (1 / (2 * (many + 2)))[()]
        c, m = self.threshold, many + 1
        return ((1 - c**m - (1 - c) ** m + abs(1 - 2 * c) ** m) / (2 * m))[()]


@dataclass(frozen=True)
class UnseenPoint:
    """Singletons: at most one point is +, here none; an unlucky empirical risk minimiser bets on
    the heaviest point that it has not seen. 2^i points have the mass 4^−i each, i = 1, 2, …

    The heaviest unseen point has a mass of about log(n)/n, so E ∝ log(n)/n up to a periodic factor
    in log n. Exact for Poisson(n) samples, which makes points independent.
    """

    @property
    def rate_class(self) -> str:
        return "log n/n"

    @property
    def limit(self) -> float:
        return 0.0

    def error(self, n: Argument) -> Numbers:
        """Σ_i 4^−i P(block i is the first with an unseen point), n ≥ 0 the mean sample size."""
        many = numbers("n", n, "[0, inf)")
        i = np.arange(1, 40.0)
        with np.errstate(divide="ignore"):
            # log P(all 2^i points of a block are seen)
            seen = 2**i * np.log(-np.expm1(-many[..., None] * 4**-i))
        before = np.concatenate([np.zeros_like(seen[..., :1]), np.cumsum(seen, -1)[..., :-1]], -1)
        return (np.exp(before) * -np.expm1(seen) @ 4**-i)[()]
