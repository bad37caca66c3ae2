"""Ridge regression on random features: the risk in samples, features and ridge, for any spectrum.

A target of coefficients v_i on eigenfunctions of eigenvalues λ_i, k random features
ψ = √λ_i x_i F/√k with Gaussian F, n samples, ridge δ on the n × n matrix of the features' kernel,
not divided by n, label noise σ. Then (Simon, Karkada, Ghosh & Belkin, arXiv 2311.14646)

    n = z + δ/κ,    k = z + kκ/γ,    z = Σ λ_i/(λ_i + γ),    q = Σ (λ_i/(λ_i + γ))²

define κ and γ, and with u_i = γ/(λ_i + γ), the part of mode i that is not learned,

    E = n [Σ u_i ((z − q) + u_i (k − z)) v_i² + σ² (k − q)] / [(n − z)(k − q) + (z − q)(k − z)]

which is their equation free of differences of nearly equal numbers. k → ∞ is `eigenlearning`, and
n → ∞ leaves what the features cannot express, E = Σ u_i v_i² + σ² at z = k: the two are equal in
k = n for isotropic weights, v_i² = λ_i, alone (duality). For λ_i ∝ i^−b, v_i² ∝ i^−a the first
falls as n^−min(a−1, 2b), the second as k^−min(a−1, b). Without a ridge z = min(n, k), and E
diverges at n = k.

E counts the label noise of test points. It is asymptotic in n and k: off by O(1/min(n, k)), about
2 % at 50, and by more within 15 % of the peak n = k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np

from lab.models import eigenlearning
from lab.models.arguments import Argument, Numbers, number, numbers

__all__ = ["RandomFeaturesRidge"]


@dataclass(frozen=True, eq=False)
class RandomFeaturesRidge:
    """The model of this file.

    Attributes:
        spectrum: λ_i > 0 [modes].
        target: v_i [modes], the target's coefficients on eigenfunctions of unit variance.
        noise: σ, standard deviation of the label noise.
    """

    spectrum: Argument
    target: Argument
    noise: float

    def __post_init__(self) -> None:
        λ, v = numbers("spectrum", self.spectrum, "(0, inf)"), numbers("target", self.target)
        if λ.ndim != 1 or λ.shape != v.shape or not λ.size:
            raise ValueError(
                f"spectrum and target have shapes {λ.shape} and {v.shape}; give two columns of one "
                "length, a λ_i and a v_i for each mode"
            )
        number("noise", self.noise, "[0, inf)")

    def risk(self, n: Argument, k: Argument, ridge: Argument = 0.0) -> Numbers:
        """E, the mean squared test error with the noise of its labels; arguments broadcast.

        Args:
            n: number of samples, > 0; may be ∞, the best fit with these features.
            k: number of features, > 0; may be ∞, the kernel.
            ridge: δ ≥ 0.
        """
        arguments = (
            numbers("n", n, "(0, inf]"),
            numbers("k", k, "(0, inf]"),
            numbers("ridge", ridge, "[0, inf)"),
        )
        return np.vectorize(self._risk, otypes=[float])(*arguments)[()]

    def optimal_ridge(self, n: SupportsFloat, k: SupportsFloat) -> float:
        """The ridge δ of the smallest risk: it takes the peak at n = k away."""
        from scipy.optimize import minimize_scalar

        scale = float(np.sum(np.asarray(self.spectrum, float)))
        best = minimize_scalar(
            lambda log: self.risk(n, k, np.exp(log)),
            bounds=(math.log(scale) - 35, math.log(scale) + 10),
            method="bounded",
            options={"xatol": 1e-6},
        )
        return float(np.exp(best.x)) if best.fun < self.risk(n, k) else 0.0

    def _risk(self, n: float, k: float, ridge: float) -> float:
        λ, v = np.asarray(self.spectrum, float), np.asarray(self.target, float)
        if math.isinf(n):
            γ = eigenlearning.half_learned(k, λ) if math.isfinite(k) else 0.0
            return float(np.sum(γ / (λ + γ) * v**2)) + self.noise**2
        if math.isinf(k):
            return eigenlearning.expected_risk(n, λ, v**2, ridge=ridge, noise=self.noise).mse
        if ridge == 0 and len(λ) <= min(n, k):  # all is learned, γ = 0
            left = n - len(λ)
            return self.noise**2 * n / left if left > 0 else math.inf if self.noise > 0 else 0.0
        γ = self._gamma(n, k, ridge)
        learned = λ / (λ + γ)
        u = γ / (λ + γ)
        z, q, between = learned.sum(), (learned**2).sum(), (learned * u).sum()
        # of n − z and k − z the smaller one from their product δk/γ
        if n <= k:
            samples = ridge * k / γ / (k - z) if k > z else 0.0
            features = k - n + samples
        else:
            features = ridge * k / γ / (n - z)
            samples = n - k + features
        below = samples * (k - q) + between * features
        above = np.sum(u * (between + u * features) * v**2) + self.noise**2 * (k - q)
        return float(n * above / below) if below > 0 else math.inf

    def _gamma(self, n: float, k: float, ridge: float) -> float:
        """γ of (n − z)(k − z) = δk/γ, the one root with z < min(n, k)."""
        from scipy.optimize import brentq

        λ = np.asarray(self.spectrum, float)
        least = eigenlearning.half_learned(min(n, k), λ)
        if ridge == 0:
            return least

        def surplus(log_gamma: float) -> float:
            γ = math.exp(log_gamma)
            z = float(np.sum(λ / (λ + γ)))
            return (n - z) * (k - z) * γ / k / ridge - 1

        low = math.log(least) if least > 0 else math.log(ridge) - 40
        high = max(low, math.log((λ.sum() + ridge) / n)) + 1
        while surplus(high) < 0:
            high += 2
        while surplus(low) > 0:  # all modes may be learned, or rounding puts the root below
            low -= 2
        return math.exp(brentq(surplus, low, high, xtol=1e-14, rtol=1e-14))
