"""Eigenlearning: expected risks of kernel regression and of random features from their spectra.

A kernel has eigenvalues λ_i, the target power v_i² in mode i. On n samples with ridge δ each mode
is learned to the degree 𝓛_i, and the test error follows (Simon et al., arXiv 2110.03922; the same
as Bordelon et al., arXiv 2002.02561):

    n = Σ λ_i/(λ_i + κ) + δ/κ                    defines κ
    𝓛_i = λ_i/(λ_i + κ)
    E₀ = n/(n − Σ 𝓛_i²)
    MSE = E₀ (Σ (1 − 𝓛_i)² v_i² + σ²)

The MSE counts the label noise σ² of the test points. It is asymptotic in n, and assumes modes that
are as good as independent Gaussians: `lab.data.spectra` draws such data, real manifolds come
close. P random features on unlimited data obey the same equations with P in place of n; both finite
are below.

Ridge regression on random features, in samples, features and ridge.

A target of coefficients v_i on eigenfunctions of eigenvalues λ_i, k random features
ψ = √λ_i x_i F/√k with Gaussian F, n samples, ridge δ on the n × n matrix of the features' kernel,
not divided by n, label noise σ. Then (Simon, Karkada, Ghosh & Belkin, arXiv 2311.14646)

    n = z + δ/κ,    k = z + kκ/γ,    z = Σ λ_i/(λ_i + γ),    q = Σ (λ_i/(λ_i + γ))²

define κ and γ, and with u_i = γ/(λ_i + γ), the part of mode i that is not learned,

    E = n [Σ u_i ((z − q) + u_i (k − z)) v_i² + σ² (k − q)] / [(n − z)(k − q) + (z − q)(k − z)]

which is their equation free of differences of nearly equal numbers. k → ∞ is the risk above, and
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
from jaxtyping import Float

from lab.models.numerics import Argument, Numbers, number, numbers


@dataclass(frozen=True)
class Eigenlearned:
    """Prediction of the theory at one number of samples.

    Attributes:
        mse: mean squared test error, label noise included.
        kappa: κ, the eigenvalue at which a mode is half learned.
        learnabilities: 𝓛_i; their sum over all modes is at most n.
        overfitting: E₀ ≥ 1, the factor by which noise and unlearned modes are amplified.
    """

    mse: float
    kappa: float
    learnabilities: Float[np.ndarray, " modes"]
    overfitting: float


def expected_risk(
    n: float,
    eigenvalues: Float[np.ndarray, " modes"],
    power: Float[np.ndarray, " modes"],
    *,
    ridge: float = 0.0,
    noise: float = 0.0,
    multiplicity: Float[np.ndarray, " modes"] | None = None,
) -> Eigenlearned:
    """Solve for κ and give the risk.

    Args:
        n: number of samples, > 0, or of features (see above).
        eigenvalues: λ_i > 0, in any order.
        power: v_i², the target's power per mode.
        ridge: δ ≥ 0, added to a kernel matrix that is not divided by n.
        noise: σ, the standard deviation of the label noise.
        multiplicity: how many modes there are of each eigenvalue, 1 unless told; `power` is then
            that of all of them together.

    Without a ridge and with n ≥ the number of modes all is learned: κ = 0 and E₀ = n/(n − modes).
    Raises ValueError if n, a λ or the ridge is out of range.
    """
    if not (n > 0 and ridge >= 0 and np.all(eigenvalues > 0)):
        raise ValueError(
            f"eigenlearning needs n > 0, ridge ≥ 0 and positive eigenvalues, got n = {n}, "
            f"ridge = {ridge}, smallest eigenvalue {np.min(eigenvalues):g}"
        )
    many = np.ones_like(eigenvalues) if multiplicity is None else multiplicity
    kappa = half_learned(n, eigenvalues, ridge=ridge, multiplicity=many)
    learned = eigenvalues / (eigenvalues + kappa)
    left = n - np.sum(many * learned**2)
    overfitting = n / left if left > 0 else np.inf
    # (1 − 𝓛)² as κ²/(λ + κ)², which keeps its digits where all is learned
    unlearned = np.sum((kappa / (eigenvalues + kappa)) ** 2 * power) + noise**2
    mse = overfitting * unlearned if unlearned > 0 else 0.0
    return Eigenlearned(float(mse), kappa, learned, float(overfitting))


def half_learned(
    n: float,
    eigenvalues: Float[np.ndarray, " modes"],
    *,
    ridge: float = 0.0,
    multiplicity: Float[np.ndarray, " modes"] | None = None,
) -> float:
    """κ of n = Σ λ_i/(λ_i + κ) + δ/κ; 0 without a ridge for n ≥ the number of modes."""
    # scipy.optimize takes a tenth of a second to import, which reports of networks should not pay
    from scipy.optimize import brentq

    many = np.ones_like(eigenvalues) if multiplicity is None else multiplicity
    if ridge == 0 and n >= np.sum(many):
        return 0.0

    def surplus(log_kappa: float) -> float:
        kappa = np.exp(log_kappa)
        return float(np.sum(many * eigenvalues / (eigenvalues + kappa)) + ridge / kappa - n)

    # Σ λ/(λ+κ) + δ/κ falls in κ, from above n to below (Σλ + δ)/κ = n
    high = np.log((np.sum(many * eigenvalues) + ridge) / n)
    low = high
    while surplus(low) < 0:
        low -= 10
    return float(np.exp(brentq(surplus, low, high, xtol=1e-14, rtol=1e-14)))


@dataclass(frozen=True, eq=False)
class RandomFeaturesRidge:
    """Risk of ridge regression on random features.

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
            γ = half_learned(k, λ) if math.isfinite(k) else 0.0
            return float(np.sum(γ / (λ + γ) * v**2)) + self.noise**2
        if math.isinf(k):
            return expected_risk(n, λ, v**2, ridge=ridge, noise=self.noise).mse
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
        least = half_learned(min(n, k), λ)
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
