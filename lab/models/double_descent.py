"""Double descent of minimum-norm least squares, exact at finite size: over samples and features.

Inputs x ~ N(0, I_D), labels y = xᵀβ + N(0, σ²). The student uses p of the D features (T) and takes
the solution of smallest norm on n samples. Its excess risk E(xᵀβ̂ − xᵀβ)² is, with the power
β_T² in the features it sees and β_c² = |β|² − β_T² in the others (Belkin, Hsu & Xu, arXiv
1903.07571; for p = D Hastie, Montanari, Rosset & Tibshirani, arXiv 1903.08560),

    p ≤ n − 2:   β_c² + (β_c² + σ²) p/(n − p − 1)
    p ≥ n + 2:   β_T² (1 − n/p) + β_c² + (β_c² + σ²) n/(p − n − 1)

and infinite between, for what is not seen is noise, which the solution amplifies. It rises to its
peak at p = n, the model's effective complexity (train error is 0 exactly for n ≤ p), and descends
again beyond.

The label noise of test points is not counted: add σ². No ridge (`lab.models.random_features`), no
other covariance of x (`lab.models.eigenlearning`, asymptotic where this is exact).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.models.arguments import Argument, Numbers, number, numbers

__all__ = ["MinimumNorm", "WeakFeatures"]


@dataclass(frozen=True)
class MinimumNorm:
    """Minimum-norm regression on all p features: double descent over samples.

    Attributes:
        p: number of features, ≥ 1.
        noise: σ, standard deviation of the label noise.
        norm: |β|.
    """

    p: int
    noise: float
    norm: float = 1.0

    def __post_init__(self) -> None:
        numbers("p", number("p", self.p), "[1, inf)", whole=True)
        number("noise", self.noise, "[0, inf)")
        number("norm", self.norm, "[0, inf)")

    def risk(self, n: Argument) -> Numbers:
        """E|β̂ − β|² at n samples, whole and ≥ 0; ∞ where it has no mean.

        Below n = p it is the mean over directions of β, or of the data, which is the same.
        """
        n = numbers("n", n, "[0, inf)", whole=True)
        return _risk(n, np.float64(self.p), self.norm**2, 0.0, self.noise**2)

    @property
    def peak(self) -> int:
        """The interpolation threshold n = p, above which the train error is not 0."""
        return self.p

    @property
    def exponent(self) -> float:
        """1, of the risk σ² p/n at n ≫ p (variance-limited)."""
        return 1.0

    @property
    def optimal_ridge(self) -> float:
        """σ²p/|β|²: no ridge on XᵀX has a smaller risk at any n, in the mean over directions of β
        (it is the Bayes estimate), and none of its curves has a peak. ∞ for β = 0."""
        return self.noise**2 * self.p / self.norm**2 if self.norm > 0 else np.inf


@dataclass(frozen=True)
class WeakFeatures:
    """Minimum-norm regression on p of D equally weak features: double descent over features.

    Attributes:
        D: number of features of the input, ≥ 1.
        n: number of samples, ≥ 0.
        noise: σ, standard deviation of the label noise.
        norm: |β|.
    """

    D: int
    n: int
    noise: float
    norm: float = 1.0

    def __post_init__(self) -> None:
        numbers("D", number("D", self.D), "[1, inf)", whole=True)
        numbers("n", number("n", self.n), "[0, inf)", whole=True)
        number("noise", self.noise, "[0, inf)")
        number("norm", self.norm, "[0, inf)")

    def risk(self, p: Argument) -> Numbers:
        """Excess risk with p features, whole and 0 … D; ∞ at |p − n| ≤ 1, where it has no mean.

        The expectation over which p of the D features are used, β_T² = |β|² p/D.
        """
        p = numbers("p", p, f"[0, {self.D}]", whole=True)
        seen = self.norm**2 * p / self.D
        return _risk(np.float64(self.n), p, seen, self.norm**2 * (1 - p / self.D), self.noise**2)

    @property
    def peak(self) -> int:
        """The interpolation threshold p = n, from which on the train error is 0."""
        return self.n


def _risk(n: Numbers, p: Numbers, seen: Numbers, unseen: Numbers, noise: float) -> Numbers:
    """The equation of this file; seen, unseen and noise are β_T², β_c² and σ²."""
    missed = seen * np.maximum(0.0, 1 - n / np.maximum(p, 1)) + unseen
    apart = np.where(n > p, n - p - 1, p - n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        amplified = (unseen + noise) * np.minimum(n, p) / apart
    # without samples, features or noise nothing is amplified; |n − p| ≤ 1 has no mean otherwise
    amplified = np.where(apart > 0, amplified, np.inf)
    silent = (unseen + noise == 0) | (np.minimum(n, p) == 0)
    return (missed + np.where(silent, 0.0, amplified))[()]
